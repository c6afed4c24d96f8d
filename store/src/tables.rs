//! The records of a generation by key, over an open sled directory: what a reader looks up, and what a run reads back
//! before it seals what it wrote.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::RecordCache;
use crate::error::{Error, Result};
use crate::ids::{MovieId, UserId};
use crate::loading::tree_name;
use crate::records::{
    Factors, History, Key, Movie, ONLY_KEY, Record, Similar, TopN, TopNView, UserTerms, trees,
};
use crate::shards::{Owned, shard_of};

/// The trees of a generation. Every lookup is one get and one decode: under a microsecond for a record that the cache
/// holds, else some.
#[derive(Debug)]
pub struct Tables {
    fallback: TopN,
    user_terms: Option<UserTerms>,
    n_shards: Option<u32>,
    /// By shard, none where another reader owns it; one where the generation is not cut.
    users: Vec<Option<Users>>,
    movies: Table,
    similar: Table,
    item_factors: Table,
}

/// What there is of some users.
#[derive(Debug)]
struct Users {
    top_n: Table,
    histories: Table,
    factors: Table,
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
    /// The trees of an open database that lies in `path`. With a cache, lookups ask it first. `shards` says how many there
    /// are, and which are in it.
    ///
    /// # Errors
    /// [`Error::Damaged`] without a list for unknown users, [`Error::Sled`].
    pub(crate) fn of(
        db: &sled::Db,
        path: &Path,
        cache: Option<RecordCache>,
        shards: Option<(u32, &Owned)>,
    ) -> Result<Self> {
        let cache = cache.map(Arc::new);
        // All parts of a tree share a number: no id is in two.
        let table = |number: u8, name: &str| {
            let tree = db.open_tree(name).map_err(Error::sled(path))?;
            Ok::<_, Error>(Table { path: path.join(name), tree, number, cache: cache.clone() })
        };
        let fallback_table = table(0, trees::FALLBACK)?;
        let fallback = fallback_table.get(ONLY_KEY)?.ok_or_else(|| Error::Damaged {
            path: fallback_table.path.clone(),
            detail: "it has no list for unknown users".to_owned(),
        })?;
        let users = |name: &dyn Fn(&str) -> String| {
            Ok::<_, Error>(Users {
                top_n: table(2, &name(trees::TOP_N))?,
                histories: table(3, &name(trees::HISTORIES))?,
                factors: table(6, &name(trees::USER_FACTORS))?,
            })
        };
        let of_shard = |shard: u32| users(&|tree| tree_name(tree, shard));
        let users = match shards {
            None => vec![Some(users(&|tree| tree.to_owned())?)],
            Some((n_shards, owned)) => (0..n_shards)
                .map(|shard| owned.has(shard).then(|| of_shard(shard)).transpose())
                .collect::<Result<_>>()?,
        };
        Ok(Self {
            fallback,
            user_terms: table(1, trees::USER_TERMS)?.get(ONLY_KEY)?,
            n_shards: shards.map(|(n_shards, _)| n_shards),
            users,
            movies: table(4, trees::MOVIES)?,
            similar: table(5, trees::SIMILAR)?,
            item_factors: table(7, trees::ITEM_FACTORS)?,
        })
    }

    /// Into how many shards the users are cut; `None` where they are not.
    #[must_use]
    pub fn n_shards(&self) -> Option<u32> {
        self.n_shards
    }

    /// Whether a user, known or not, is one of those that are here.
    #[must_use]
    pub fn owns(&self, user: UserId) -> bool {
        self.users_of(user).is_some()
    }

    fn users_of(&self, user: UserId) -> Option<&Users> {
        match self.users.as_slice() {
            [all] => all.as_ref(),
            shards => shards[shard_of(user, shards.len() as u32) as usize].as_ref(),
        }
    }

    /// The lists of all shards that are here.
    fn lists(&self) -> impl Iterator<Item = &Table> {
        self.users.iter().flatten().map(|users| &users.top_n)
    }

    /// The bytes that cached records take, and how often a lookup found none; zeros without a cache.
    #[must_use]
    pub fn cached(&self) -> (u64, u64) {
        // All tables share one.
        self.movies.cache.as_ref().map_or((0, 0), |cache| (cache.bytes(), cache.n_misses()))
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
        self.users_of(user).map_or(Ok(None), |users| users.top_n.get(user))
    }

    /// Lets somebody look at a user's list without decoding all of it; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn view_top_n<T>(&self, user: UserId, look: impl FnOnce(TopNView<'_>) -> T) -> Result<Option<T>> {
        let Some(users) = self.users_of(user) else { return Ok(None) };
        let Some(value) = users.top_n.value(user)? else { return Ok(None) };
        let view = TopNView::of(&value).map_err(|detail| users.top_n.damaged::<TopN>(user.0, &detail))?;
        Ok(Some(look(view)))
    }

    /// What a user has rated; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn history(&self, user: UserId) -> Result<Option<History>> {
        self.users_of(user).map_or(Ok(None), |users| users.histories.get(user))
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
        self.users_of(user).map_or(Ok(None), |users| users.factors.get(user))
    }

    /// A candidate's factors; `None` for a movie that nobody has rated.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn item_factors(&self, movie: MovieId) -> Result<Option<Factors>> {
        self.item_factors.get(movie)
    }

    /// All users who are here and have a list, ids ascending.
    pub fn users(&self) -> impl Iterator<Item = Result<UserId>> + '_ {
        let mut shards: Vec<_> = self.lists().map(|lists| lists.keys_from(0)).collect();
        // The next of each shard, the least first; an error before everything.
        let mut next: BinaryHeap<Reverse<(u32, usize)>> = BinaryHeap::new();
        let mut failed = None;
        let take = move |shards: &mut Vec<_>, next: &mut BinaryHeap<_>, shard: usize| {
            let found: Option<Result<u32>> = Iterator::next(&mut shards[shard]);
            match found? {
                Ok(id) => next.push(Reverse((id, shard))),
                Err(e) => return Some(e),
            }
            None
        };
        for shard in 0..shards.len() {
            failed = failed.or(take(&mut shards, &mut next, shard));
        }
        std::iter::from_fn(move || {
            if let Some(e) = failed.take() {
                next.clear();
                return Some(Err(e));
            }
            let Reverse((id, shard)) = next.pop()?;
            failed = take(&mut shards, &mut next, shard);
            Some(Ok(UserId(id)))
        })
    }

    /// The user with the least id from one on who has a list.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn user_from(&self, from: UserId) -> Result<Option<UserId>> {
        let first = self.lists().filter_map(|lists| lists.keys_from(from.0).next());
        Ok(first.collect::<Result<Vec<_>>>()?.into_iter().min().map(UserId))
    }

    /// The user with the greatest id who has a list.
    ///
    /// # Errors
    /// As [`Tables::top_n`].
    pub fn last_user(&self) -> Result<Option<UserId>> {
        let last = self.lists().filter_map(|lists| lists.keys_from(0).next_back());
        Ok(last.collect::<Result<Vec<_>>>()?.into_iter().max().map(UserId))
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
