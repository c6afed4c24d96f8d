//! Writes one generation, whole or not at all.
//!
//! Records go in by ascending id, tree by tree or interleaved. [`GenerationWriter::finish`] closes sled and
//! digests every file, [`Finished::seal`] writes the manifest. A generation that is dropped unsealed is
//! taken away. Pointing `CURRENT` at the result is [`publish`](crate::layout::publish).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ids::{GenerationId, MovieId, UserId};
use crate::layout::{self, MANIFEST, RECORDS};
use crate::manifest::{Account, FORMAT_VERSION, FileDigest, Manifest};
use crate::records::{FALLBACK_KEY, Factors, History, Key, Movie, Record, TopN, trees};

/// A generation in the making.
#[derive(Debug)]
pub struct GenerationWriter {
    id: GenerationId,
    records: Records,
    /// Dropped last, so that sled has let go of the files by then.
    draft: Draft,
}

/// The open sled directory.
#[derive(Debug)]
struct Records {
    path: PathBuf,
    db: sled::Db,
    trees: BTreeMap<&'static str, TreeWriter>,
}

/// One tree, what it has taken, and its last key.
#[derive(Debug)]
struct TreeWriter {
    tree: sled::Tree,
    hasher: blake3::Hasher,
    last: Option<u32>,
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
        let draft = Draft { dir, sealed: false };
        Ok(Self { id, records: Records::create(draft.dir.join(RECORDS))?, draft })
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

    /// Writes all that is stored of one user.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Sled`], [`Error::Encode`].
    pub fn put_user(
        &mut self,
        user: UserId,
        top_n: &TopN,
        history: &History,
        factors: &Factors,
    ) -> Result<()> {
        self.records.put(trees::TOP_N, user, top_n)?;
        self.records.put(trees::HISTORIES, user, history)?;
        self.records.put(trees::USER_FACTORS, user, factors)
    }

    /// Writes what is known of one movie beside its ratings.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Sled`], [`Error::Encode`].
    pub fn put_movie(&mut self, id: MovieId, movie: &Movie) -> Result<()> {
        self.records.put(trees::MOVIES, id, movie)
    }

    /// Writes the factors of one candidate.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Sled`], [`Error::Encode`].
    pub fn put_item_factors(&mut self, id: MovieId, factors: &Factors) -> Result<()> {
        self.records.put(trees::ITEM_FACTORS, id, factors)
    }

    /// Writes the list of a user whom nobody knows. Once.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Sled`], [`Error::Encode`].
    pub fn put_fallback(&mut self, top_n: &TopN) -> Result<()> {
        self.records.put(trees::FALLBACK, FALLBACK_KEY, top_n)
    }

    /// Closes the records, and digests and syncs every file of the generation.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Sled`]; the generation is then gone.
    pub fn finish(self) -> Result<Finished> {
        let Self { id, records, draft } = self;
        let content_digest = records.close()?;
        let mut files = BTreeMap::new();
        digest_files(&draft.dir, "", &mut files)?;
        Ok(Finished { id, content_digest, files, draft })
    }
}

/// A generation that lacks nothing but its manifest.
#[derive(Debug)]
pub struct Finished {
    id: GenerationId,
    content_digest: String,
    files: BTreeMap<String, FileDigest>,
    draft: Draft,
}

impl Finished {
    /// Writes the manifest. The generation is whole when this returns, and survives a power cut; it is not
    /// yet published.
    ///
    /// # Errors
    /// [`Error::Io`]; the generation is then gone.
    pub fn seal(self, account: Account) -> Result<Manifest> {
        let Self { id, content_digest, files, mut draft } = self;
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            generation: id,
            created_at: jiff::Timestamp::now(),
            account,
            content_digest,
            files,
        };
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|e| Error::Encode { what: "manifest", detail: e.to_string() })?;
        layout::replace(&draft.dir.join(MANIFEST), &text)?;
        draft.sealed = true;
        draft.dir.parent().map_or(Ok(()), layout::sync_dir)?;
        Ok(manifest)
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

impl Records {
    fn create(path: PathBuf) -> Result<Self> {
        let db = sled::Config::new()
            .path(&path)
            .mode(sled::Mode::HighThroughput)
            // Nothing reads while a run writes, and the run syncs once, at its end.
            .cache_capacity(64 << 20)
            .flush_every_ms(None)
            .create_new(true)
            .open()
            .map_err(Error::sled(&path))?;
        let open = |&name: &&'static str| {
            let tree = db.open_tree(name)?;
            Ok((name, TreeWriter { tree, hasher: blake3::Hasher::new(), last: None }))
        };
        let trees = trees::ALL.iter().map(open).collect::<Result<_, _>>().map_err(Error::sled(&path))?;
        Ok(Self { path, db, trees })
    }

    fn put(&mut self, tree: &'static str, key: impl Key, record: &impl Record) -> Result<()> {
        let key = key.number();
        let Some(writer) = self.trees.get_mut(tree) else {
            return Err(Error::Encode { what: tree, detail: "no such tree".to_owned() });
        };
        if writer.last.is_some_and(|last| last >= key) {
            return Err(Error::OutOfOrder { tree, key });
        }
        writer.last = Some(key);
        let value = record.encode()?;
        writer.hasher.update(&key.to_be_bytes());
        writer.hasher.update(&(value.len() as u64).to_le_bytes());
        writer.hasher.update(&value);
        writer.tree.insert(key.to_be_bytes(), value).map_err(Error::sled(&self.path))?;
        Ok(())
    }

    /// Writes all to disk, lets go of the directory and returns the digest of all records.
    fn close(self) -> Result<String> {
        let mut content = blake3::Hasher::new();
        for name in trees::ALL {
            if let Some(writer) = self.trees.get(name) {
                content.update(name.as_bytes());
                content.update(writer.hasher.finalize().as_bytes());
            }
        }
        self.db.flush().map_err(Error::sled(&self.path))?;
        // Trees first: the last handle writes sled's own last words.
        drop(self.trees);
        drop(self.db);
        Ok(content.finalize().to_hex().to_string())
    }
}

/// Digests and syncs every file below a directory, and syncs the directories.
fn digest_files(dir: &Path, prefix: &str, files: &mut BTreeMap<String, FileDigest>) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            digest_files(&path, &format!("{name}/"), files)?;
        } else {
            File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
            files.insert(name, FileDigest::of(&path)?);
        }
    }
    layout::sync_dir(dir)
}
