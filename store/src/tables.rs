//! Lookups in the records of a generation, by user and by movie: for readers, and for a run that reads back what it has
//! written before it seals it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::engine::{RecordCache, Records, Table, Tree};
use crate::error::{Error, Result};
use crate::ids::{MovieId, UserId};
use crate::records::{Factors, History, Movie, OnlyKey, Similar, TopN, TopNView, UserTerms};
use crate::shards::{Owned, shard_of};

/// The records of a generation. A lookup is one read and one decoding: less than a microsecond for a cached record, some
/// microseconds for others.
#[derive(Debug)]
pub struct Tables {
    fallback: TopN,
    user_terms: Option<UserTerms>,
    n_shards: Option<u32>,
    /// By shard, `None` for a shard that is not loaded; one entry where users are not cut into shards.
    users: Vec<Option<Users>>,
    movies: Table,
    similar: Table,
    item_factors: Table,
}

/// The records of the users of a shard.
#[derive(Debug)]
struct Users {
    top_n: Table,
    histories: Table,
    factors: Table,
}

impl Tables {
    /// Opens the trees of a generation. With a cache, lookups ask it first. `shards` is the number of shards and those whose
    /// users are in the records; `None` where users are not cut into shards.
    ///
    /// # Errors
    /// [`Error::Damaged`] without a list for unknown users, [`Error::Engine`].
    pub(crate) fn of(
        records: &Records,
        cache: Option<RecordCache>,
        shards: Option<(u32, &Owned)>,
    ) -> Result<Self> {
        let cache = cache.map(Arc::new);
        let table = |tree: Tree, shard: Option<u32>| records.table(tree, shard, cache.as_ref());
        let fallback_table = table(Tree::Fallback, None)?;
        let fallback = fallback_table.get(OnlyKey)?;
        let users = |shard: Option<u32>| {
            Ok::<_, Error>(Users {
                top_n: table(Tree::TopN, shard)?,
                histories: table(Tree::Histories, shard)?,
                factors: table(Tree::UserFactors, shard)?,
            })
        };
        let users = match shards {
            None => vec![Some(users(None)?)],
            Some((n_shards, owned)) => (0..n_shards)
                .map(|shard| owned.has(shard).then(|| users(Some(shard))).transpose())
                .collect::<Result<_>>()?,
        };
        Ok(Self {
            fallback: fallback.ok_or_else(|| fallback_table.missing("list for unknown users"))?,
            user_terms: table(Tree::UserTerms, None)?.get(OnlyKey)?,
            n_shards: shards.map(|(n_shards, _)| n_shards),
            users,
            movies: table(Tree::Movies, None)?,
            similar: table(Tree::Similar, None)?,
            item_factors: table(Tree::ItemFactors, None)?,
        })
    }

    /// The number of shards; `None` where users are not cut into shards.
    #[must_use]
    pub fn n_shards(&self) -> Option<u32> {
        self.n_shards
    }

    /// Whether the shard of a user is loaded, be the user known or not.
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

    /// The lists of all loaded shards.
    fn lists(&self) -> impl Iterator<Item = &Table> {
        self.users.iter().flatten().map(|users| &users.top_n)
    }

    /// The bytes of the cached records and the number of lookups that missed the cache; zeros without a cache.
    #[must_use]
    pub fn cached(&self) -> (u64, u64) {
        // All tables share one.
        self.movies.cache().map_or((0, 0), |cache| (cache.bytes(), cache.n_misses()))
    }

    /// The fallback list, for users who are not in the data.
    #[must_use]
    pub fn fallback(&self) -> &TopN {
        &self.fallback
    }

    /// The terms for the fold-in of users; `None` where lists are ordered by a model without fold-in.
    #[must_use]
    pub fn user_terms(&self) -> Option<&UserTerms> {
        self.user_terms.as_ref()
    }

    /// A user's list; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a record that cannot be decoded, [`Error::Engine`].
    pub fn top_n(&self, user: UserId) -> Result<Option<TopN>> {
        self.users_of(user).map_or(Ok(None), |users| users.top_n.get(user))
    }

    /// Calls a function with a user's list, which is decoded only where it is read; `None` for a user who is not in the
    /// data.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn view_top_n<T>(&self, user: UserId, look: impl FnOnce(TopNView<'_>) -> T) -> Result<Option<T>> {
        self.users_of(user).map_or(Ok(None), |users| users.top_n.view(user, look))
    }

    /// A user's ratings; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn history(&self, user: UserId) -> Result<Option<History>> {
        self.users_of(user).map_or(Ok(None), |users| users.histories.get(user))
    }

    /// A movie's metadata; `None` for a movie that is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn movie(&self, movie: MovieId) -> Result<Option<Movie>> {
        self.movies.get(movie)
    }

    /// A movie's title, or the default title of a movie that is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn title(&self, movie: MovieId) -> Result<String> {
        Ok(self.movie(movie)?.map_or_else(|| Movie::default_title(movie), |movie| movie.title))
    }

    /// The candidates most similar to a movie; `None` for a movie without ratings.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn similar(&self, movie: MovieId) -> Result<Option<Similar>> {
        self.similar.get(movie)
    }

    /// A user's factors; `None` for a user who is not in the data.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn user_factors(&self, user: UserId) -> Result<Option<Factors>> {
        self.users_of(user).map_or(Ok(None), |users| users.factors.get(user))
    }

    /// A candidate's factors; `None` for a movie without ratings.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn item_factors(&self, movie: MovieId) -> Result<Option<Factors>> {
        self.item_factors.get(movie)
    }

    /// All users of the loaded shards, ids ascending.
    pub fn users(&self) -> impl Iterator<Item = Result<UserId>> + '_ {
        let mut shards: Vec<_> = self.lists().map(|lists| lists.keys_from(0)).collect();
        // The next user of each shard, the smallest id first; an error is returned before all of them.
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
            Some(Ok(UserId::new(id)))
        })
    }

    /// The user of the loaded shards with the smallest id that is not below `from`.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn user_from(&self, from: UserId) -> Result<Option<UserId>> {
        let first = self.lists().filter_map(|lists| lists.keys_from(from.get()).next());
        Ok(first.collect::<Result<Vec<_>>>()?.into_iter().min().map(UserId::new))
    }

    /// The user of the loaded shards with the greatest id.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn last_user(&self) -> Result<Option<UserId>> {
        let last = self.lists().filter_map(|lists| lists.keys_from(0).next_back());
        Ok(last.collect::<Result<Vec<_>>>()?.into_iter().max().map(UserId::new))
    }

    /// All movies with metadata, ids ascending.
    pub fn movies(&self) -> impl Iterator<Item = Result<(MovieId, Movie)>> + '_ {
        self.movies.records().map(|entry| entry.map(|(id, movie)| (MovieId::new(id), movie)))
    }

    /// All candidates with their factors (n_factors each), ids ascending.
    pub fn candidates(&self) -> impl Iterator<Item = Result<(MovieId, Factors)>> + '_ {
        self.item_factors.records().map(|entry| entry.map(|(id, factors)| (MovieId::new(id), factors)))
    }

    /// All candidates' ids, ascending.
    pub fn candidate_ids(&self) -> impl Iterator<Item = Result<MovieId>> + '_ {
        self.item_factors.keys_from(0).map(|entry| entry.map(MovieId::new))
    }
}
