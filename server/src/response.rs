//! Responses by their form: JSON, text, and 304.

use serde::Serialize;
use warp::http::header::{CONTENT_TYPE, HeaderValue, VARY};
use warp::http::{Response, StatusCode};

use crate::caching;
use crate::problem::Problem;

/// The outcome of a request. A problem becomes a response, or a redirect, in `routes`.
pub(crate) type Answer = Result<Response<Vec<u8>>, Problem>;

/// A response with a body of JSON.
///
/// # Errors
/// 500 for a value without a JSON form.
pub(crate) fn json(answer: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(answer).map_err(Problem::failed_answer)?;
    Ok(with_type(body, "application/json"))
}

/// A response with a body of plain text.
pub(crate) fn text(body: &str) -> Response<Vec<u8>> {
    with_type(body.into(), "text/plain; charset=utf-8")
}

/// A response with a body of a content type.
pub(crate) fn with_type(body: Vec<u8>, content_type: &'static str) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    // One allocation for this one and those that follow: six in a list.
    response.headers_mut().reserve(6);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 304, without a body.
pub(crate) fn not_modified() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    // A 200 might have been compressed.
    response.headers_mut().insert(VARY, caching::BY_ENCODING);
    response
}
