//! `GET /`: the page on which a person looks at all of this. It is part of the program, as are its style and its script.
//!
//! It asks this server and nobody else, and a browser sees to it: nothing may be loaded from elsewhere, nothing may be
//! written into the page that runs.

use warp::http::HeaderValue;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use super::view::not_modified;
use super::{Answer, with_type};
use crate::caching::{self, Preferences};
use crate::parameters::Parameters;

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

pub(super) fn answer(file: &File, query: &str, client: Option<&Preferences>) -> Answer {
    Parameters::of(query).finish("none")?;
    // Another release may have another page; until then nothing is sent twice.
    let tag = caching::entity_tag(&file.content);
    let is_known = client.is_some_and(|client| client.knows(&tag) || client.knows_all());
    let mut response =
        if is_known { not_modified() } else { with_type(file.content.into(), file.content_type) };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}
