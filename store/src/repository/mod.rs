//! The generations of a site, which of them is published, and what people said of them.
//!
//! The rules stand here, once: a generation is whole when its manifest is there; `CURRENT` moves from what its mover
//! has seen, or not at all (`current`); a reader checks every byte. Where the bytes are is the matter of `objects`: in
//! a `directory` or in a `bucket`. Nothing here decides whether a generation is good enough: that is its
//! manifest's [`Gate`](crate::manifest::Gate).

mod objects;
mod pace;
mod directory;
mod bucket;
mod adding;
mod adopting;
mod current;
mod jobs;
mod rating_shards;
mod marks;
mod removing;
mod reporting;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{self, GENERATIONS, MANIFEST, RECORDS, USERS};
use crate::loading::Loader;
use crate::location::Location;
use crate::manifest::{FileDigest, Manifest};
use crate::reader::{Generation, LocalCopy};
use crate::shards::Owned;
use crate::working_copy::WorkingCopy;
pub use adding::{RunLock, Staging};
pub use current::Pointer;
use directory::Directory;
pub use jobs::JobFiles;
pub use marks::Mark;
pub use objects::Fetched;
use objects::Objects;
pub use pace::Bandwidth;
use pace::Pace;
pub use rating_shards::{RatingShards, RatingsAccount};

/// The generations at a location. All calls block; those on a bucket do so for as long as the network takes.
#[derive(Debug)]
pub struct Repository {
    location: Location,
    objects: Arc<dyn Objects>,
}

impl Repository {
    /// The repository at a location, which need not exist yet. `patience` is how long calls to a bucket that does not
    /// answer are repeated. Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`).
    ///
    /// # Errors
    /// [`Error::Remote`] where the environment does not say enough.
    pub fn open(location: &Location, patience: Duration) -> Result<Self> {
        Ok(Self { location: location.clone(), objects: objects::open(location, patience)? })
    }

    /// The repository in a directory.
    #[must_use]
    pub fn in_directory(path: &Path) -> Self {
        Self { location: path.into(), objects: Arc::new(Directory::new(path)) }
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// All generations, whole or not, by ascending id.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn generations(&self) -> Result<Vec<GenerationId>> {
        self.ids(GENERATIONS)
    }

    /// The ids that things in a folder are named by, ascending.
    fn ids(&self, folder: &str) -> Result<Vec<GenerationId>> {
        let names = self.objects.names(folder)?;
        let mut ids: Vec<GenerationId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// A generation's manifest.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where there is none, [`Error::OtherFormat`], [`Error::Damaged`].
    pub fn manifest(&self, id: &GenerationId) -> Result<Manifest> {
        let key = layout::key(id, MANIFEST);
        let Some((bytes, _)) = self.objects.read(&key)? else {
            return Err(Error::Incomplete { generation: id.clone(), location: self.location.to_string() });
        };
        let path = self.objects.path(&key);
        let manifest = Manifest::parse(&path, &bytes)?;
        if manifest.generation != *id {
            let detail = format!("it is the manifest of {}", manifest.generation);
            return Err(Error::Damaged { path, detail });
        }
        Ok(manifest)
    }

    /// Copies a generation into a directory of its own under `work` and checks every file against the manifest, so
    /// that what is opened is what was checked. Costs one copy (a reflink where the file system can, unless
    /// `bandwidth` is bounded) and one reading; keeps the records alone. Of a generation that is cut into shards only
    /// those that are `owned` are copied, and become records.
    ///
    /// # Errors
    /// Those of [`Repository::manifest`]; [`Error::Damaged`] naming the file that is not what the manifest says;
    /// [`Error::NoSuchShards`].
    pub fn fetch(
        &self,
        id: &GenerationId,
        work: &Path,
        owned: &Owned,
        bandwidth: Bandwidth,
    ) -> Result<LocalCopy> {
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
                loader.load(shard, &path).map_err(|e| e.told_of(self.path(id, &name)))?;
                // One at a time lies on the disk as a file and as records.
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
            loader.close()?;
        }
        Ok(LocalCopy::new(manifest, owned.clone(), copy))
    }

    /// Copies a file of a generation below `dir` and checks the copy.
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
        if !self.objects.download(&layout::key(id, name), &to, pace)? {
            return Err(Error::Damaged { path: self.path(id, name), detail: "it is missing".to_owned() });
        }
        digest.check(&to).map_err(|e| e.told_of(self.path(id, name)))?;
        Ok(to)
    }

    /// Fetches a generation, all of it, and opens it; see [`Repository::fetch`] and [`Generation::open`].
    ///
    /// # Errors
    /// Those of both.
    pub fn open_generation(&self, id: &GenerationId, work: &Path, cache_bytes: u64) -> Result<Generation> {
        let copy = self.fetch(id, work, &Owned::all(), Bandwidth::UNBOUNDED)?;
        Generation::open(copy.into(), cache_bytes)
    }

    /// Checks that every file of a generation is there in its full length: what can be told without reading it.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the first that is not.
    pub fn check_files(&self, manifest: &Manifest) -> Result<()> {
        self.check_files_that(manifest, |_| true)
    }

    fn check_files_that(&self, manifest: &Manifest, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
        for (name, FileDigest { bytes, .. }) in manifest.files.iter().filter(|(name, _)| is_wanted(name)) {
            let key = layout::key(&manifest.generation, name);
            let detail = match self.objects.size(&key)? {
                None => "it is missing".to_owned(),
                Some(found) if found != *bytes => format!("it has {found} bytes, the manifest says {bytes}"),
                Some(_) => continue,
            };
            return Err(Error::Damaged { path: self.objects.path(&key), detail });
        }
        Ok(())
    }

    /// Where a file of a generation is, for people.
    #[must_use]
    pub fn path(&self, id: &GenerationId, name: &str) -> PathBuf {
        self.objects.path(&layout::key(id, name))
    }
}

/// Whether a file of a generation lies below a directory of it.
fn is_below(dir: &str, name: &str) -> bool {
    Path::new(name).starts_with(dir)
}
