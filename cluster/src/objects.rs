//! Where files are: on disks that all machines see, or in buckets of a store that speaks S3. Each process makes its
//! clients by itself, when it first meets a bucket, from its own environment: no secrets travel with jobs.

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

/// How long a request is repeated before the task fails. The driver has more patience, and another executor for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a store may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Clients of all stores that were asked for.
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
    let retry = RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() };
    let builder = builder.with_client_options(options).with_retry(retry).with_bucket_name(bucket);
    Ok(builder.build()?)
}

/// Whether a client may connect without TLS: as `AWS_ALLOW_HTTP` decides, and where that is not set only to a loopback
/// address. `store::s3` has the same rule for the driver.
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

/// What plans are made in and run in. It remembers nothing of files: a shard is read once, and DataFusion's caches of
/// listings, footers and statistics tell a file that was written anew by its size and time only.
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
    fn plain_http_is_for_this_machine_unless_asked_for() {
        assert!(is_plain_allowed(Some("http://127.0.0.1:9000")));
        assert!(is_plain_allowed(Some("http://localhost:9000")));
        assert!(!is_plain_allowed(Some("http://10.0.0.7:9000")));
        assert!(!is_plain_allowed(None));
    }
}
