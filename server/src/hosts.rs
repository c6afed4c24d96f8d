//! The host names that are served, and the syntax of a host in a request.
//!
//! A page of another site can have its own name resolve to the address of this server (DNS rebinding), and a browser then
//! lets the page read the answers. Such requests carry the page's name as their host. So a server that knows its own names
//! refuses all others.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The host names that are served: some, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// In lower case, without a final dot. No names stand for all.
    names: Vec<String>,
}

/// A text that is not a list of host names.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no host name; give names without scheme and port, separated by commas, or all")]
pub struct InvalidHost(String);

/// The word for all hosts.
const ALL: &str = "all";

impl Hosts {
    /// All host names.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether requests for a host are served. Those for an address are: a browser sends the name that the page came from,
    /// so the page of another site never sends an address.
    pub(crate) fn serve(&self, host: &str) -> bool {
        self.names.is_empty() || {
            let name = without_final_dot(host);
            self.names.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_address(host)
        }
    }
}

impl FromStr for Hosts {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        if text == ALL {
            return Ok(Self::all());
        }
        let name = |name: &str| match split_port(name.trim()) {
            Some((host, None)) => Ok(without_final_dot(host).to_ascii_lowercase()),
            _ => Err(InvalidHost(name.to_owned())),
        };
        text.split(',').map(name).collect::<Result<_, _>>().map(|names| Self { names })
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() { f.write_str(ALL) } else { f.write_str(&self.names.join(",")) }
    }
}

/// The host of an authority such as `example.com:8080` or of the header `Host`; `None` where it is malformed or empty.
pub(crate) fn host_of(authority: &str) -> Option<&str> {
    split_port(authority).map(|(host, _)| host)
}

/// Splits an authority into the host and the port behind the colon, if there is one (RFC 3986, section 3.2, without a user).
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_address = authority.rfind(']').map_or(0, |at| at + 1);
    let colon = authority[end_of_address..].find(':').map(|at| end_of_address + at);
    let host = &authority[..colon.unwrap_or(authority.len())];
    let is_name_byte = |byte| {
        matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-')
            || b"_~%!$&'()*+,;=".contains(&byte)
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.bytes().all(is_name_byte),
    };
    let port = match colon.map(|at| &authority[at + 1..]) {
        // A colon without a port is allowed.
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
    };
    is_host.then_some((host, port))
}

fn without_final_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8080", "example.com"),
            ("my_service:", "my_service"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(authority), Some(host), "{authority}");
        }
        for malformed in [
            "", ":80", "a b", "a/b", "a:b", "a:80:80", "u@a", "a:65536", "a:-1", "::1", "[::1", "[a]",
            "[::1]a", "ä", "a?b", "a#b", "a\\b", "[::1]]",
        ] {
            assert_eq!(host_of(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn named_hosts_and_addresses_are_served() {
        let hosts: Hosts = "Movies.example.com, movies".parse().unwrap();
        assert_eq!(hosts.to_string(), "movies.example.com,movies");
        for host in ["movies.example.com", "MOVIES.EXAMPLE.COM.", "movies", "10.0.0.7", "[::1]"] {
            assert!(hosts.serve(host), "{host}");
        }
        for host in ["example.com", "movies.example.com.evil.test", "localhost", "10.0.0.7.evil.test"] {
            assert!(!hosts.serve(host), "{host}");
        }
    }

    #[test]
    fn all_hosts_are_served_without_names() {
        let hosts: Hosts = "all".parse().unwrap();
        assert_eq!((hosts.serve("evil.test"), hosts.to_string().as_str()), (true, "all"));
        for malformed in ["", "a:80", "http://a", "a,,b", "a b"] {
            assert!(malformed.parse::<Hosts>().is_err(), "{malformed}");
        }
    }
}
