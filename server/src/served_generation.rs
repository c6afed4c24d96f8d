//! A generation as it is served: its records, and the parts that are kept in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ranking::Items;
use store::manifest::Manifest;
use store::reader::{LocalGeneration, OpenGeneration};
use store::{MovieId, Tables};
use warp::http::HeaderValue;

use crate::caching;
use crate::catalogue::Catalogue;
use crate::error::{Error, Result};

/// An open generation.
#[derive(Debug)]
pub(crate) struct ServedGeneration {
    pub(crate) generation: OpenGeneration,
    /// Its id as a header.
    pub(crate) name: HeaderValue,
    /// A hash of the id and the release, which is part of entity tags.
    pub(crate) digest: u64,
    /// The titles and genres of all movies.
    pub(crate) catalogue: Catalogue,
    /// The movies that can be recommended.
    pub(crate) candidates: Candidates,
    /// The time at which it was opened.
    opened: Instant,
}

/// The movies that can be recommended and their factors, in the layout of the scan: 4 bytes a factor.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// Ascending.
    ids: Vec<MovieId>,
    pub(crate) items: Items,
}

impl ServedGeneration {
    /// Opens a verified copy. Reads all movies and the factors of all candidates; `cache_bytes` bounds the store's cache
    /// beside them.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::UnequalFactors`], [`Error::Unnameable`].
    pub(crate) fn open(copy: Arc<LocalGeneration>, cache_bytes: u64) -> Result<Self> {
        let generation = OpenGeneration::open(copy, cache_bytes)?;
        let id = &generation.manifest().generation;
        let name = HeaderValue::from_str(id.as_str()).map_err(|_| Error::Unnameable(id.clone()))?;
        let digest = caching::digest(&(id, env!("CARGO_PKG_VERSION")));
        let catalogue = Catalogue::of(generation.tables().movies())?;
        let candidates = Candidates::of(generation.tables())?;
        Ok(Self { generation, name, digest, catalogue, candidates, opened: Instant::now() })
    }

    /// The records.
    pub(crate) fn tables(&self) -> &Tables {
        self.generation.tables()
    }

    /// The description of the generation.
    pub(crate) fn manifest(&self) -> &Manifest {
        self.generation.manifest()
    }

    /// The age by the clock, at least the time for which the generation is open: that of one that is dated ahead of the
    /// clock begins when it is opened.
    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        let by_clock = now.duration_since(self.manifest().created_at);
        Duration::try_from(by_clock).unwrap_or_default().max(self.opened.elapsed())
    }

    /// The time until the clock reaches that of the generation; zero where it has.
    pub(crate) fn dated_ahead(&self, now: Timestamp) -> Duration {
        let created = self.manifest().created_at;
        let dated = self.manifest().generation.time().map_or(created, |begun| begun.max(created));
        Duration::try_from(dated.duration_since(now)).unwrap_or_default()
    }

    /// The maximum length of the stored lists; a list is shorter where there are fewer candidates.
    pub(crate) fn depth(&self) -> u64 {
        self.manifest().account.counts.depth
    }
}

impl Candidates {
    fn of(tables: &Tables) -> Result<Self> {
        let (mut ids, mut factors, mut n_factors) = (Vec::new(), Vec::new(), 0);
        for entry in tables.candidates() {
            let (id, row) = entry?;
            if ids.is_empty() {
                n_factors = row.0.len();
            } else if row.0.len() != n_factors {
                return Err(Error::UnequalFactors { movie: id, found: row.0.len(), expected: n_factors });
            }
            ids.push(id);
            factors.extend_from_slice(&row.0);
        }
        Ok(Self { ids, items: Items::new(&factors, n_factors) })
    }

    /// Whether a movie can be recommended: whether it has ratings.
    pub(crate) fn has(&self, movie: MovieId) -> bool {
        self.ids.binary_search(&movie).is_ok()
    }

    /// The movie at an index of the items.
    pub(crate) fn id(&self, index: u32) -> MovieId {
        self.ids[index as usize]
    }
}
