//! The check of a request's head (RFC 9112): syntax, version, target, host, and the length of the body.
//!
//! Input: the bytes at the beginning of a request. Output: the length of the head and the framing of the body, or the
//! problem with which the request is answered. hyper is more lenient where a message is ambiguous, and answers what it
//! refuses without a body, so it receives only heads that have passed this check. Header fields that concern a route are
//! not looked at.

use std::mem::MaybeUninit;

use httparse::{Error, Header, Request, Status};
use warp::http::Uri;

use super::framing::Body;
use crate::hosts::{Hosts, host_of};
use crate::problem::{Problem, shortened};

/// The maximum size of a request's line and headers.
pub(super) const MAX_HEAD_BYTES: usize = 64 << 10;
/// The maximum number of headers: that of hyper, of which another number would cost a few per cent of the throughput.
const MAX_HEADERS: usize = 100;

/// Checks the head at the beginning of `bytes`. Returns its length and the framing of the body behind it, or `None` where
/// the head has not arrived in full.
///
/// # Errors
/// 400 for a malformed or ambiguous head, 413 for a body of more than `max_body` bytes, 414 and 431 for one that is too long, 421 for a host that is not served, 501 for
/// an unknown transfer coding, 505 for another version of HTTP.
pub(super) fn check(bytes: &[u8], hosts: &Hosts, max_body: u64) -> Result<Option<(usize, Body)>, Problem> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD_BYTES => length,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return Ok(None),
        Ok(_) => return Err(too_long(bytes)),
        Err(Error::TooManyHeaders) => return Err(Problem::head_too_long(MAX_HEAD_BYTES, MAX_HEADERS)),
        Err(Error::Version) if has_other_version(bytes) => return Err(Problem::other_version()),
        Err(error) => return Err(Problem::bad_head(format!("the head of the request has an {error}"))),
    };
    let is_1_1 = request.version == Some(1);
    let fields = Fields::of(request.headers)?;
    let authority = authority_of(request.method.unwrap_or_default(), request.path.unwrap_or_default())?;
    check_host(authority.as_deref(), &fields, is_1_1, hosts)?;
    match fields.body(is_1_1)? {
        Body::Length(length) if length > max_body => Err(Problem::body_too_long(max_body)),
        body => Ok(Some((length, body))),
    }
}

/// The header fields that say how a request is to be read.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    /// The transfer codings in order.
    codings: Vec<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn of(headers: &[Header<'a>]) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for &Header { name, value } in headers {
            // Most names differ in length.
            match name.len() {
                4 if name.eq_ignore_ascii_case("host") => {
                    let before = fields.host.replace(value);
                    if before.is_some() {
                        return Err(Problem::bad_head("the request has several Host headers; send one"));
                    }
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let length = content_length(value)?;
                    if fields.length.replace(length).is_some_and(|before| before != length) {
                        return Err(Problem::bad_head(
                            "the request has different lengths; send one Content-Length",
                        ));
                    }
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    fields.codings.extend(value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii));
                }
                _ => {}
            }
        }
        Ok(fields)
    }

    /// The framing of the body.
    fn body(&self, is_1_1: bool) -> Result<Body, Problem> {
        let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let Some((last, others)) = self.codings.split_last() else {
            return Ok(self.length.map_or(Body::NONE, Body::Length));
        };
        if self.length.is_some() {
            return Err(Problem::bad_head(
                "the request has both Content-Length and Transfer-Encoding; send one of them",
            ));
        }
        if !is_1_1 {
            return Err(Problem::bad_head("HTTP/1.0 has no Transfer-Encoding; send Content-Length"));
        }
        if !is_chunked(last) || others.iter().any(|coding| is_chunked(coding) || coding.is_empty()) {
            return Err(Problem::bad_head("the last transfer coding, and no other, must be chunked"));
        }
        if others.is_empty() { Ok(Body::CHUNKED) } else { Err(Problem::unknown_coding()) }
    }
}

fn content_length(value: &[u8]) -> Result<u64, Problem> {
    let digits = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        let value = String::from_utf8_lossy(value);
        Problem::bad_head(format!(
            "Content-Length is `{}`; send the number of bytes of the body",
            shortened(&value)
        ))
    })
}

/// The authority in a request's target: that of the absolute form, `None` for the origin form and for `*`.
fn authority_of(method: &str, target: &str) -> Result<Option<String>, Problem> {
    /// Whether a byte is usual in a path and a query, and has no meaning before them.
    fn is_usual(byte: u8) -> bool {
        matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'?' | b'&' | b'=' | b',' | b'.' | b'_' | b'-' | b'%' | b'+')
    }

    if method == "CONNECT" {
        return Err(Problem::no_path());
    }
    if target.starts_with('/') && target.bytes().all(is_usual) {
        return Ok(None);
    }
    if target == "*" {
        return if method == "OPTIONS" { Ok(None) } else { Err(Problem::no_path()) };
    }
    let uri: Uri = match target.parse() {
        // hyper would leave a fragment out.
        Ok(uri) if !target.contains('#') => uri,
        _ => {
            let detail = format!(
                "the request target `{}` is no path and no URL; escape other characters",
                shortened(target)
            );
            return Err(Problem::bad_head(detail));
        }
    };
    match (uri.scheme_str(), uri.authority()) {
        (None, None) => Ok(None),
        (Some("http" | "https"), Some(authority)) => Ok(Some(authority.as_str().to_owned())),
        (Some(_), _) => Err(Problem::bad_head(
            "the request target is a URL of another scheme; send a path or an http URL",
        )),
        (None, Some(_)) => Err(Problem::no_path()),
    }
}

/// Checks the host of a request: that of the absolute form, else that of the header, which HTTP/1.1 demands in any case.
fn check_host(
    authority: Option<&str>,
    fields: &Fields<'_>,
    is_1_1: bool,
    hosts: &Hosts,
) -> Result<(), Problem> {
    let header = match fields.host {
        Some(value) => Some(str::from_utf8(value).ok().and_then(host_of).ok_or_else(|| {
            let value = String::from_utf8_lossy(value);
            Problem::bad_head(format!(
                "Host is `{}`; send a name or an address, and a port",
                shortened(&value)
            ))
        })?),
        None if is_1_1 => {
            return Err(Problem::bad_head("the request has no Host header, which HTTP/1.1 demands"));
        }
        None => None,
    };
    let host = match authority {
        Some(authority) => Some(host_of(authority).ok_or_else(|| {
            Problem::bad_head(
                "the URL in the request line has no valid host; send a name or an address, and a port",
            )
        })?),
        None => header,
    };
    // A request of HTTP/1.0 need not name a host. No browser sends one.
    if host.is_none_or(|host| hosts.serve(host)) {
        Ok(())
    } else {
        Err(Problem::wrong_host(host.unwrap_or_default()))
    }
}

/// Whether the request line ends with a version of HTTP, which then is not 1.0 or 1.1.
fn has_other_version(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start().split(|&byte| byte == b'\n').next().unwrap_or_default();
    let version = line
        .trim_ascii_end()
        .rsplit(|&byte| byte == b' ')
        .next()
        .and_then(|word| word.strip_prefix(b"HTTP/"));
    matches!(version, Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn too_long(bytes: &[u8]) -> Problem {
    if bytes.trim_ascii_start().contains(&b'\n') {
        Problem::head_too_long(MAX_HEAD_BYTES, MAX_HEADERS)
    } else {
        Problem::target_too_long(MAX_HEAD_BYTES)
    }
}
