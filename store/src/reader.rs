//! Opens a generation for reading: a verified copy of its records, in a directory of the reader's own.
//!
//! The generation may be deleted from the output directory while a reader serves its copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ids::{GenerationId, MovieId, UserId};
use crate::layout::{self, MANIFEST, RECORDS};
use crate::manifest::Manifest;
use crate::records::{FALLBACK_KEY, Factors, History, Key, Movie, Record, TopN, trees};
use crate::working_copy::WorkingCopy;

/// A generation, open for lookups. Every lookup is one get and one decode: some microseconds.
#[derive(Debug)]
pub struct Generation {
    manifest: Manifest,
    fallback: TopN,
    top_n: Table,
    histories: Table,
    movies: Table,
    user_factors: Table,
    item_factors: Table,
    /// Declared last, hence dropped last: sled has closed its files by the time they go.
    _copy: WorkingCopy,
}

/// A tree and where it lies, for messages.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    tree: sled::Tree,
}

impl Generation {
    /// Copies a generation into a directory of its own under `work`, checks each file against the manifest
    /// and opens the copy. Costs one copy (a reflink where the file system can) and one reading.
    ///
    /// `cache_bytes` bounds the pages that sled keeps in memory.
    ///
    /// # Errors
    /// [`Error::Incomplete`] without a manifest, [`Error::OtherFormat`], [`Error::Damaged`] naming the file
    /// that is not what the manifest says, [`Error::Io`], [`Error::Sled`].
    pub fn open(output: &Path, id: &GenerationId, work: &Path, cache_bytes: u64) -> Result<Self> {
        let source = layout::generation_dir(output, id);
        let manifest_path = source.join(MANIFEST);
        if !manifest_path.is_file() {
            return Err(Error::Incomplete { generation: id.clone(), output: output.to_path_buf() });
        }
        let manifest = Manifest::read(&manifest_path)?;
        if manifest.generation != *id {
            let detail = format!("it is the manifest of {}", manifest.generation);
            return Err(Error::Damaged { path: manifest_path, detail });
        }

        let copy = WorkingCopy::create(work)?;
        copy_records(&source, &manifest, copy.dir())?;
        let path = copy.dir().join(RECORDS);
        let db = sled::Config::new()
            .path(&path)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .open()
            .map_err(Error::sled(&path))?;
        let table = |name: &str| {
            let tree = db.open_tree(name).map_err(Error::sled(&path))?;
            Ok::<_, Error>(Table { path: path.join(name), tree })
        };
        let fallback_table = table(trees::FALLBACK)?;
        let fallback = fallback_table.get(FALLBACK_KEY)?.ok_or_else(|| Error::Damaged {
            path: fallback_table.path.clone(),
            detail: "it has no list for unknown users".to_owned(),
        })?;
        Ok(Self {
            fallback,
            top_n: table(trees::TOP_N)?,
            histories: table(trees::HISTORIES)?,
            movies: table(trees::MOVIES)?,
            user_factors: table(trees::USER_FACTORS)?,
            item_factors: table(trees::ITEM_FACTORS)?,
            manifest,
            _copy: copy,
        })
    }

    /// The generation's account of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The list of a user whom nobody knows.
    #[must_use]
    pub fn fallback(&self) -> &TopN {
        &self.fallback
    }

    /// A user's list; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`] and [`Error::Sled`], as for every lookup.
    pub fn top_n(&self, user: UserId) -> Result<Option<TopN>> {
        self.top_n.get(user)
    }

    /// The movies that a user has rated; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Generation::top_n`].
    pub fn history(&self, user: UserId) -> Result<Option<History>> {
        self.histories.get(user)
    }

    /// What is known of a movie beside its ratings.
    ///
    /// # Errors
    /// As [`Generation::top_n`].
    pub fn movie(&self, movie: MovieId) -> Result<Option<Movie>> {
        self.movies.get(movie)
    }

    /// A user's factors; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Generation::top_n`].
    pub fn user_factors(&self, user: UserId) -> Result<Option<Factors>> {
        self.user_factors.get(user)
    }

    /// A candidate's factors; `None` for a movie that nobody has rated.
    ///
    /// # Errors
    /// As [`Generation::top_n`].
    pub fn item_factors(&self, movie: MovieId) -> Result<Option<Factors>> {
        self.item_factors.get(movie)
    }

    /// All users, ids ascending.
    pub fn users(&self) -> impl Iterator<Item = Result<UserId>> + '_ {
        self.top_n.entries().map(|entry| entry.map(|(id, _)| UserId(id)))
    }

    /// All candidates and their factors, ids ascending.
    pub fn candidates(&self) -> impl Iterator<Item = Result<(MovieId, Factors)>> + '_ {
        let decode =
            |(id, value): (u32, sled::IVec)| Ok((MovieId(id), self.item_factors.decode(id, &value)?));
        self.item_factors.entries().map(move |entry| entry.and_then(decode))
    }
}

impl Table {
    fn get<R: Record>(&self, key: impl Key) -> Result<Option<R>> {
        let value = self.tree.get(key.number().to_be_bytes()).map_err(Error::sled(&self.path))?;
        value.map(|bytes| self.decode(key.number(), &bytes)).transpose()
    }

    fn entries(&self) -> impl Iterator<Item = Result<(u32, sled::IVec)>> + '_ {
        self.tree.iter().map(|entry| {
            let (key, value) = entry.map_err(Error::sled(&self.path))?;
            let key = <[u8; 4]>::try_from(key.as_ref()).map_err(|_| Error::Damaged {
                path: self.path.clone(),
                detail: format!("a key has {} bytes", key.len()),
            })?;
            Ok((u32::from_be_bytes(key), value))
        })
    }

    fn decode<R: Record>(&self, key: u32, bytes: &[u8]) -> Result<R> {
        R::decode(bytes).map_err(|e| Error::Damaged {
            path: self.path.clone(),
            detail: format!("the {} of {key}: {e}", R::NAME),
        })
    }
}

/// Copies the files of the records and checks the copies, so that what is opened is what was checked.
fn copy_records(source: &Path, manifest: &Manifest, target: &Path) -> Result<()> {
    let prefix = format!("{RECORDS}/");
    for (name, digest) in manifest.files.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        let (from, to) = (source.join(name), target.join(name));
        if Path::new(name).components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
            let detail = format!("it lists the file {name}, which leads out of the generation");
            return Err(Error::Damaged { path: source.join(MANIFEST), detail });
        }
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        if let Err(e) = fs::copy(&from, &to) {
            return Err(match e.kind() {
                io::ErrorKind::NotFound => Error::Damaged { path: from, detail: "it is missing".to_owned() },
                _ => Error::io("copy", from)(e),
            });
        }
        digest.check(&to).map_err(|e| match e {
            // The copy is ours and goes away; what the engineer can look at is the original.
            Error::Damaged { detail, .. } => Error::Damaged { path: from, detail },
            other => other,
        })?;
    }
    Ok(())
}
