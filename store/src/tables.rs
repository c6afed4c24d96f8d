//! The records of a generation by key, over an open sled directory: what a reader looks up, and what a run reads back
//! before it seals what it wrote.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ids::{MovieId, UserId};
use crate::records::{FALLBACK_KEY, Factors, History, Key, Movie, Record, TopN, trees};

/// The trees of a generation. Every lookup is one get and one decode: some microseconds.
#[derive(Debug)]
pub struct Tables {
    fallback: TopN,
    top_n: Table,
    histories: Table,
    movies: Table,
    user_factors: Table,
    item_factors: Table,
}

/// A tree and where it lies, for messages.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    tree: sled::Tree,
}

impl Tables {
    /// The trees of an open database that lies in `path`.
    ///
    /// # Errors
    /// [`Error::Damaged`] without a list for unknown users, [`Error::Sled`].
    pub(crate) fn of(db: &sled::Db, path: &Path) -> Result<Self> {
        let table = |name: &str| {
            let tree = db.open_tree(name).map_err(Error::sled(path))?;
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
        })
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

    /// All candidates and their factors, ids ascending.
    pub fn candidates(&self) -> impl Iterator<Item = Result<(MovieId, Factors)>> + '_ {
        let decode =
            |(id, value): (u32, sled::IVec)| Ok((MovieId(id), self.item_factors.decode(id, &value)?));
        self.item_factors.entries().map(move |entry| entry.and_then(decode))
    }

    /// All candidates' ids, ascending.
    pub fn candidate_ids(&self) -> impl Iterator<Item = Result<MovieId>> + '_ {
        self.item_factors.entries().map(|entry| entry.map(|(id, _)| MovieId(id)))
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
