//! Checks that no entry of a deny list is stored.
//!
//! The findings go into manifests and logs, which outlive a deletion. So a user is named by the place on the list, never by
//! the id.

use std::fmt;

use rayon::prelude::*;
use serde::Serialize;
use store::records::{History, TopN};
use store::{DenyList, MovieId, Tables, UserId};

/// A record, or an entry of one, that should not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remnant {
    /// A deleted user has a record.
    #[error("deleted user no. {place} of the deny list (by ascending id) still has {record}")]
    User {
        /// The place among the deleted users, counted from 1 by ascending id.
        place: usize,
        /// The kind of record.
        record: &'static str,
    },
    /// A hidden movie has a record.
    #[error("hidden movie {movie} still has {record}")]
    Movie {
        /// The movie.
        movie: MovieId,
        /// The kind of record.
        record: &'static str,
    },
    /// A hidden movie is in a record of others.
    #[error("hidden movie {movie} is still in {record}")]
    Entry {
        /// The movie.
        movie: MovieId,
        /// The record that the movie is in.
        record: String,
    },
}

/// The result of the search for all entries of a deny list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// Hidden movies that were searched for.
    pub movies: usize,
    /// Deleted users that were searched for.
    pub users: usize,
    /// The first finding, as a sentence.
    pub found: Option<String>,
}

impl Denial {
    /// Searches all records. `users` are all users with a list.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for a record that cannot be decoded; an error of the record engine.
    pub fn of(deny: &DenyList, tables: &Tables, users: &[UserId]) -> store::Result<Self> {
        let found = match Remnant::outside_lists(deny, tables)? {
            Some(found) => Some(found),
            None => first(users, |user| {
                let (list, history) = (tables.top_n(user)?, tables.history(user)?);
                Ok(Remnant::of_lists(deny, user, list.as_ref(), history.as_ref()))
            })?,
        };
        Ok(Self::new(deny, found.map(|found| found.to_string())))
    }

    /// Returns the result of a search that found `found` first.
    pub(crate) fn new(deny: &DenyList, found: Option<String>) -> Self {
        Self { movies: deny.movies().len(), users: deny.users().len(), found }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            None => {
                let Self { movies, users, .. } = self;
                write!(f, "nothing is stored of {movies} hidden movies and {users} deleted users")
            }
            Some(found) => f.write_str(found),
        }
    }
}

impl Remnant {
    /// Searches all records but the lists and histories of users who are not deleted: for records of denied ids, and for
    /// hidden movies in the fallback list and in the lists of similar movies.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for a record that cannot be decoded; an error of the record engine.
    pub(crate) fn outside_lists(deny: &DenyList, tables: &Tables) -> store::Result<Option<Self>> {
        for (user, place) in deny.users().zip(1..) {
            let records = [
                ("a list", tables.top_n(user)?.is_some()),
                ("a history", tables.history(user)?.is_some()),
                ("factors", tables.user_factors(user)?.is_some()),
            ];
            if let Some(&(record, _)) = records.iter().find(|(_, is_there)| *is_there) {
                return Ok(Some(Self::User { place, record }));
            }
        }
        if deny.movies().len() == 0 {
            return Ok(None);
        }
        for movie in deny.movies() {
            let records = [
                ("a title", tables.movie(movie)?.is_some()),
                ("factors", tables.item_factors(movie)?.is_some()),
                ("similar movies", tables.similar(movie)?.is_some()),
            ];
            if let Some(&(record, _)) = records.iter().find(|(_, is_there)| *is_there) {
                return Ok(Some(Self::Movie { movie, record }));
            }
        }
        if let Some(movie) = hidden(deny, &tables.fallback().movies) {
            return Ok(Some(Self::Entry { movie, record: "the fallback list".to_owned() }));
        }
        let candidates: Vec<MovieId> = tables.candidate_ids().collect::<store::Result<_>>()?;
        first(&candidates, |candidate| {
            let similar = tables.similar(candidate)?.unwrap_or_default();
            let record = || format!("the movies similar to movie {candidate}");
            Ok(hidden(deny, &similar.movies).map(|movie| Self::Entry { movie, record: record() }))
        })
    }

    /// Searches a user's list and history. [`Remnant::outside_lists`] finds those of a deleted user.
    pub(crate) fn of_lists(
        deny: &DenyList,
        user: UserId,
        list: Option<&TopN>,
        history: Option<&History>,
    ) -> Option<Self> {
        if deny.deletes(user) {
            return None;
        }
        let parts =
            [("list", list.map(|list| &list.movies)), ("history", history.map(|history| &history.movies))];
        parts.into_iter().find_map(|(what, movies)| {
            let movie = hidden(deny, movies?)?;
            Some(Self::Entry { movie, record: format!("the {what} of user {user}") })
        })
    }
}

fn hidden(deny: &DenyList, movies: &[MovieId]) -> Option<MovieId> {
    movies.iter().copied().find(|&movie| deny.hides(movie))
}

/// Returns the first finding in the order of the ids. Runs on all threads.
fn first<Id: Copy + Sync>(
    ids: &[Id],
    find: impl Fn(Id) -> store::Result<Option<Remnant>> + Sync,
) -> store::Result<Option<Remnant>> {
    ids.par_iter().find_map_first(|&id| find(id).transpose()).transpose()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use store::draft::DraftGeneration;
    use store::records::{Factors, Movie, Similar};

    use super::*;

    /// Returns the finding in a small generation after the writes of `also`. User 18 is deleted and movie 9 hidden.
    fn found(also: impl Fn(&mut DraftGeneration)) -> String {
        let output = tempfile::tempdir().unwrap();
        let mut writer = DraftGeneration::create(output.path()).unwrap();
        also(&mut writer);
        writer.top_n.put(UserId::new(70), &list(&[2])).unwrap();
        writer.histories.put(UserId::new(70), &history(&[1])).unwrap();
        writer.user_factors.put(UserId::new(70), &Factors(vec![1.0])).unwrap();
        for movie in [71, 72].map(MovieId::new) {
            writer.movies.put(movie, &Movie::unnamed(movie)).unwrap();
            writer.item_factors.put(movie, &Factors(vec![1.0])).unwrap();
        }
        // The fallback is written at most once; it fails here where the case has written its own.
        let _ = writer.put_fallback(&list(&[71, 72]));
        let deny = DenyList::parse(Path::new("deny.txt"), b"user 18\nuser 4\nmovie 9\n").unwrap();
        let tables = writer.tables().unwrap();
        let users: Vec<_> = tables.users().collect::<store::Result<_>>().unwrap();
        let denial = Denial::of(&deny, &tables, &users).unwrap();
        assert_eq!((denial.movies, denial.users), (1, 2));
        denial.to_string()
    }

    fn list(movies: &[u32]) -> TopN {
        let movies: Vec<_> = movies.iter().copied().map(MovieId::new).collect();
        let numbers = vec![1.0; movies.len()];
        TopN { movies, scores: numbers.clone(), stars: numbers }
    }

    fn history(movies: &[u32]) -> History {
        let TopN { movies, stars, .. } = list(movies);
        History { movies, stars }
    }

    #[test]
    fn a_generation_without_denied_ids_states_how_many_were_searched_for() {
        assert_eq!(found(|_| ()), "nothing is stored of 1 hidden movies and 2 deleted users");
    }

    #[test]
    fn a_deleted_user_is_found_by_any_record_and_named_by_place() {
        let named = |record: &str| {
            format!("deleted user no. 2 of the deny list (by ascending id) still has {record}")
        };
        let (user, factors) = (UserId::new(18), Factors(vec![1.0]));
        assert_eq!(found(|writer| writer.top_n.put(user, &list(&[71])).unwrap()), named("a list"));
        assert_eq!(found(|writer| writer.histories.put(user, &history(&[71])).unwrap()), named("a history"));
        assert_eq!(found(|writer| writer.user_factors.put(user, &factors).unwrap()), named("factors"));
    }

    #[test]
    fn a_hidden_movie_is_found_by_any_record_and_among_any_others() {
        let (movie, factors, other) = (MovieId::new(9), Factors(vec![1.0]), UserId::new(5));
        let title = Movie::unnamed(movie);
        let similar = || Similar { movies: vec![MovieId::new(71), movie], cosines: vec![0.5, 0.4] };
        let has = |record: &str| format!("hidden movie 9 still has {record}");
        assert_eq!(found(|writer| writer.movies.put(movie, &title).unwrap()), has("a title"));
        assert_eq!(found(|writer| writer.item_factors.put(movie, &factors).unwrap()), has("factors"));
        assert_eq!(found(|writer| writer.similar.put(movie, &similar()).unwrap()), has("similar movies"));
        let is_in = |record: &str| format!("hidden movie 9 is still in {record}");
        let similar_list = found(|writer| writer.similar.put(MovieId::new(72), &similar()).unwrap());
        assert_eq!(similar_list, is_in("the movies similar to movie 72"));
        let in_list = found(|writer| writer.top_n.put(other, &list(&[71, 9])).unwrap());
        assert_eq!(in_list, is_in("the list of user 5"));
        let in_history = |writer: &mut DraftGeneration| {
            writer.top_n.put(other, &list(&[71])).unwrap();
            writer.histories.put(other, &history(&[9, 71])).unwrap();
        };
        assert_eq!(found(in_history), is_in("the history of user 5"));
        let for_anyone = found(|writer| writer.put_fallback(&list(&[71, 9])).unwrap());
        assert_eq!(for_anyone, is_in("the fallback list"));
    }
}
