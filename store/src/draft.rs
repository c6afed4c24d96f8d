//! Writes one generation, completely or not at all.
//!
//! Records are written by ascending id, in any order of the trees, and by one thread a tree or one for all.
//! [`DraftGeneration::finish`] closes the records and digests every file, [`SealedGeneration::seal`] writes the manifest. A
//! generation that is dropped before that is removed. [`Repository::publish`](crate::Repository::publish) then points
//! `CURRENT` at it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::durable;
pub use crate::engine::TreeWriter;
use crate::engine::{Records, Tree};
use crate::error::{Error, Result};
use crate::ids::{GenerationId, MovieId, UserId};
use crate::layout::{self, MANIFEST, RECORDS};
use crate::manifest::{Account, FORMAT_VERSION, FileDigest, Manifest};
use crate::records::{Factors, History, Movie, OnlyKey, Similar, TopN, UserTerms};
use crate::tables::Tables;

/// A generation that is being written.
#[derive(Debug)]
pub struct DraftGeneration {
    /// By user: the list.
    pub top_n: TreeWriter<UserId, TopN>,
    /// By user: the ratings.
    pub histories: TreeWriter<UserId, History>,
    /// By movie: the metadata.
    pub movies: TreeWriter<MovieId, Movie>,
    /// By movie: the most similar candidates.
    pub similar: TreeWriter<MovieId, Similar>,
    /// By user: the factors.
    pub user_factors: TreeWriter<UserId, Factors>,
    /// By candidate: the factors.
    pub item_factors: TreeWriter<MovieId, Factors>,
    fallback: TreeWriter<OnlyKey, TopN>,
    user_terms: TreeWriter<OnlyKey, UserTerms>,
    id: GenerationId,
    records: Records,
    /// Dropped last, when the record engine has released the files.
    draft: DraftDir,
}

/// The directory of a generation, removed on drop unless it is sealed.
#[derive(Debug)]
struct DraftDir {
    dir: PathBuf,
    sealed: bool,
}

impl Drop for DraftDir {
    fn drop(&mut self) {
        if !self.sealed
            && let Err(e) = fs::remove_dir_all(&self.dir)
        {
            tracing::warn!("cannot remove the unfinished generation {}: {e}", self.dir.display());
        }
    }
}

impl DraftGeneration {
    /// Begins a generation in an output directory, which is created where it does not exist.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Engine`].
    pub fn create(output: &Path) -> Result<Self> {
        let generations = layout::generations_dir(output);
        fs::create_dir_all(&generations).map_err(Error::io("create", &generations))?;
        let (id, dir) = claim(output)?;
        Self::begin(id, dir)
    }

    /// Begins the generation of a job, under its name.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Engine`].
    pub fn create_for(job: &GenerationId, output: &Path) -> Result<Self> {
        let dir = layout::generation_dir(output, job);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        Self::begin(job.clone(), dir)
    }

    fn begin(id: GenerationId, dir: PathBuf) -> Result<Self> {
        let draft = DraftDir { dir, sealed: false };
        let records = Records::create(&draft.dir.join(RECORDS))?;
        Ok(Self {
            top_n: records.writer(Tree::TopN, None)?,
            histories: records.writer(Tree::Histories, None)?,
            movies: records.writer(Tree::Movies, None)?,
            similar: records.writer(Tree::Similar, None)?,
            user_factors: records.writer(Tree::UserFactors, None)?,
            item_factors: records.writer(Tree::ItemFactors, None)?,
            fallback: records.writer(Tree::Fallback, None)?,
            user_terms: records.writer(Tree::UserTerms, None)?,
            id,
            records,
            draft,
        })
    }

    /// The generation's name.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        &self.id
    }

    /// The directory of the generation. Other files that the run writes there are sealed with the records.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.draft.dir
    }

    /// Writes the fallback list, for unknown users. It is required, once.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Engine`], [`Error::Encode`].
    pub fn put_fallback(&mut self, top_n: &TopN) -> Result<()> {
        self.fallback.put(OnlyKey, top_n)
    }

    /// Writes the terms for the fold-in of users, at most once. Without them, readers fold nothing in.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Engine`], [`Error::Encode`].
    pub fn put_user_terms(&mut self, terms: &UserTerms) -> Result<()> {
        self.user_terms.put(OnlyKey, terms)
    }

    /// The records that are written so far, as a reader sees them.
    ///
    /// # Errors
    /// [`Error::Damaged`] before the fallback was written, [`Error::Engine`].
    pub fn tables(&self) -> Result<Tables> {
        Tables::of(&self.records, None, None)
    }

    /// Closes the records, and syncs and digests every file of the generation.
    ///
    /// # Errors
    /// [`Error::MissingRecords`], [`Error::Io`], [`Error::Engine`]; the generation is then removed.
    pub fn finish(self) -> Result<SealedGeneration> {
        let Self { top_n, histories, movies, similar, user_factors, item_factors, .. } = self;
        let Self { fallback, user_terms, id, records, draft, .. } = self;
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
        // All trees are closed by now.
        records.close()?;
        durable::sync_all(&draft.dir)?;
        let files = FileDigest::of_all(&draft.dir, |_| true)?;
        Ok(SealedGeneration { id, content, n_shards: None, files, draft })
    }
}

/// A generation whose files no longer change. [`seal`](SealedGeneration::seal) writes its manifest.
#[derive(Debug)]
pub struct SealedGeneration {
    id: GenerationId,
    content: blake3::Hasher,
    n_shards: Option<u32>,
    files: BTreeMap<String, FileDigest>,
    draft: DraftDir,
}

impl SealedGeneration {
    /// Adds the shards of users, which other processes have written: by shard, the digest of the file and that of the
    /// records.
    pub fn add_shards<'a>(&mut self, shards: impl ExactSizeIterator<Item = (&'a FileDigest, &'a str)>) {
        self.n_shards = u32::try_from(shards.len()).ok();
        for ((file, content), number) in shards.zip(0..) {
            self.content.update(content.as_bytes());
            self.files.insert(layout::users_file(number), file.clone());
        }
    }

    /// Writes the manifest. After that, the generation is complete and survives a power failure. It is not published.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a figure that JSON cannot hold, [`Error::Io`]; the generation is then removed.
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

/// Creates the directory of a generation under the first free name from now on.
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
