//! A repository in a bucket of an object store that speaks S3.
//!
//! Objects are written whole or not at all, and `CURRENT` moves by a conditional put (`If-Match`, `If-None-Match`),
//! which the store must support: AWS does, and so do current releases of the others. Requests that fail on the way, or
//! on the store's side, are repeated for as long as the caller has patience.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{
    Attribute, BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    RetryConfig, UpdateVersion, WriteMultipart,
};
use tokio::runtime::Runtime;
use url::Url;

use super::objects::{Objects, Version};
use super::pace::Pace;
use crate::error::{Error, Result};

/// Bytes that are sent or fetched by one request. A file is some of these, so a request that is cut off costs one, and
/// each is over well within [`REQUEST_TIMEOUT`].
const PART: usize = 8 << 20;
/// Parts of a file that are sent at once.
const PARTS_IN_FLIGHT: usize = 4;
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the store may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing is said of a request that does not end.
const LONG: Duration = Duration::from_secs(10);
/// How often a conditional put is tried whose connection breaks; of other requests the client takes care.
const ATTEMPTS: usize = 5;

/// A bucket, and what the names of all our objects in it begin with.
#[derive(Debug)]
pub(super) struct Bucket {
    store: AmazonS3,
    prefix: String,
    url: String,
    /// Where requests run, for callers who know nothing of futures; taken only by dropping.
    runtime: Option<Runtime>,
}

impl Bucket {
    pub(super) fn connect(bucket: &str, prefix: &str, patience: Duration) -> Result<Self> {
        let url = format!("s3://{bucket}");
        let options =
            ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT);
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            ..BackoffConfig::default()
        };
        let allow_http = std::env::var("AWS_ALLOW_HTTP").is_ok_and(|given| given == "true" || given == "1");
        let builder = AmazonS3Builder::from_env();
        check_environment(&builder, allow_http)
            .map_err(|problem| Error::Environment { url: url.clone(), problem })?;
        let store = builder
            .with_client_options(options.with_allow_http(allow_http))
            .with_retry(RetryConfig { backoff, max_retries: usize::MAX, retry_timeout: patience })
            .with_bucket_name(bucket)
            .build()
            .map_err(Error::remote("connect to", url.clone()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("start a client for", &url))?;
        Ok(Self { store, prefix: prefix.to_owned(), url, runtime: Some(runtime) })
    }

    fn key(&self, key: &str) -> Key {
        Key::from(format!("{}/{key}", self.prefix))
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{}", self.url, self.key(key))
    }

    /// Waits for a request's end and says what it was about if it failed, or if that takes long.
    fn wait<T>(
        &self,
        action: &'static str,
        key: &str,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        let Some(runtime) = &self.runtime else {
            let gone = std::io::Error::other("its client was shut down");
            return Err(Error::io(action, self.path(key))(gone));
        };
        let mut request = pin!(request);
        let outcome = runtime.block_on(async {
            if let Ok(outcome) = tokio::time::timeout(LONG, &mut request).await {
                return outcome;
            }
            tracing::warn!("still trying to {action} {}", self.url(key));
            request.await
        });
        outcome.map_err(Error::remote(action, self.url(key)))
    }

    fn put(&self, action: &'static str, key: &str, content: Vec<u8>, mode: PutMode) -> Result<()> {
        let mut options = PutOptions::from(mode);
        if key.ends_with(".html") {
            // A browser that is led to it shall show it.
            options.attributes.insert(Attribute::ContentType, "text/html; charset=utf-8".into());
        }
        let name = self.key(key);
        let request = self.store.put_opts(&name, PutPayload::from(content), options);
        self.wait(action, key, request).map(|_| ())
    }

    fn remove_below(&self, key: &str, folder: &Key) -> Result<()> {
        let found = self.wait("list", key, self.store.list_with_delimiter(Some(folder)))?;
        for object in found.objects {
            self.wait("remove", key, self.store.delete(&object.location))?;
        }
        found.common_prefixes.iter().try_for_each(|folder| self.remove_below(key, folder))
    }
}

/// A runtime may not be dropped where futures run, and servers drop what they no longer follow there.
impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Objects for Bucket {
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let name = self.key(key);
        let request = async {
            let Some(found) = unless_absent(self.store.get(&name).await)? else { return Ok(None) };
            let version = Version(found.meta.e_tag.clone());
            Ok(Some((found.bytes().await?.to_vec(), version)))
        };
        self.wait("read", key, request)
    }

    fn write(&self, key: &str, content: &[u8]) -> Result<()> {
        self.put("write", key, content.to_vec(), PutMode::Overwrite)
    }

    fn replace(&self, key: &str, content: &[u8], seen: &Version) -> Result<bool> {
        let mode = match seen.0.clone() {
            None => PutMode::Create,
            e_tag => PutMode::Update(UpdateVersion { e_tag, version: None }),
        };
        let mut n_attempts = 1;
        loop {
            match self.put("replace", key, content.to_vec(), mode.clone()) {
                Ok(()) => return Ok(true),
                Err(Error::Remote {
                    source:
                        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. },
                    ..
                }) => {
                    // A store that was asked twice, for its first answer was lost, has done it the first time.
                    return Ok(self.read(key)?.is_some_and(|(found, _)| found == content));
                }
                Err(Error::Remote { source, .. }) if n_attempts < ATTEMPTS && is_cut_off(&source) => {
                    n_attempts += 1;
                }
                Err(other) => return Err(other),
            }
        }
    }

    fn remove(&self, key: &str) -> Result<()> {
        let name = self.key(key);
        let request = async { unless_absent(self.store.delete(&name).await) };
        self.wait("remove", key, request).map(|_| ())
    }

    fn remove_all(&self, folder: &str) -> Result<()> {
        self.remove_below(folder, &self.key(folder))
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = self.key(folder);
        let found = self.wait("list", folder, self.store.list_with_delimiter(Some(&prefix)))?;
        let keys = found.objects.into_iter().map(|object| object.location).chain(found.common_prefixes);
        Ok(keys.filter_map(|key| key.filename().map(str::to_owned)).collect())
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        let name = self.key(key);
        let request = async { unless_absent(self.store.head(&name).await) };
        Ok(self.wait("look at", key, request)?.map(|meta| meta.size))
    }

    fn download(&self, key: &str, to: &Path, pace: &mut Pace) -> Result<bool> {
        let name = self.key(key);
        let Some(size) = self.size(key)? else { return Ok(false) };
        let mut file = File::create(to).map_err(Error::io("create", to))?;
        for start in (0..size).step_by(PART) {
            let range = start..size.min(start + PART as u64);
            let part = self.wait("fetch", key, self.store.get_range(&name, range))?;
            file.write_all(&part).map_err(Error::io("write", to))?;
            pace.count(part.len() as u64);
        }
        Ok(true)
    }

    fn in_place(&self, _: &str) -> Option<PathBuf> {
        None
    }

    fn upload(&self, from: &Path, key: &str, sent: &mut dyn FnMut(u64)) -> Result<()> {
        let mut file = File::open(from).map_err(Error::io("open", from))?;
        let mut part = Vec::new();
        let mut next = |part: &mut Vec<u8>| {
            part.clear();
            Read::by_ref(&mut file).take(PART as u64).read_to_end(part).map_err(Error::io("read", from))
        };
        let name = self.key(key);
        if next(&mut part)? < PART {
            let n_bytes = part.len() as u64;
            self.put("send", key, part, PutMode::Overwrite)?;
            sent(n_bytes);
            return Ok(());
        }
        let upload = self.wait("send", key, self.store.put_multipart(&name))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        while !part.is_empty() {
            // A failure is noticed here or at the end. Parts of an upload that never ended are not objects; the
            // bucket's lifecycle rules take them away.
            self.wait("send", key, async {
                upload.wait_for_capacity(PARTS_IN_FLIGHT).await?;
                upload.write(&part);
                Ok(())
            })?;
            sent(part.len() as u64);
            next(&mut part)?;
        }
        self.wait("send", key, upload.finish()).map(|_| ())
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let (old, new) = (self.key(from), self.key(to));
        let request = async { unless_absent(self.store.copy(&old, &new).await) };
        let is_there = self.wait("rename", from, request)?.is_some();
        if is_there {
            self.remove(from)?;
        }
        Ok(is_there)
    }

    /// There is no lock that the dead would lose.
    fn lock(&self) -> Result<Option<File>> {
        Ok(None)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.url(key).into()
    }

    fn url(&self, key: &str) -> Result<String> {
        Ok(Self::url(self, key))
    }
}

/// Looks at what the environment says for what the client would panic at, or refuse without saying why.
fn check_environment(builder: &AmazonS3Builder, allow_http: bool) -> Result<(), String> {
    use AmazonS3ConfigKey::{AccessKeyId, Endpoint, S3Endpoint, SecretAccessKey, Token};

    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    for key in [Endpoint, S3Endpoint] {
        let Some(given) = builder.get_config_value(&key) else { continue };
        let url = Url::parse(&given).ok().filter(|url| url.has_host() && is_plain(&given));
        let problem = match url.as_ref().map(Url::scheme) {
            Some("https") => continue,
            Some("http") if allow_http => continue,
            Some("http") => "it has no TLS; allow that with AWS_ALLOW_HTTP=true",
            _ => "give a URL such as http://127.0.0.1:9000, or unset it",
        };
        return Err(format!("AWS_ENDPOINT is `{given}`: {problem}"));
    }
    for (key, name) in [
        (AccessKeyId, "AWS_ACCESS_KEY_ID"),
        (SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
        (Token, "AWS_SESSION_TOKEN"),
    ] {
        if builder.get_config_value(&key).is_some_and(|given| !is_plain(&given)) {
            return Err(format!(
                "{name} is empty, or has a space or a line's end in it; give it as it is, or unset it"
            ));
        }
    }
    Ok(())
}

/// Whether a connection broke, so that nobody knows whether the store has done what it was asked.
fn is_cut_off(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};

    let cut = [BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof];
    error.downcast_ref::<io::Error>().is_some_and(|error| cut.contains(&error.kind()))
        || error.source().is_some_and(is_cut_off)
}

/// What was found; `None` where the store has no such object. That it has no such bucket is an error.
fn unless_absent<T>(found: object_store::Result<T>) -> object_store::Result<Option<T>> {
    match found {
        Err(object_store::Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => {
            Ok(None)
        }
        found => found.map(Some),
    }
}
