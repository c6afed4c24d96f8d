//! Error responses: `application/problem+json` (RFC 9457).
//!
//! Input: what a route could not do. Output: a response with a status, a detail that the client can act on, and the faulty
//! parameters by name. The type is always `about:blank`, so the title is the status's own phrase. The cause of an internal
//! error is logged and not sent.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use store::UserId;
use warp::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use warp::http::{Method, Response, StatusCode};

use crate::app::App;

/// The shard of a user that another server owns.
const X_SHARD: HeaderName = HeaderName::from_static("x-shard");

/// An error response that has not been written yet.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    shard: Option<u32>,
}

/// A fault of one parameter, or of one member of a body.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    parameter: Cow<'static, str>,
    /// The rest of a sentence that begins with the name of the parameter.
    detail: String,
}

/// The maximum number of faults in a response.
const MAX_FAULTS: usize = 20;

impl Fault {
    pub(crate) fn new(parameter: &'static str, detail: String) -> Self {
        Self { parameter: parameter.into(), detail }
    }

    /// A parameter that the route does not take; `known` lists those that it takes.
    pub(crate) fn unknown(name: &str, known: &str) -> Self {
        let parameter = shortened(name).into_owned().into();
        Self { parameter, detail: format!("is unknown; this route takes {known}") }
    }
}

/// The body of an error response.
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
        Self { status, detail: detail.into(), errors: Vec::new(), headers: Vec::new(), shard: None }
    }

    /// Adds a header to the response.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn unavailable(detail: impl Into<Cow<'static, str>>, retry_after: &'static str) -> Self {
        let retry_after = HeaderValue::from_static(retry_after);
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header(RETRY_AFTER, retry_after)
    }

    /// 400: parameters with faults. The detail joins their sentences.
    pub(crate) fn bad_parameters(mut errors: Vec<Fault>) -> Self {
        errors.truncate(MAX_FAULTS);
        let sentences: Vec<_> =
            errors.iter().map(|fault| format!("{} {}", fault.parameter, fault.detail)).collect();
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, sentences.join("; and ")) }
    }

    /// 400: one parameter with a fault.
    pub(crate) fn bad_parameter(parameter: &'static str, detail: String) -> Self {
        Self::bad_parameters(vec![Fault::new(parameter, detail)])
    }

    /// 400: a body that cannot be parsed.
    pub(crate) fn bad_body(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 400: a request target without a path, such as that of CONNECT.
    pub(crate) fn no_path() -> Self {
        Self::bad_head("the request target has no path; give one such as /livez")
    }

    /// 400: the head of a request that is malformed or ambiguous.
    pub(crate) fn bad_head(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 414: a request line that is longer than a head may be.
    pub(crate) fn target_too_long(max: usize) -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            format!("the request line is longer than {max} bytes; send a shorter one"),
        )
    }

    /// 431: a head that is too long.
    pub(crate) fn head_too_long(max: usize, max_headers: usize) -> Self {
        let detail =
            format!("the head of the request has more than {max} bytes or {max_headers} headers; send fewer");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
    }

    /// 421: a host that is not among those of the settings.
    pub(crate) fn wrong_host(host: &str) -> Self {
        let detail = format!(
            "this server does not serve the host {}; its operator can add it with --hosts",
            shortened(host)
        );
        Self::new(StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// 501: a body with a transfer coding beside `chunked`.
    pub(crate) fn unknown_coding() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "the only transfer coding of this server is chunked; send the body without others",
        )
    }

    /// 505: another version of HTTP than 1.0 and 1.1.
    pub(crate) fn other_version() -> Self {
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1 and HTTP/1.0")
    }

    /// 413: a body of more than `max` bytes.
    pub(crate) fn body_too_long(max: u64) -> Self {
        let detail = format!("the body is longer than {max} bytes, the maximum of this server");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 408: a body that did not arrive in time.
    pub(crate) fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
    }

    /// 404: a user or a movie that is not in the data.
    pub(crate) fn unknown(what: &str, id: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what} {id}"))
    }

    /// 421: a user whose shard another server owns. `is_only_user` says that the request names no other user: only then can
    /// it be sent to the shard's server as it is, and only then is the shard named.
    pub(crate) fn misdirected(user: UserId, shard: u32, is_only_user: bool) -> Self {
        let detail = format!(
            "{user} is in shard {shard}, which this server does not own; send the request to the server that owns it"
        );
        let mut problem = Self::bad_parameter("user_id", detail);
        problem.status = StatusCode::MISDIRECTED_REQUEST;
        // The assignment of shards to servers may change.
        problem = problem.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if is_only_user {
            problem.shard = Some(shard);
            problem = problem.with_header(X_SHARD, shard.into());
        }
        problem
    }

    /// The shard whose server can answer the same request; `None` for other problems.
    pub(crate) fn shard(&self) -> Option<u32> {
        self.shard
    }

    /// 501: a generation whose lists are ordered by predicted stars.
    pub(crate) fn cannot_fold_in() -> Self {
        let detail =
            "the published lists are ordered by predicted stars, and ratings cannot be folded into these";
        Self::new(StatusCode::NOT_IMPLEMENTED, detail)
    }

    /// 503: the maximum number of computations is waiting.
    pub(crate) fn too_busy() -> Self {
        Self::unavailable("too many answers are being computed; try again, or use another server", "1")
    }

    /// 404: a path that is no route.
    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such path; GET /openapi.json lists the paths")
    }

    /// 405: a method that the route does not take.
    pub(crate) fn method_not_allowed(method: &Method, allowed: &'static str) -> Self {
        let detail = format!("{} is not possible here; use one of {allowed}", shortened(method.as_str()));
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        problem.with_header(ALLOW, HeaderValue::from_static(allowed))
    }

    /// 503: no generation is open yet. The detail says why.
    pub(crate) fn nothing_to_serve(app: &App) -> Self {
        let reasons: Vec<_> = std::iter::once(app.current.reason().to_owned()).chain(app.overdue()).collect();
        Self::unavailable(format!("{}; try again later", reasons.join("; ")), "5")
    }

    /// 503: the memory for requests that are being received is used up.
    pub(crate) fn too_much_received() -> Self {
        Self::unavailable("too many requests are being received; try again, or use another server", "1")
    }

    /// 503: the maximum number of connections is open.
    pub(crate) fn too_many_connections() -> Self {
        Self::unavailable("there are too many connections; try again, or use another server", "1")
    }

    /// 500: a lookup failed on records that passed every check when they were opened.
    pub(crate) fn failed_lookup(error: store::Error) -> Self {
        tracing::error!("a lookup failed: {error}");
        Self::internal()
    }

    /// 500: an answer has no JSON form, a fault of the server.
    pub(crate) fn failed_answer(error: serde_json::Error) -> Self {
        tracing::error!("an answer cannot be written as JSON: {error}");
        Self::internal()
    }

    /// 500: the metrics cannot be written, a fault of the server.
    pub(crate) fn failed_exposition(error: std::fmt::Error) -> Self {
        tracing::error!("the metrics cannot be written: {error}");
        Self::internal()
    }

    /// 500: a computation panicked, a fault of the server.
    pub(crate) fn crashed() -> Self {
        tracing::error!("an answer could not be computed: the computation panicked");
        Self::internal()
    }

    fn internal() -> Self {
        let detail = "the answer could not be looked up; the server's log has the cause";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// Writes the response.
    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        // Strings and numbers always have a JSON form; an empty body would still carry the status.
        let mut response = Response::new(serde_json::to_vec(&document).unwrap_or_default());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers);
        response
    }

    /// Writes a redirect in place of the problem: without a body, with the problem's headers.
    pub(crate) fn into_redirect(self, location: HeaderValue) -> Response<Vec<u8>> {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(LOCATION, location);
        response
    }
}

/// A client's text, short enough to be sent back.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_escapes_the_text_of_the_client() {
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
    fn the_text_of_a_client_is_cut_between_characters() {
        assert_eq!(shortened("18"), "18");
        assert_eq!(shortened(&"ü".repeat(40)), "ü".repeat(40));
        assert_eq!(shortened(&"ü".repeat(41)), format!("{}...", "ü".repeat(40)));
    }
}
