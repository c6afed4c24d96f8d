//! Access to files: in shared directories, or in buckets of an S3-compatible object store. Each process creates the
//! client of a bucket on first use, from its own environment. Jobs contain no credentials.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use url::{Host, Url};

/// The time for which a failed request is repeated before the task fails. The driver repeats a shard for longer, and on
/// any executor.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The timeout of a connection to a store.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The clients of all requested stores.
#[derive(Debug, Default)]
struct Stores {
    known: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

fn key(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.authority())
}

impl ObjectStoreRegistry for Stores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key(url), store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = known.get(&key(url)) {
            return Ok(Arc::clone(store));
        }
        let store: Arc<dyn ObjectStore> = match (url.scheme(), url.host_str()) {
            ("file", _) => Arc::new(LocalFileSystem::new()),
            ("s3", Some(bucket)) => Arc::new(connect(bucket)?),
            _ => return Err(DataFusionError::Configuration(format!("{url} is neither file:// nor s3://"))),
        };
        known.insert(key(url), Arc::clone(&store));
        Ok(store)
    }
}

fn connect(bucket: &str) -> Result<object_store::aws::AmazonS3> {
    let builder = AmazonS3Builder::from_env();
    let endpoint = builder
        .get_config_value(&AmazonS3ConfigKey::Endpoint)
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint));
    let options = ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(is_plain_allowed(endpoint.as_deref()));
    let retry = RetryConfig { retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    let builder = builder.with_client_options(options).with_retry(retry).with_bucket_name(bucket);
    Ok(builder.build()?)
}

/// Returns whether a client may connect without TLS. `AWS_ALLOW_HTTP` decides; if it is not set, only loopback
/// addresses are allowed. `store::s3` has the same rule for the driver.
fn is_plain_allowed(endpoint: Option<&str>) -> bool {
    if let Ok(given) = std::env::var("AWS_ALLOW_HTTP") {
        return given == "true" || given == "1";
    }
    match endpoint.and_then(|given| Url::parse(given).ok()).as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns a runtime for planning and execution, without caches of files. A shard is read once, and DataFusion's caches
/// of listings, footers and statistics detect a rewritten file by its size and time only.
pub(crate) fn runtime() -> Result<Arc<RuntimeEnv>> {
    RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(Stores::default()))
        .with_metadata_cache_limit(0)
        .with_object_list_cache_limit(0)
        .with_file_statistics_cache_limit(0)
        .build_arc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_for_loopback_addresses_only_by_default() {
        assert!(is_plain_allowed(Some("http://127.0.0.1:9000")));
        assert!(is_plain_allowed(Some("http://localhost:9000")));
        assert!(!is_plain_allowed(Some("http://10.0.0.7:9000")));
        assert!(!is_plain_allowed(None));
    }
}
