//! Objects in a bucket of an object store that speaks S3.
//!
//! Objects are written whole or not at all. `replace` is a conditional put (`If-Match`, `If-None-Match`), which the store
//! must support: AWS does, and so do current releases of the others. The client repeats requests that fail on the way
//! or with an error of the store.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path as Key;
use object_store::{
    Attribute, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};
use tokio::runtime::Runtime;

use super::objects::{Objects, Version};
use super::pace::Pace;
use crate::error::{Error, Result, too_long};
use crate::files;
use crate::layout;
use crate::manifest::FileDigest;
use crate::s3;

/// Bytes sent or fetched by one request: few enough for a request to end within its timeout, and for a broken one to cost
/// little.
const PART: usize = 8 << 20;
/// Parts of a file that are sent at the same time.
const PARTS_IN_FLIGHT: usize = 4;
/// Time after which a request that has not ended is logged.
const LONG: Duration = Duration::from_secs(10);
/// Attempts of a conditional put whose connection breaks. The client repeats all other requests by itself.
const ATTEMPTS: usize = 5;

/// A prefix in a bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    /// The URL of the bucket, for messages.
    url: String,
    /// Runs the requests of blocking callers. `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Bucket {
    pub(super) fn connect(bucket: &str, prefix: &str, patience: Duration) -> Result<Self> {
        Self::over(Arc::new(s3::connect(bucket, patience)?), format!("s3://{bucket}"), prefix)
    }

    /// The objects below a prefix of a store of any kind.
    pub(super) fn over(store: Arc<dyn ObjectStore>, url: String, prefix: &str) -> Result<Self> {
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

    /// Runs a request to its end. An error names the action and the object; a request that takes long is logged.
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
            // A browser shows it instead of saving it.
            options.attributes.insert(Attribute::ContentType, "text/html; charset=utf-8".into());
        }
        let name = self.key(key);
        let request = self.store.put_opts(&name, PutPayload::from(content), options);
        self.wait(action, key, request).map(|_| ())
    }

    /// Fetches an object in parts, at least one, and hands each over. Returns its length; `None` where it does not exist.
    fn for_each_part(&self, key: &str, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Option<u64>> {
        let name = self.key(key);
        let Some(size) = self.size(key)? else { return Ok(None) };
        // There is no range of an empty object.
        if size == 0 {
            take(&[])?;
        }
        for start in (0..size).step_by(PART) {
            let range = start..size.min(start + PART as u64);
            take(&self.wait("fetch", key, self.store.get_range(&name, range))?)?;
        }
        Ok(Some(size))
    }

    fn remove_below(&self, key: &str, folder: &Key) -> Result<()> {
        let found = self.wait("list", key, self.store.list_with_delimiter(Some(folder)))?;
        for object in found.objects {
            self.wait("remove", key, self.store.delete(&object.location))?;
        }
        found.common_prefixes.iter().try_for_each(|folder| self.remove_below(key, folder))
    }
}

/// A server drops repositories on threads that run futures, where dropping a runtime panics.
impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Objects for Bucket {
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let (name, max) = (self.key(key), layout::max_bytes(key));
        let request = async {
            let Some(found) = unless_absent(self.store.get(&name).await)? else { return Ok(None) };
            let (version, size) = (Version(found.meta.e_tag.clone()), found.meta.size);
            let content = if size > max { None } else { Some(found.bytes().await?.to_vec()) };
            Ok(Some((content, version, size)))
        };
        match self.wait("read", key, request)? {
            None => Ok(None),
            Some((Some(content), version, _)) => Ok(Some((content, version))),
            Some((None, _, size)) => {
                Err(Error::Damaged { path: self.path(key), detail: too_long(size, max) })
            }
        }
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
                    // The first request may have succeeded, if its response was lost and the client has repeated it.
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
        let mut names: Vec<_> = keys.filter_map(|key| key.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        let name = self.key(key);
        let request = async { unless_absent(self.store.head(&name).await) };
        Ok(self.wait("look at", key, request)?.map(|meta| meta.size))
    }

    fn digest(&self, key: &str) -> Result<Option<FileDigest>> {
        let mut hasher = blake3::Hasher::new();
        let bytes = self.for_each_part(key, |part| {
            hasher.update(part);
            Ok(())
        })?;
        Ok(bytes.map(|bytes| FileDigest { bytes, blake3: hasher.finalize().to_hex().to_string() }))
    }

    fn download(&self, key: &str, to: &Path, pace: &mut Pace) -> Result<bool> {
        let mut file = None;
        let mut write = |part: &[u8]| {
            if file.is_none() {
                file = Some(File::create(to)?);
            }
            file.as_mut().map_or(Ok(()), |file| file.write_all(part))
        };
        let bytes = self.for_each_part(key, |part| {
            write(part).map_err(Error::io("write", to))?;
            pace.count(part.len() as u64);
            Ok(())
        })?;
        Ok(bytes.is_some())
    }

    fn in_place(&self, _: &str) -> Option<PathBuf> {
        None
    }

    fn upload(&self, from: &Path, key: &str, sent: &mut dyn FnMut(u64)) -> Result<()> {
        let (mut file, _) = files::open(from)?;
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
            // A failure of an earlier part is returned here or at the end. Parts of an unfinished upload are no
            // objects; a lifecycle rule of the bucket removes them.
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

    /// No lock: a store cannot release the lock of a process that has died.
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

/// Whether a connection broke, so that it is unknown whether the store has executed the request.
fn is_cut_off(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};

    let cut = [BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof];
    error.downcast_ref::<io::Error>().is_some_and(|error| cut.contains(&error.kind()))
        || error.source().is_some_and(is_cut_off)
}

/// The result of a request; `None` where the object does not exist. A missing bucket is an error.
fn unless_absent<T>(found: object_store::Result<T>) -> object_store::Result<Option<T>> {
    match found {
        Err(object_store::Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => {
            Ok(None)
        }
        found => found.map(Some),
    }
}
