//! A repository: generations, the pointer to the published one, and annotations.
//!
//! Its rules: a generation is complete when its manifest exists; `CURRENT` is replaced only if it still has the content
//! that was read before (`pointer`); a reader checks every byte. They hold for every implementation of
//! `Objects`: a `directory` or a `bucket`. The repository does not decide whether a generation may be published; its
//! manifest's [`Gate`](crate::manifest::Gate) records that.

mod objects;
mod pace;
mod directory;
mod bucket;
mod adding;
mod pointer;
mod jobs;
mod rating_shards;
mod annotations;
mod samples;
mod removing;
#[cfg(test)]
mod laws;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Loader;
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{self, GENERATIONS, MANIFEST, RECORDS, USERS};
use crate::local_copy::WorkingCopy;
use crate::location::Location;
use crate::manifest::{FileDigest, Manifest};
use crate::reader::{LocalGeneration, OpenGeneration};
use crate::shards::Owned;
pub use adding::{RunLock, Staging};
pub use annotations::Mark;
use directory::Directory;
pub use jobs::JobFiles;
pub use objects::Fetched;
use objects::Objects;
pub use pace::Bandwidth;
use pace::Pace;
pub use pointer::{Pointer, Rollback};
pub use rating_shards::{RatingShards, RatingsAccount};

/// The generations at a location. All calls block, those to a bucket on the network.
#[derive(Debug)]
pub struct Repository {
    location: Location,
    objects: Arc<dyn Objects>,
}

impl Repository {
    /// Opens the repository at a location, which need not exist yet. `patience` is how long requests to a bucket are
    /// repeated while the store does not answer. The environment configures the client, see [`s3`](crate::s3).
    ///
    /// # Errors
    /// [`Error::Environment`], [`Error::Remote`].
    pub fn open(location: &Location, patience: Duration) -> Result<Self> {
        Ok(Self { location: location.clone(), objects: objects::open(location, patience)? })
    }

    /// Opens the repository in a directory, which need not exist yet.
    #[must_use]
    pub fn in_directory(path: &Path) -> Self {
        Self { location: path.into(), objects: Arc::new(Directory::new(path)) }
    }

    /// The location.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// All generations, complete or not, ids ascending.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn generations(&self) -> Result<Vec<GenerationId>> {
        self.ids(GENERATIONS)
    }

    /// The names in a folder that are ids of generations, ascending.
    fn ids(&self, folder: &str) -> Result<Vec<GenerationId>> {
        let names = self.objects.names(folder)?;
        let mut ids: Vec<GenerationId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// A generation's manifest.
    ///
    /// # Errors
    /// [`Error::NoSuchGeneration`]; [`Error::Incomplete`] where it has none; [`Error::OtherFormat`], [`Error::Damaged`],
    /// [`Error::Io`], [`Error::Remote`].
    pub fn manifest(&self, id: &GenerationId) -> Result<Manifest> {
        let key = layout::key(id, MANIFEST);
        let Some((bytes, _)) = self.objects.read(&key)? else {
            return Err(self.without_manifest(id)?);
        };
        let path = self.objects.path(&key);
        let manifest = Manifest::parse(&path, &bytes)?;
        if manifest.generation != *id {
            let detail = format!("it is the manifest of {}", manifest.generation);
            return Err(Error::Damaged { path, detail });
        }
        Ok(manifest)
    }

    /// The error of a generation without a manifest.
    fn without_manifest(&self, id: &GenerationId) -> Result<Error> {
        let (generation, location) = (id.clone(), self.location.to_string());
        let is_begun = self.generations()?.contains(id);
        Ok(if is_begun {
            Error::Incomplete { generation, location }
        } else {
            Error::NoSuchGeneration { generation, location }
        })
    }

    /// Copies a generation to a private directory below the work directory `work` and checks each copied file against the
    /// manifest. The copy keeps the records only. If a generation is cut into shards, the `owned` shards are copied
    /// and loaded into the records. Costs one copy (a reflink where the file system can, unless `bandwidth` is bounded)
    /// and one reading.
    ///
    /// # Errors
    /// [`Error::Incomplete`], [`Error::OtherFormat`]; [`Error::Damaged`] for a file that differs from the manifest;
    /// [`Error::NoSuchShards`], [`Error::UnsafeWorkDir`], [`Error::Engine`], [`Error::Io`], [`Error::Remote`].
    pub fn fetch(
        &self,
        id: &GenerationId,
        work: &Path,
        owned: &Owned,
        bandwidth: Bandwidth,
    ) -> Result<LocalGeneration> {
        let manifest = self.manifest(id)?;
        manifest.check_owned(owned)?;
        let copy = WorkingCopy::create(work)?;
        let mut pace = bandwidth.pace();
        for name in manifest.files.keys().filter(|name| !is_below(USERS, name)) {
            let path = self.fetch_file(&manifest, name, copy.dir(), &mut pace)?;
            if !is_below(RECORDS, name) {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        if let Some(n_shards) = manifest.n_shards {
            let loader = Loader::open(copy.dir(), n_shards)?;
            for shard in (0..n_shards).filter(|&shard| owned.has(shard)) {
                let name = layout::users_file(shard);
                let path = self.fetch_file(&manifest, &name, copy.dir(), &mut pace)?;
                loader.load(shard, &path).map_err(|e| e.with_path(self.path(id, &name)))?;
                // At most one shard is on disk both as a file and as records.
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
            loader.close()?;
        }
        Ok(LocalGeneration::new(manifest, owned.clone(), copy))
    }

    /// Takes over the copy of a generation that another process has [kept](LocalGeneration::keep) below the work
    /// directory `work`. Returns `None` where there is none. Other kept copies are removed. The cost does not depend on
    /// the number of records.
    ///
    /// A kept copy is checked less than a [fetched](Repository::fetch) one, because the record engine may have written to
    /// it: manifest and shards are those that are asked for, the log has the length and each other file has the digest
    /// that it had when the copy was kept. The engine checks a CRC of what it reads later.
    ///
    /// # Errors
    /// [`Error::Incomplete`], [`Error::OtherFormat`] or [`Error::Damaged`] for the manifest; [`Error::UnsafeWorkDir`],
    /// [`Error::Io`], [`Error::Remote`].
    pub fn adopt(&self, id: &GenerationId, work: &Path, owned: &Owned) -> Result<Option<LocalGeneration>> {
        LocalGeneration::take_over(self.manifest(id)?, work, owned)
    }

    /// Copies a file of a generation below `dir` and checks the copy against the manifest.
    fn fetch_file(&self, manifest: &Manifest, name: &str, dir: &Path, pace: &mut Pace) -> Result<PathBuf> {
        let id = &manifest.generation;
        let of_manifest = |detail: String| Error::Damaged { path: self.path(id, MANIFEST), detail };
        if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(of_manifest(format!("it lists the file {name}, which leads out of the generation")));
        }
        let Some(digest) = manifest.files.get(name) else {
            return Err(of_manifest(format!("it does not list the file {name}")));
        };
        let to = dir.join(name);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        // Before the copy: a file that is much too long must not fill the disk.
        self.check_length(id, name, digest)?;
        if !self.objects.download(&layout::key(id, name), &to, pace)? {
            return Err(self.missing(id, name));
        }
        digest.check(&to).map_err(|e| e.with_path(self.path(id, name)))?;
        Ok(to)
    }

    /// Fetches a generation with all shards and opens it.
    ///
    /// # Errors
    /// [`Error::Incomplete`], [`Error::OtherFormat`], [`Error::Damaged`], [`Error::UnsafeWorkDir`], [`Error::Engine`],
    /// [`Error::Io`], [`Error::Remote`].
    pub fn open_generation(
        &self,
        id: &GenerationId,
        work: &Path,
        cache_bytes: u64,
    ) -> Result<OpenGeneration> {
        let copy = self.fetch(id, work, &Owned::all(), Bandwidth::UNBOUNDED)?;
        OpenGeneration::open(copy.into(), cache_bytes)
    }

    /// Checks that every file of a generation exists and has its length, without reading it.
    ///
    /// # Errors
    /// [`Error::Damaged`] for the first that does not; [`Error::Io`], [`Error::Remote`].
    pub fn check_lengths(&self, manifest: &Manifest) -> Result<()> {
        let mut files = manifest.files.iter();
        files.try_for_each(|(name, digest)| self.check_length(&manifest.generation, name, digest))
    }

    /// Checks the length and the hash of every file of a generation. Costs one reading of it: about 2 GB per second in a
    /// directory, and a download from a bucket.
    ///
    /// # Errors
    /// [`Error::Damaged`] for the first that differs; [`Error::Io`], [`Error::Remote`].
    pub fn check_digests(&self, manifest: &Manifest) -> Result<()> {
        self.check_lengths(manifest)?;
        let id = &manifest.generation;
        for (name, digest) in &manifest.files {
            let found = self.objects.digest(&layout::key(id, name))?.ok_or_else(|| self.missing(id, name))?;
            digest.compare(&found).map_err(|detail| Error::Damaged { path: self.path(id, name), detail })?;
        }
        Ok(())
    }

    fn check_length(
        &self,
        id: &GenerationId,
        name: &str,
        FileDigest { bytes, .. }: &FileDigest,
    ) -> Result<()> {
        match self.objects.size(&layout::key(id, name))? {
            None => Err(self.missing(id, name)),
            Some(found) if found == *bytes => Ok(()),
            Some(found) => {
                let detail = format!("it has {found} bytes, the manifest says {bytes}");
                Err(Error::Damaged { path: self.path(id, name), detail })
            }
        }
    }

    fn missing(&self, id: &GenerationId, name: &str) -> Error {
        Error::Damaged { path: self.path(id, name), detail: "it is missing".to_owned() }
    }

    /// The place of a file of a generation, for messages: a path or an `s3://` URL.
    #[must_use]
    pub fn path(&self, id: &GenerationId, name: &str) -> PathBuf {
        self.objects.path(&layout::key(id, name))
    }
}

/// Whether a file of a generation is below a directory of it.
fn is_below(dir: &str, name: &str) -> bool {
    Path::new(name).starts_with(dir)
}
