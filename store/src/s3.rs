//! The client of an object store that speaks S3, configured by the environment.
//!
//! `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT` are read as by other
//! clients. Plain HTTP is decided by `AWS_ALLOW_HTTP` (`true` or `1` allow it); where that is not set, an endpoint may
//! have no TLS only if it is a loopback address, so that no secret leaves the machine unencrypted by accident.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::{Host, Url};

use crate::error::{Error, Result};

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Timeout of one connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Creates a client for a bucket. `patience` is how long a request is repeated while the store does not answer.
///
/// # Errors
/// [`Error::Environment`] for a variable that cannot be used, [`Error::Remote`] where the client refuses the rest.
pub fn connect(bucket: &str, patience: Duration) -> Result<AmazonS3> {
    let url = format!("s3://{bucket}");
    let builder = AmazonS3Builder::from_env();
    let setting = std::env::var("AWS_ALLOW_HTTP").ok();
    let allow_http = check_environment(&builder, setting.as_deref())
        .map_err(|problem| Error::Environment { url: url.clone(), problem })?;
    let options = ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(allow_http);
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(5),
        ..BackoffConfig::default()
    };
    builder
        .with_client_options(options)
        .with_retry(RetryConfig { backoff, max_retries: usize::MAX, retry_timeout: patience })
        .with_bucket_name(bucket)
        .build()
        .map_err(Error::remote("connect to", url))
}

/// Checks the variables at which the client would panic, or which it would refuse without a reason. Returns whether plain
/// HTTP is allowed.
fn check_environment(builder: &AmazonS3Builder, allow_http: Option<&str>) -> Result<bool, String> {
    use AmazonS3ConfigKey::{AccessKeyId, Endpoint, S3Endpoint, SecretAccessKey, Token};

    let mut is_plain = false;
    for key in [Endpoint, S3Endpoint] {
        let Some(given) = builder.get_config_value(&key) else { continue };
        is_plain |= check_endpoint(&given, allow_http)
            .map_err(|problem| format!("AWS_ENDPOINT is `{given}`: {problem}"))?;
    }
    for (key, name) in [
        (AccessKeyId, "AWS_ACCESS_KEY_ID"),
        (SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
        (Token, "AWS_SESSION_TOKEN"),
    ] {
        if builder.get_config_value(&key).is_some_and(|given| !is_graphic(&given)) {
            return Err(format!("{name} is empty or contains a space or line break; correct it or unset it"));
        }
    }
    Ok(is_plain)
}

/// Checks an endpoint. Returns whether it has no TLS.
fn check_endpoint(given: &str, allow_http: Option<&str>) -> Result<bool, &'static str> {
    let url = Url::parse(given).ok().filter(|url| url.has_host() && is_graphic(given));
    let Some(url) = url else { return Err("give a URL such as http://127.0.0.1:9000, or unset it") };
    let allowed = allow_http.map_or_else(|| is_loopback(&url), |given| given == "true" || given == "1");
    match url.scheme() {
        "https" => Ok(false),
        "http" if allowed => Ok(true),
        "http" => Err("it has no TLS; allow that with AWS_ALLOW_HTTP=true"),
        _ => Err("give a URL such as http://127.0.0.1:9000, or unset it"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_needs_a_loopback_address_or_the_variable_that_allows_it() {
        let local = ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"];
        let other = ["http://10.0.0.7:9000", "http://store:9000", "http://localhost.example.com"];
        for endpoint in local {
            assert_eq!(check_endpoint(endpoint, None), Ok(true), "{endpoint}");
        }
        for endpoint in other {
            let problem = check_endpoint(endpoint, None).unwrap_err();
            assert!(problem.contains("AWS_ALLOW_HTTP=true"), "{endpoint}: {problem}");
        }
        for endpoint in local.into_iter().chain(other) {
            for allowed in ["true", "1"] {
                assert_eq!(check_endpoint(endpoint, Some(allowed)), Ok(true), "{endpoint}");
            }
            for refused in ["false", "no", ""] {
                assert!(check_endpoint(endpoint, Some(refused)).is_err(), "{endpoint}");
            }
        }
        assert_eq!(check_endpoint("https://s3.example.com", None), Ok(false));
        for wrong in ["", "127.0.0.1:9000", "localhost:9000", "http://", "ftp://store", "http://a b"] {
            assert!(check_endpoint(wrong, Some("true")).unwrap_err().contains("such as"), "{wrong}");
        }
    }
}
