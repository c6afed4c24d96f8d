//! A generation as it is served: its records, and what of it is kept in memory.

use std::sync::Arc;

use ranking::Items;
use store::reader::{LocalGeneration, OpenGeneration};
use store::{MovieId, Tables};
use warp::http::HeaderValue;

use crate::caching;
use crate::catalogue::Catalogue;
use crate::error::{Error, Result};

/// A generation that is served.
#[derive(Debug)]
pub(crate) struct Edition {
    /// The records.
    pub(crate) generation: OpenGeneration,
    /// Its id, as answers name it.
    pub(crate) name: HeaderValue,
    /// Another generation or another release, most likely another number: for what clients keep.
    pub(crate) digest: u64,
    /// The movies.
    pub(crate) catalogue: Catalogue,
    /// The movies that can be recommended.
    pub(crate) candidates: Candidates,
}

/// The movies that can be recommended and their factors, laid out for the scan: 4 bytes a factor.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// Ascending.
    ids: Vec<MovieId>,
    pub(crate) items: Items,
}

impl Edition {
    /// Opens a copy that was checked. Reads all movies and all candidates' factors; `cache_bytes` bounds what the store
    /// keeps in memory beside them.
    pub(crate) fn open(copy: Arc<LocalGeneration>, cache_bytes: u64) -> Result<Self> {
        let generation = OpenGeneration::open(copy, cache_bytes)?;
        let id = &generation.manifest().generation;
        let name = HeaderValue::from_str(id.as_str()).map_err(|_| Error::Unnameable(id.clone()))?;
        let digest = caching::digest(&(id, env!("CARGO_PKG_VERSION")));
        let catalogue = Catalogue::of(generation.tables())?;
        let candidates = Candidates::of(generation.tables())?;
        Ok(Self { generation, name, digest, catalogue, candidates })
    }

    /// The records.
    pub(crate) fn tables(&self) -> &Tables {
        self.generation.tables()
    }

    /// The length of a list, where there are that many candidates.
    pub(crate) fn depth(&self) -> u64 {
        self.generation.manifest().account.counts.depth
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
                return Err(Error::UnlikeFactors { movie: id, found: row.0.len(), expected: n_factors });
            }
            ids.push(id);
            factors.extend_from_slice(&row.0);
        }
        Ok(Self { ids, items: Items::new(&factors, n_factors) })
    }

    /// Whether a movie can be recommended: whether anybody has rated it.
    pub(crate) fn has(&self, movie: MovieId) -> bool {
        self.ids.binary_search(&movie).is_ok()
    }

    /// The movie at a place.
    pub(crate) fn id(&self, place: u32) -> MovieId {
        self.ids[place as usize]
    }
}
