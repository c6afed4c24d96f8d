//! The generations of a site, which of them is published, and what people said of them.
//!
//! The rules stand here, once: a generation is whole when its manifest is there; `CURRENT` moves from what its mover
//! has seen, or not at all; a reader checks every byte. Where the bytes are is the matter of [`objects`]: in a
//! `directory` or in a `bucket`. Nothing here decides whether a generation is good enough: that is its
//! manifest's [`Gate`](crate::manifest::Gate).

mod bucket;
mod directory;
mod objects;
mod pace;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{self, CLAIM, CURRENT, GENERATIONS, MANIFEST, RECORDS};
use crate::location::Location;
use crate::manifest::{FileDigest, Manifest, Verdict};
use crate::reader::{Generation, LocalCopy};
use crate::working_copy::WorkingCopy;
use bucket::Bucket;
use directory::Directory;
use objects::{Objects, Version};
pub use pace::Bandwidth;

/// How old an unfinished generation in a bucket must be before it is taken for abandoned: no run takes so long.
const ABANDONED: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The generations at a location. All calls block; those on a bucket do so for as long as the network takes.
#[derive(Debug)]
pub struct Repository {
    location: Location,
    objects: Box<dyn Objects>,
}

/// `CURRENT` as it was at one moment, to move it from.
#[derive(Debug, Clone)]
pub struct Pointer {
    content: Option<String>,
    version: Version,
    /// Where it is, for messages.
    path: PathBuf,
}

/// What people say of a generation, beside it: it never changes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It is not to be removed.
    Pinned,
    /// It was published and somebody went back to another.
    Withdrawn,
}

/// The right to make a generation, for as long as it is held; the system takes it back from the dead.
#[derive(Debug)]
pub struct RunLock {
    _file: Option<File>,
}

/// Where a run writes its generation before it is added.
#[derive(Debug)]
pub enum Staging {
    /// In place.
    InPlace(PathBuf),
    /// In a directory of its own, removed when dropped.
    Apart(WorkingCopy),
}

impl Repository {
    /// The repository at a location, which need not exist yet. `patience` is how long calls to a bucket that does not
    /// answer are repeated. Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`).
    ///
    /// # Errors
    /// [`Error::Remote`] where the environment does not say enough.
    pub fn open(location: &Location, patience: Duration) -> Result<Self> {
        let objects: Box<dyn Objects> = match location {
            Location::Directory(path) => Box::new(Directory::new(path)),
            Location::Bucket { bucket, prefix } => Box::new(Bucket::connect(bucket, prefix, patience)?),
        };
        Ok(Self { location: location.clone(), objects })
    }

    /// The repository in a directory.
    #[must_use]
    pub fn in_directory(path: &Path) -> Self {
        Self { location: path.into(), objects: Box::new(Directory::new(path)) }
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// `CURRENT` as it is now.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Remote`], as for every call.
    pub fn pointer(&self) -> Result<Pointer> {
        let path = self.objects.path(CURRENT);
        Ok(match self.objects.read(CURRENT)? {
            None => Pointer { content: None, version: Version::ABSENT, path },
            Some((bytes, version)) => {
                Pointer { content: Some(String::from_utf8_lossy(&bytes).into_owned()), version, path }
            }
        })
    }

    /// The published generation; `None` while nothing was ever published.
    ///
    /// # Errors
    /// [`Error::BadCurrent`] where `CURRENT` names nothing that could be one.
    pub fn current(&self) -> Result<Option<GenerationId>> {
        self.pointer()?.generation()
    }

    /// All generations, whole or not, by ascending id.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn generations(&self) -> Result<Vec<GenerationId>> {
        let mut ids: Vec<GenerationId> =
            self.objects.names(GENERATIONS)?.iter().filter_map(|name| name.parse().ok()).collect();
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
    /// `bandwidth` is bounded) and one reading; keeps the records alone.
    ///
    /// # Errors
    /// Those of [`Repository::manifest`]; [`Error::Damaged`] naming the file that is not what the manifest says.
    pub fn fetch(&self, id: &GenerationId, work: &Path, bandwidth: Bandwidth) -> Result<LocalCopy> {
        let manifest = self.manifest(id)?;
        let copy = WorkingCopy::create(work)?;
        let mut pace = bandwidth.pace();
        for (name, digest) in &manifest.files {
            let key = layout::key(id, name);
            if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
                let detail = format!("it lists the file {name}, which leads out of the generation");
                return Err(Error::Damaged { path: self.objects.path(&layout::key(id, MANIFEST)), detail });
            }
            let to = copy.dir().join(name);
            if let Some(dir) = to.parent() {
                fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
            }
            if !self.objects.download(&key, &to, &mut pace)? {
                let detail = "it is missing".to_owned();
                return Err(Error::Damaged { path: self.objects.path(&key), detail });
            }
            digest.check(&to).map_err(|e| match e {
                // The copy is ours and goes away; what the engineer can look at is the original.
                Error::Damaged { detail, .. } => Error::Damaged { path: self.objects.path(&key), detail },
                other => other,
            })?;
            if !Path::new(name).starts_with(RECORDS) {
                fs::remove_file(&to).map_err(Error::io("remove", &to))?;
            }
        }
        Ok(LocalCopy::new(manifest, copy))
    }

    /// Fetches a generation and opens it; see [`Repository::fetch`] and [`Generation::open`].
    ///
    /// # Errors
    /// Those of both.
    pub fn open_generation(&self, id: &GenerationId, work: &Path, cache_bytes: u64) -> Result<Generation> {
        let copy = self.fetch(id, work, Bandwidth::UNBOUNDED)?;
        Generation::open(copy.into(), cache_bytes)
    }

    /// Takes the right to make a generation. A bucket has no such lock: there, whoever publishes second is told so.
    ///
    /// # Errors
    /// [`Error::Locked`] while another process has it.
    pub fn lock(&self) -> Result<RunLock> {
        Ok(RunLock { _file: self.objects.lock()? })
    }

    /// Removes what runs that were killed have left: generations without a manifest. Those that others may be writing
    /// stay. Returns how many were removed.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn sweep(&self, lock: &RunLock) -> Result<usize> {
        let now = jiff::Timestamp::now();
        let mut n_removed = 0;
        for id in self.generations()? {
            // Without a lock, age has to tell.
            let abandoned =
                lock._file.is_some() || id.time().is_none_or(|time| now.duration_since(time) > ABANDONED);
            if abandoned && self.objects.read(&layout::key(&id, MANIFEST))?.is_none() {
                self.objects.remove_all(&format!("{GENERATIONS}/{id}"))?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    /// Where to make a generation that will be [added](Repository::add).
    ///
    /// # Errors
    /// [`Error::Io`] where `work` cannot be written.
    pub fn staging(&self, work: &Path) -> Result<Staging> {
        Ok(match &self.location {
            Location::Directory(path) => Staging::InPlace(path.clone()),
            Location::Bucket { .. } => Staging::Apart(WorkingCopy::create(work)?),
        })
    }

    /// Adds a sealed generation that was made in a staging directory, the manifest last. Calls `sent` with the bytes of
    /// each part as it is sent. Where it was made in place nothing is left to do.
    ///
    /// # Errors
    /// [`Error::Claimed`] where another run began in the same millisecond.
    pub fn add(&self, staging: &Staging, manifest: &Manifest, mut sent: impl FnMut(u64)) -> Result<()> {
        let Staging::Apart(copy) = staging else { return Ok(()) };
        let id = &manifest.generation;
        let dir = layout::generation_dir(copy.dir(), id);
        if !self.objects.replace(&layout::key(id, CLAIM), signature().as_bytes(), &Version::ABSENT)? {
            return Err(Error::Claimed { generation: id.clone(), location: self.location.to_string() });
        }
        for name in manifest.files.keys() {
            self.objects.upload(&dir.join(name), &layout::key(id, name), &mut sent)?;
        }
        self.objects.upload(&dir.join(MANIFEST), &layout::key(id, MANIFEST), &mut sent)
    }

    /// Points `CURRENT` at a whole generation, provided that it still is what `seen` says: after it returns, that
    /// outlives a power cut.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where the generation has no manifest, [`Error::Damaged`] where a file of it is missing or
    /// has another length, [`Error::Overtaken`] where `CURRENT` was moved by another.
    pub fn publish(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        self.check_sizes(&self.manifest(id)?)?;
        if self.objects.replace(CURRENT, format!("{id}\n").as_bytes(), &seen.version)? {
            return Ok(());
        }
        let now = self.pointer()?;
        // A store that was asked twice, for its first answer was lost, has done it the first time.
        if now.generation().ok().flatten().as_ref() == Some(id) {
            return Ok(());
        }
        let name = |pointer: &Pointer| pointer.content.as_deref().map_or("nothing", str::trim_end).to_owned();
        Err(Error::Overtaken { generation: id.clone(), from: name(seen), to: name(&now) })
    }

    /// Checks that every file of a generation is there in its full length: what can be told without reading it.
    fn check_sizes(&self, manifest: &Manifest) -> Result<()> {
        for (name, FileDigest { bytes, .. }) in &manifest.files {
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

    /// Marks a generation, with a note that says why.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn mark(&self, id: &GenerationId, mark: Mark, note: &str) -> Result<()> {
        self.objects.write(&mark.key(id), format!("{note}\n").as_bytes())
    }

    /// Takes a mark from a generation, if it has it.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn unmark(&self, id: &GenerationId, mark: Mark) -> Result<()> {
        self.objects.remove(&mark.key(id))
    }

    /// The generations that are marked, and why.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn marked(&self, mark: Mark) -> Result<BTreeMap<GenerationId, String>> {
        let mut marked = BTreeMap::new();
        for name in self.objects.names(mark.folder())? {
            let Ok(id) = name.parse::<GenerationId>() else { continue };
            if let Some((note, _)) = self.objects.read(&mark.key(&id))? {
                marked.insert(id, String::from_utf8_lossy(&note).trim_end().to_owned());
            }
        }
        Ok(marked)
    }

    /// Removes a generation, and what was said of it. It stops being whole first, so that what is left of it, should
    /// this be interrupted, is swept by the next run and never read.
    ///
    /// # Errors
    /// [`Error::InUse`] for the published generation.
    pub fn remove(&self, id: &GenerationId) -> Result<()> {
        let manifest = layout::key(id, MANIFEST);
        let kept = self.objects.read(&manifest)?;
        let published = || Ok::<_, Error>(self.current()?.as_ref() == Some(id));
        let in_use = || Error::InUse { generation: id.clone(), location: self.location.to_string() };
        if published()? {
            return Err(in_use());
        }
        self.objects.remove(&manifest)?;
        // Looked at again: who goes back to a generation makes sure of its manifest afterwards, so one of the two sees
        // the other.
        if published()? {
            if let Some((bytes, _)) = kept {
                self.objects.write(&manifest, &bytes)?;
            }
            return Err(in_use());
        }
        self.objects.remove_all(&format!("{GENERATIONS}/{id}"))?;
        self.unmark(id, Mark::Withdrawn)?;
        self.unmark(id, Mark::Pinned)
    }

    /// Goes back (or forward) to a generation and says so of the one that was published. Without `to`, to the newest
    /// whole one before it that no gate refused. Returns the one left and the one that is published now.
    ///
    /// # Errors
    /// [`Error::NowhereToGo`] where there is none; [`Error::Overtaken`]; those of [`Repository::manifest`] for the one
    /// that was named.
    pub fn roll_back(
        &self,
        to: Option<&GenerationId>,
        note: &str,
    ) -> Result<(Option<GenerationId>, GenerationId)> {
        let seen = self.pointer()?;
        // A name that is none is what somebody may want to get away from.
        let from = seen.generation().ok().flatten();
        let to = match to {
            Some(id) => id.clone(),
            None => self.before(from.as_ref())?,
        };
        self.check_sizes(&self.manifest(&to)?)?;
        if from.as_ref() == Some(&to) {
            return Ok((from, to));
        }
        // Said first: should this end here, the next run knows at least that somebody was not content.
        if let Some(from) = &from {
            self.mark(from, Mark::Withdrawn, note)?;
        }
        self.publish(&to, &seen)?;
        // It may have been removed while we pointed at it.
        self.manifest(&to)?;
        self.unmark(&to, Mark::Withdrawn)?;
        Ok((from, to))
    }

    /// The newest whole generation before another that was good enough to be published and was not given up.
    fn before(&self, from: Option<&GenerationId>) -> Result<GenerationId> {
        let withdrawn = self.marked(Mark::Withdrawn)?;
        let earlier = self.generations()?.into_iter().rev();
        for id in earlier.filter(|id| from.is_none_or(|from| id < from) && !withdrawn.contains_key(id)) {
            match self.manifest(&id) {
                Ok(manifest) if manifest.account.gate.verdict != Verdict::Refused => return Ok(id),
                Ok(_) | Err(Error::Incomplete { .. } | Error::OtherFormat { .. } | Error::Damaged { .. }) => {
                }
                Err(other) => return Err(other),
            }
        }
        Err(Error::NowhereToGo { location: self.location.to_string() })
    }

    /// Where a file of a generation is, for people.
    #[must_use]
    pub fn path(&self, id: &GenerationId, name: &str) -> PathBuf {
        self.objects.path(&layout::key(id, name))
    }
}

impl Pointer {
    /// The generation that it names; `None` where nothing was ever published.
    ///
    /// # Errors
    /// [`Error::BadCurrent`] where it names nothing that could be one.
    pub fn generation(&self) -> Result<Option<GenerationId>> {
        let Some(text) = &self.content else { return Ok(None) };
        let text = text.trim_end();
        text.parse().map(Some).map_err(|_| Error::BadCurrent {
            path: self.path.clone(),
            found: text.chars().take(80).collect(),
        })
    }
}

/// Who writes, for whoever finds what was written.
fn signature() -> String {
    format!("process {} since {}\n", std::process::id(), jiff::Timestamp::now())
}

impl Mark {
    fn folder(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn key(self, id: &GenerationId) -> String {
        format!("{}/{id}", self.folder())
    }
}

impl Staging {
    /// The directory to make the generation in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match self {
            Self::InPlace(path) => path,
            Self::Apart(copy) => copy.dir(),
        }
    }
}
