//! `GET /`: the page for people. It is part of the program, as are its style sheet and its script.
//!
//! The page asks this server alone. Its policy has the browser enforce that: nothing is loaded from other servers, and no
//! script runs but its own.

use warp::http::Response;
use warp::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, REFERRER_POLICY};

use crate::caching::{self, Preferences};
use crate::response::{not_modified, with_type};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// One of its files.
pub(super) struct File {
    content_type: &'static str,
    content: &'static str,
}

pub(super) const PAGE: File =
    File { content_type: "text/html; charset=utf-8", content: include_str!("../../page/index.html") };
pub(super) const STYLE: File =
    File { content_type: "text/css; charset=utf-8", content: include_str!("../../page/page.css") };
pub(super) const SCRIPT: File =
    File { content_type: "text/javascript; charset=utf-8", content: include_str!("../../page/page.js") };

pub(super) fn answer(file: &File, client: Option<&Preferences>) -> Response<Vec<u8>> {
    // The files change with the release alone.
    let tag = caching::entity_tag(&file.content);
    let is_known = client.is_some_and(|client| client.knows(&tag) || client.knows_all());
    let mut response =
        if is_known { not_modified() } else { with_type(file.content.into(), file.content_type) };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
