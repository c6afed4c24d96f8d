//! Answers that say no: `application/problem+json` (RFC 9457).
//!
//! The type is always `about:blank`, so the title is the status's own phrase and the detail carries what
//! the caller can act on. What went wrong inside is logged, never told.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use warp::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use warp::http::{Method, Response, StatusCode};

/// The shard of a user whom another server owns.
pub(crate) const X_SHARD: HeaderName = HeaderName::from_static("x-shard");

/// Why a request has no other answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<Fault>,
    header: Option<(HeaderName, &'static str)>,
    shard: Option<u32>,
}

/// What is wrong with one parameter, or with one member of a body.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    /// Its name.
    pub(crate) parameter: Cow<'static, str>,
    /// What is wrong with it, to be read after its name.
    detail: String,
}

/// So many faults are told of.
const MOST_FAULTS: usize = 20;

impl Fault {
    pub(crate) fn new(parameter: &'static str, detail: String) -> Self {
        Self { parameter: parameter.into(), detail }
    }

    /// Nobody knows such a parameter.
    pub(crate) fn unknown(name: &str, known: &impl Display) -> Self {
        let parameter = shortened(name).into_owned().into();
        Self { parameter, detail: format!("is unknown; this route takes {known}") }
    }
}

/// The document that is sent.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Fault],
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), header: None, shard: None }
    }

    /// Parameters are not what they must be; the detail names each, what was given and what to do.
    pub(crate) fn bad_parameters(mut errors: Vec<Fault>) -> Self {
        errors.truncate(MOST_FAULTS);
        let sentences: Vec<_> =
            errors.iter().map(|fault| format!("{} {}", fault.parameter, fault.detail)).collect();
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, sentences.join("; and ")) }
    }

    /// One parameter is not what it must be.
    pub(crate) fn bad_parameter(parameter: &'static str, detail: String) -> Self {
        Self::bad_parameters(vec![Fault::new(parameter, detail)])
    }

    /// A body is not what it must be.
    pub(crate) fn bad_body(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A body is longer than it may be.
    pub(crate) fn body_too_long(most: usize) -> Self {
        let detail = format!("the body is longer than {most} bytes, the most that this server takes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// A body was not sent in time.
    pub(crate) fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
    }

    /// What is asked for is not in the data.
    pub(crate) fn unknown(what: &str, id: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what} {id}"))
    }

    /// A user's shard is another server's. Who asks for others beside has to know who owns whom, for nobody else can part
    /// them: no shard is then named to turn to.
    pub(crate) fn misdirected(user: impl Display, shard: u32, is_alone: bool) -> Self {
        let detail =
            format!("{user} is in shard {shard}, which this server does not own; ask the one that does");
        let problem = Self::bad_parameter("user_id", detail);
        Self { status: StatusCode::MISDIRECTED_REQUEST, shard: is_alone.then_some(shard), ..problem }
    }

    /// The generation has nothing to fold ratings into.
    pub(crate) fn nothing_to_fold_into() -> Self {
        let detail =
            "the published lists are ordered by predicted stars, into which ratings cannot be folded";
        Self::new(StatusCode::NOT_IMPLEMENTED, detail)
    }

    /// There is as much to compute as may wait.
    pub(crate) fn too_busy() -> Self {
        let detail = "too many answers are being computed; try again, or another server";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { header: Some((RETRY_AFTER, "1")), ..problem }
    }

    /// There is no such route.
    pub(crate) fn not_found() -> Self {
        let detail = "there is nothing here; GET /openapi.json says what there is";
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// There is such a route, but not by this method.
    pub(crate) fn method_not_allowed(method: &Method, allowed: &'static str) -> Self {
        let detail = format!("{} is not possible here; use one of {allowed}", shortened(method.as_str()));
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        Self { header: Some((ALLOW, allowed)), ..problem }
    }

    /// No generation is open yet.
    pub(crate) fn nothing_to_serve() -> Self {
        let detail = "no recommendations have been published yet; try again later";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { header: Some((RETRY_AFTER, "5")), ..problem }
    }

    /// There are as many connections as there may be.
    pub(crate) fn too_many_connections() -> Self {
        let detail = "there are too many connections; try again, or another server";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { header: Some((RETRY_AFTER, "1")), ..problem }
    }

    /// A lookup failed on data that passed every check when it was opened.
    pub(crate) fn failed_lookup(error: store::Error) -> Self {
        tracing::error!("a lookup failed: {error}");
        Self::internal()
    }

    /// An answer has no JSON form: a fault of ours.
    pub(crate) fn failed_answer(error: serde_json::Error) -> Self {
        tracing::error!("an answer cannot be written as JSON: {error}");
        Self::internal()
    }

    /// The metrics cannot be written: a fault of ours.
    pub(crate) fn failed_exposition(error: std::fmt::Error) -> Self {
        tracing::error!("the metrics cannot be written: {error}");
        Self::internal()
    }

    /// A computation panicked: a fault of ours.
    pub(crate) fn crashed() -> Self {
        tracing::error!("an answer could not be computed: the computation panicked");
        Self::internal()
    }

    fn internal() -> Self {
        let detail = "the answer could not be looked up; the server's log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// The problem as an answer.
    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        // Four strings and a number always have a JSON form; an empty body still carries the status.
        let mut response = Response::new(serde_json::to_vec(&document).unwrap_or_default());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if self.status == StatusCode::MISDIRECTED_REQUEST {
            // Who owns what is another matter tomorrow.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Some(shard) = self.shard {
            headers.insert(X_SHARD, shard.into());
        }
        response
    }
}

/// What a caller sent, short enough to be sent back.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_escapes_what_was_sent() {
        let response = Problem::bad_parameter("n", "was given as `\"\n`".to_owned()).into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            String::from_utf8_lossy(response.body()),
            concat!(
                r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"n was given as `\"\n`","#,
                r#""errors":[{"parameter":"n","detail":"was given as `\"\n`"}]}"#
            )
        );
    }

    #[test]
    fn what_was_sent_is_cut_between_characters() {
        assert_eq!(shortened("18"), "18");
        assert_eq!(shortened(&"ü".repeat(40)), "ü".repeat(40));
        assert_eq!(shortened(&"ü".repeat(41)), format!("{}...", "ü".repeat(40)));
    }
}
