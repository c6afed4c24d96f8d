//! Entity tags and compression.
//!
//! Input: the request as it was understood, and the client's headers `If-None-Match` and `Accept-Encoding`. Output: tags that
//! equal requests to equal data share, whether a client has an answer already, and compressed bodies.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use warp::http::Response;
use warp::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY};

/// The minimum size of a body that is compressed: a smaller one fits into one packet as it is.
const MIN_COMPRESSED: usize = 1400;

/// The header `Vary` of an answer that depends on the accepted encodings.
pub(crate) const BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// A 64-bit hash. It may change with the release; clients then fetch once more.
pub(crate) fn digest(of: &impl Hash) -> u64 {
    // Its keys are fixed.
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The entity tag of an answer, by a hash of everything that the answer depends on. It is weak, because the same answer may
/// be sent compressed or not.
pub(crate) fn entity_tag(of: &impl Hash) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    // Every lookup has a tag, and `format!` takes four times as long.
    let (mut tag, digest) = (*b"W/\"................\"", digest(of));
    for (at, digit) in tag[3..19].iter_mut().enumerate() {
        *digit = DIGITS[(digest >> (60 - 4 * at)) as usize & 15];
    }
    // Digits and quotes are always a valid header.
    HeaderValue::from_bytes(&tag).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// The headers of a request that decide on the transfer of its answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preferences {
    /// The tags of the answers that the client has, or `*` for any answer.
    known: Vec<HeaderValue>,
    takes_gzip: bool,
}

impl Preferences {
    /// Reads the headers of a request; `None` where it has none of these.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let known: Vec<_> = headers.get_all(IF_NONE_MATCH).iter().cloned().collect();
        let takes_gzip = takes_gzip(headers);
        (takes_gzip || !known.is_empty()).then_some(Self { known, takes_gzip })
    }

    /// Whether the client has the answer with a tag.
    pub(crate) fn knows(&self, tag: &HeaderValue) -> bool {
        let opaque = |tag: &'_ [u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
        let mut given = self.known.iter().flat_map(|tags| tags.as_bytes().split(|&byte| byte == b','));
        given.any(|one| opaque(one.trim_ascii()) == opaque(tag.as_bytes()))
    }

    /// Whether the client accepts 304 in place of any answer (`*`).
    pub(crate) fn knows_all(&self) -> bool {
        self.known.iter().any(|tags| tags == "*")
    }
}

/// Compresses a body for a client that accepts gzip, where that saves packets, unless it is compressed already.
pub(crate) fn compress(response: &mut Response<Vec<u8>>, client: Option<&Preferences>) {
    if response.body().len() < MIN_COMPRESSED || response.headers().contains_key(CONTENT_ENCODING) {
        return;
    }
    response.headers_mut().insert(VARY, BY_ENCODING);
    if !client.is_some_and(|client| client.takes_gzip) {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(response.body().len() / 2), Compression::fast());
    // Writing to memory does not fail; if it did, the body would be sent as it is.
    let Ok(body) = encoder.write_all(response.body()).and_then(|()| encoder.finish()) else { return };
    *response.body_mut() = body;
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let given = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|coding| {
        let mut words = coding.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        let refused = words.any(|word| word.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_tag_is_known_by_its_text_strong_or_weak() {
        let tag = entity_tag(&("20261123T023000.125Z", 18));
        assert_ne!(tag, entity_tag(&("20261123T023000.125Z", 19)));
        let text = tag.to_str().unwrap();
        assert!(text.len() == 20 && text.starts_with("W/\"") && text.ends_with('"'), "{text}");
        for (given, known) in [
            (text.to_owned(), true),
            (text[2..].to_owned(), true),
            (format!("\"other\", {text}"), true),
            ("*".to_owned(), false),
            ("\"other\"".to_owned(), false),
            (text[3..19].to_owned(), false),
            (String::new(), false),
        ] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(&given).unwrap())]);
            let client = Preferences::of(&headers).unwrap();
            assert_eq!(client.knows(&tag), known, "{given}");
            assert_eq!(client.knows_all(), given == "*", "{given}");
        }
        assert!(Preferences::of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn long_bodies_are_compressed_for_clients_that_accept_it() {
        let compressed = |accepts: &'static str, n: usize| {
            let mut response = Response::new(vec![b'x'; n]);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepts))]);
            compress(&mut response, Preferences::of(&headers).as_ref());
            response
        };
        for accepts in ["gzip", "br, GZIP;q=0.5", "*"] {
            let response = compressed(accepts, 5000);
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(response.body().as_slice()).read_to_end(&mut body).unwrap();
            assert_eq!(body, [b'x'; 5000]);
        }
        for (accepts, n) in
            [("gzip", 100), ("gzip;q=0", 5000), ("gzip; q=0.000", 5000), ("br", 5000), ("", 5000)]
        {
            assert!(!compressed(accepts, n).headers().contains_key(CONTENT_ENCODING), "{accepts}");
        }
    }
}
