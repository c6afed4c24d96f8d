//! The records of a generation by key, over an open sled directory: what a reader looks up, and what a run reads back
//! before it seals what it wrote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::RecordCache;
use crate::error::{Error, Result};
use crate::ids::{MovieId, UserId};
use crate::records::{
    Factors, History, Key, Movie, ONLY_KEY, Record, Similar, TopN, TopNView, UserTerms, trees,
};

/// The trees of a generation. Every lookup is one get and one decode: under a microsecond for a record that the cache
/// holds, else some.
#[derive(Debug)]
pub struct Tables {
    fallback: TopN,
    user_terms: Option<UserTerms>,
    top_n: Table,
    histories: Table,
    movies: Table,
    similar: Table,
    user_factors: Table,
    item_factors: Table,
}

/// A tree and where it lies, for messages.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    tree: sled::Tree,
    /// Its number among the trees, for the cache that they share.
    number: u8,
    cache: Option<Arc<RecordCache>>,
}

impl Tables {
    /// The trees of an open database that lies in `path`. With a cache, lookups ask it first.
    ///
    /// # Errors
    /// [`Error::Damaged`] without a list for unknown users, [`Error::Sled`].
    pub(crate) fn of(db: &sled::Db, path: &Path, cache: Option<RecordCache>) -> Result<Self> {
        let cache = cache.map(Arc::new);
        let mut numbers = 0..;
        let mut table = |name: &str| {
            let tree = db.open_tree(name).map_err(Error::sled(path))?;
            let number = numbers.next().unwrap_or(u8::MAX);
            Ok::<_, Error>(Table { path: path.join(name), tree, number, cache: cache.clone() })
        };
        let fallback_table = table(trees::FALLBACK)?;
        let fallback = fallback_table.get(ONLY_KEY)?.ok_or_else(|| Error::Damaged {
            path: fallback_table.path.clone(),
            detail: "it has no list for unknown users".to_owned(),
        })?;
        Ok(Self {
            fallback,
            user_terms: table(trees::USER_TERMS)?.get(ONLY_KEY)?,
            top_n: table(trees::TOP_N)?,
            histories: table(trees::HISTORIES)?,
            movies: table(trees::MOVIES)?,
            similar: table(trees::SIMILAR)?,
            user_factors: table(trees::USER_FACTORS)?,
            item_factors: table(trees::ITEM_FACTORS)?,
        })
    }

    /// The bytes that cached records take, and how often a lookup found none; zeros without a cache.
    #[must_use]
    pub fn cached(&self) -> (u64, u64) {
        // All tables share one.
        self.top_n.cache.as_ref().map_or((0, 0), |cache| (cache.bytes(), cache.n_misses()))
    }

    /// The list of a user whom nobody knows.
    #[must_use]
    pub fn fallback(&self) -> &TopN {
        &self.fallback
    }

    /// What factors of a user are solved from; `None` where nothing can be folded in, lists being ordered by another
    /// model.
    #[must_use]
    pub fn user_terms(&self) -> Option<&UserTerms> {
        self.user_terms.as_ref()
    }

    /// A user's list; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`] and [`Error::Sled`], as for every lookup.
    pub fn top_n(&self, user: UserId) -> Result<Option<TopN>> {
        self.top_n.get(user)
    }

    /// Lets somebody look at a user's list without decoding all of it; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn view_top_n<T>(&self, user: UserId, look: impl FnOnce(TopNView<'_>) -> T) -> Result<Option<T>> {
        let Some(value) = self.top_n.value(user)? else { return Ok(None) };
        let view = TopNView::of(&value).map_err(|detail| self.top_n.damaged::<TopN>(user.0, &detail))?;
        Ok(Some(look(view)))
    }

    /// What a user has rated; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn history(&self, user: UserId) -> Result<Option<History>> {
        self.histories.get(user)
    }

    /// What is known of a movie beside its ratings.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn movie(&self, movie: MovieId) -> Result<Option<Movie>> {
        self.movies.get(movie)
    }

    /// The candidates most like one; `None` for a movie that nobody has rated.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn similar(&self, movie: MovieId) -> Result<Option<Similar>> {
        self.similar.get(movie)
    }

    /// A user's factors; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn user_factors(&self, user: UserId) -> Result<Option<Factors>> {
        self.user_factors.get(user)
    }

    /// A candidate's factors; `None` for a movie that nobody has rated.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn item_factors(&self, movie: MovieId) -> Result<Option<Factors>> {
        self.item_factors.get(movie)
    }

    /// All users who have a list, ids ascending.
    pub fn users(&self) -> impl Iterator<Item = Result<UserId>> + '_ {
        self.top_n.entries().map(|entry| entry.map(|(id, _)| UserId(id)))
    }

    /// The user with the least id from one on who has a list.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn user_from(&self, from: UserId) -> Result<Option<UserId>> {
        self.top_n.keys_from(from.0).next().transpose().map(|id| id.map(UserId))
    }

    /// The user with the greatest id who has a list.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn last_user(&self) -> Result<Option<UserId>> {
        self.top_n.keys_from(0).next_back().transpose().map(|id| id.map(UserId))
    }

    /// All movies of which something is known, ids ascending.
    pub fn movies(&self) -> impl Iterator<Item = Result<(MovieId, Movie)>> + '_ {
        self.movies.records().map(|entry| entry.map(|(id, movie)| (MovieId(id), movie)))
    }

    /// All candidates and their factors, ids ascending.
    pub fn candidates(&self) -> impl Iterator<Item = Result<(MovieId, Factors)>> + '_ {
        self.item_factors.records().map(|entry| entry.map(|(id, factors)| (MovieId(id), factors)))
    }

    /// All candidates' ids, ascending.
    pub fn candidate_ids(&self) -> impl Iterator<Item = Result<MovieId>> + '_ {
        self.item_factors.entries().map(|entry| entry.map(|(id, _)| MovieId(id)))
    }
}

impl Table {
    fn value(&self, key: impl Key) -> Result<Option<sled::IVec>> {
        let key = key.number();
        // The path is copied where something has failed, and not for every lookup.
        let get = || self.tree.get(key.to_be_bytes()).map_err(|e| Error::sled(&self.path)(e));
        match &self.cache {
            Some(cache) => cache.record(self.number, key, get),
            None => get(),
        }
    }

    fn get<R: Record>(&self, key: impl Key) -> Result<Option<R>> {
        self.value(key)?.map(|bytes| self.decode(key.number(), &bytes)).transpose()
    }

    fn entries(&self) -> impl Iterator<Item = Result<(u32, sled::IVec)>> + '_ {
        self.tree.iter().map(|entry| {
            let (key, value) = entry.map_err(Error::sled(&self.path))?;
            Ok((self.key(&key)?, value))
        })
    }

    /// The keys from one on, ascending; nothing is read but where one looks.
    fn keys_from(&self, from: u32) -> impl DoubleEndedIterator<Item = Result<u32>> + '_ {
        self.tree.range(from.to_be_bytes()..).map(|entry| {
            let (key, _) = entry.map_err(Error::sled(&self.path))?;
            self.key(&key)
        })
    }

    fn key(&self, key: &[u8]) -> Result<u32> {
        let key = <[u8; 4]>::try_from(key).map_err(|_| Error::Damaged {
            path: self.path.clone(),
            detail: format!("a key has {} bytes", key.len()),
        })?;
        Ok(u32::from_be_bytes(key))
    }

    fn records<R: Record>(&self) -> impl Iterator<Item = Result<(u32, R)>> + '_ {
        self.entries().map(|entry| entry.and_then(|(key, value)| Ok((key, self.decode(key, &value)?))))
    }

    fn decode<R: Record>(&self, key: u32, bytes: &[u8]) -> Result<R> {
        R::decode(bytes).map_err(|detail| self.damaged::<R>(key, &detail))
    }

    fn damaged<R: Record>(&self, key: u32, detail: &str) -> Error {
        Error::Damaged { path: self.path.clone(), detail: format!("the {} of {key}: {detail}", R::NAME) }
    }
}
