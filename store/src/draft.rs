//! Writes one generation, whole or not at all.
//!
//! Records go in by ascending id, tree by tree or interleaved, or by a thread a tree. [`GenerationWriter::finish`]
//! closes sled and digests every file, [`Finished::seal`] writes the manifest. A generation that is dropped unsealed
//! is taken away. Pointing `CURRENT` at the result is
//! [`Repository::publish`](crate::Repository::publish).

mod leaves;
mod tree;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::durable;
use crate::error::{Error, Result};
use crate::ids::{GenerationId, MovieId, UserId};
use crate::layout::{self, LOG, MANIFEST, RECORDS};
use crate::manifest::{Account, FORMAT_VERSION, FileDigest, Manifest};
use crate::records::{Factors, History, Movie, ONLY_KEY, Similar, TopN, UserTerms, trees};
use crate::tables::Tables;
pub use tree::TreeWriter;

/// A generation in the making.
#[derive(Debug)]
pub struct GenerationWriter {
    /// The users' lists.
    pub top_n: TreeWriter<UserId, TopN>,
    /// What the users have rated.
    pub histories: TreeWriter<UserId, History>,
    /// What is known of movies beside their ratings.
    pub movies: TreeWriter<MovieId, Movie>,
    /// The candidates most like each.
    pub similar: TreeWriter<MovieId, Similar>,
    /// The users' factors.
    pub user_factors: TreeWriter<UserId, Factors>,
    /// The candidates' factors.
    pub item_factors: TreeWriter<MovieId, Factors>,
    fallback: TreeWriter<MovieId, TopN>,
    user_terms: TreeWriter<MovieId, UserTerms>,
    id: GenerationId,
    db: sled::Db,
    records: PathBuf,
    /// Dropped last, so that sled has let go of the files by then.
    draft: Draft,
}

/// The directory of an unsealed generation, removed on drop.
#[derive(Debug)]
struct Draft {
    dir: PathBuf,
    sealed: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.sealed
            && let Err(e) = fs::remove_dir_all(&self.dir)
        {
            tracing::warn!("cannot remove the unfinished generation {}: {e}", self.dir.display());
        }
    }
}

impl GenerationWriter {
    /// Begins a generation in an output directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Sled`].
    pub fn create(output: &Path) -> Result<Self> {
        let generations = layout::generations_dir(output);
        fs::create_dir_all(&generations).map_err(Error::io("create", &generations))?;
        let (id, dir) = claim(output)?;
        Self::begin(id, dir)
    }

    /// Begins a generation whose name is a job's.
    ///
    /// # Errors
    /// As [`GenerationWriter::create`].
    pub fn create_for(job: &GenerationId, output: &Path) -> Result<Self> {
        let dir = layout::generation_dir(output, job);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        Self::begin(job.clone(), dir)
    }

    fn begin(id: GenerationId, dir: PathBuf) -> Result<Self> {
        let draft = Draft { dir, sealed: false };
        let records = draft.dir.join(RECORDS);
        let db = config(&records).create_new(true).open().map_err(Error::sled(&records))?;
        Ok(Self {
            top_n: TreeWriter::open(&db, trees::TOP_N, &records)?,
            histories: TreeWriter::open(&db, trees::HISTORIES, &records)?,
            movies: TreeWriter::open(&db, trees::MOVIES, &records)?,
            similar: TreeWriter::open(&db, trees::SIMILAR, &records)?,
            user_factors: TreeWriter::open(&db, trees::USER_FACTORS, &records)?,
            item_factors: TreeWriter::open(&db, trees::ITEM_FACTORS, &records)?,
            fallback: TreeWriter::open(&db, trees::FALLBACK, &records)?,
            user_terms: TreeWriter::open(&db, trees::USER_TERMS, &records)?,
            id,
            db,
            records,
            draft,
        })
    }

    /// The generation's name.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        &self.id
    }

    /// The generation's directory, for what else the run leaves there; sealed with the records.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.draft.dir
    }

    /// Writes the list of a user whom nobody knows. Once.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Sled`], [`Error::Encode`].
    pub fn put_fallback(&mut self, top_n: &TopN) -> Result<()> {
        self.fallback.put(ONLY_KEY, top_n)
    }

    /// Writes what factors of users are solved from, at most once. Without it, nothing can be folded in.
    ///
    /// # Errors
    /// As [`GenerationWriter::put_fallback`].
    pub fn put_user_terms(&mut self, terms: &UserTerms) -> Result<()> {
        self.user_terms.put(ONLY_KEY, terms)
    }

    /// What was written until now, as a reader would see it.
    ///
    /// # Errors
    /// [`Error::Damaged`] before the fallback was written, [`Error::Sled`].
    pub fn tables(&self) -> Result<Tables> {
        Tables::of(&self.db, &self.records, None, None)
    }

    /// Closes the records, and digests and syncs every file of the generation.
    ///
    /// # Errors
    /// [`Error::Unkept`], [`Error::Io`] and [`Error::Sled`]; the generation is then gone.
    pub fn finish(self) -> Result<Finished> {
        let Self { top_n, histories, movies, similar, user_factors, item_factors, .. } = self;
        let Self { fallback, user_terms, id, db, records, draft, .. } = self;
        let mut content = blake3::Hasher::new();
        for tree in [
            top_n.close(),
            histories.close(),
            movies.close(),
            similar.close(),
            user_factors.close(),
            item_factors.close(),
            fallback.close(),
            user_terms.close(),
        ] {
            let (name, digest) = tree?;
            content.update(name.as_bytes());
            content.update(digest.as_bytes());
        }
        // The trees are gone by now: the last handle writes sled's own last words.
        close_whole(db, &records)?;
        durable::sync_all(&draft.dir)?;
        let files = FileDigest::of_all(&draft.dir, |_| true)?;
        Ok(Finished { id, content, n_shards: None, files, draft })
    }
}

/// A generation that lacks nothing but its manifest.
#[derive(Debug)]
pub struct Finished {
    id: GenerationId,
    content: blake3::Hasher,
    n_shards: Option<u32>,
    files: BTreeMap<String, FileDigest>,
    draft: Draft,
}

impl Finished {
    /// Adds the users, whose shards were written elsewhere: of each, in order, the digest of its file and that of its
    /// records.
    pub fn add_shards<'a>(&mut self, shards: impl ExactSizeIterator<Item = (&'a FileDigest, &'a str)>) {
        self.n_shards = u32::try_from(shards.len()).ok();
        for ((file, content), number) in shards.zip(0..) {
            self.content.update(content.as_bytes());
            self.files.insert(layout::users_file(number), file.clone());
        }
    }

    /// Writes the manifest. The generation is whole when this returns, and survives a power cut; it is not
    /// yet published.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a figure that JSON cannot hold, [`Error::Io`]; the generation is then gone.
    pub fn seal(self, account: Account) -> Result<Manifest> {
        account.check_finite()?;
        let Self { id, content, n_shards, files, mut draft } = self;
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            generation: id,
            created_at: jiff::Timestamp::now(),
            account,
            content_digest: content.finalize().to_hex().to_string(),
            n_shards,
            files,
        };
        let bytes = manifest.to_bytes()?;
        durable::write_file(&draft.dir.join(MANIFEST), |file| file.write_all(&bytes))?;
        draft.sealed = true;
        draft.dir.parent().map_or(Ok(()), durable::sync_dir)?;
        Ok(manifest)
    }
}

/// How a run opens its records.
pub(crate) fn config(records: &Path) -> sled::Config {
    sled::Config::new()
        .path(records)
        .mode(sled::Mode::HighThroughput)
        // Nothing reads while a run writes, and the run syncs once, at its end.
        .cache_capacity(64 << 20)
        .flush_every_ms(None)
}

/// Closes records of which nothing is missing any more, and no tree is open.
pub(crate) fn close_whole(db: sled::Db, records: &Path) -> Result<()> {
    db.flush().map_err(Error::sled(records))?;
    drop(db);
    await_close(records)?;
    // On opening, sled reads all that was written since its last snapshot and leaves another. Done here once, it spares
    // every reader the reading.
    drop(config(records).open().map_err(Error::sled(records))?);
    await_close(records)
}

/// Waits until sled has let go of its files: it ends its writing on a thread of its own, after the last handle is gone.
pub(crate) fn await_close(records: &Path) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(60);

    let path = records.join(LOG);
    let file = File::open(&path).map_err(Error::io("open", &path))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                let held = io::Error::other("sled has not let go of it");
                return Err(Error::io("close", &path)(held));
            }
            // On a file system that knows no locks sled has none either.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
}

/// Takes the first free name from now on: two runs in one millisecond get two.
fn claim(output: &Path) -> Result<(GenerationId, PathBuf)> {
    let mut time = jiff::Timestamp::now();
    loop {
        let id = GenerationId::at(time);
        let dir = layout::generation_dir(output, &id);
        match fs::create_dir(&dir) {
            Ok(()) => return Ok((id, dir)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                time += jiff::SignedDuration::from_millis(1);
            }
            Err(e) => return Err(Error::io("create", dir)(e)),
        }
    }
}
