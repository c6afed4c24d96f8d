//! The requested part of a list, and the filter that selects it.
//!
//! Input: the arguments of a request and an ordered list of scored movies. Output: the movies to answer with, and whether
//! the list ended too early. How a movie is shown is decided in `answers`; parameters are parsed in `parameters`.

use store::{DenyList, MovieId};

use crate::catalogue::{Catalogue, GenreNumber};
use crate::problem::{Problem, shortened};

/// The maximum number of movies for which memory is reserved: a request may ask for more movies than any list has.
const MAX_RESERVED: u32 = 1000;

/// The requested part of a list and the requested fields of its movies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct ListQuery {
    /// The number of movies, at least one.
    pub(crate) n: u32,
    /// The number of movies to skip, from the best one.
    pub(crate) offset: u32,
    /// Movies to leave out, ascending.
    pub(crate) exclude: Vec<MovieId>,
    /// Genres of which each movie has at least one; no condition where empty.
    pub(crate) genre: Vec<String>,
    /// Genres of which no movie has any.
    pub(crate) exclude_genre: Vec<String>,
    /// The first year.
    pub(crate) min_year: Option<u32>,
    /// The last year.
    pub(crate) max_year: Option<u32>,
    /// Whether to add titles and genres.
    pub(crate) metadata: bool,
    /// Whether to add scores and predicted ratings.
    pub(crate) scores: bool,
}

/// One movie of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScoredMovie {
    pub(crate) movie: MovieId,
    pub(crate) score: f32,
    /// The predicted rating in stars, where there is one.
    pub(crate) rating: Option<f32>,
}

/// The selected part of a list.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) movies: Vec<ScoredMovie>,
    /// Whether there may be further movies that the stored list does not contain.
    pub(crate) is_truncated: bool,
}

/// A list query with its genres resolved to numbers of the catalogue.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    catalogue: &'a Catalogue,
    denied: &'a DenyList,
    query: &'a ListQuery,
    genres: Vec<GenreNumber>,
    excluded_genres: Vec<GenreNumber>,
    /// Whether the filter depends on a movie's genres or year.
    needs_metadata: bool,
}

impl ListQuery {
    /// Checks the length against that of the stored lists.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn check_depth(&self, depth: u64) -> Result<(), Problem> {
        if (1..=depth).contains(&self.n.into()) {
            return Ok(());
        }
        let detail = format!(
            "was given as {}, but the stored lists have {depth} movies; give a whole number from 1 to {depth}",
            self.n
        );
        Err(Problem::bad_parameter("n", detail))
    }

    /// Resolves the genres.
    ///
    /// # Errors
    /// 400 for a genre that the catalogue does not have.
    pub(crate) fn filter<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        denied: &'a DenyList,
    ) -> Result<Filter<'a>, Problem> {
        let genres = genre_numbers(catalogue, "genre", &self.genre)?;
        let excluded_genres = genre_numbers(catalogue, "exclude_genre", &self.exclude_genre)?;
        let by_year = self.min_year.is_some() || self.max_year.is_some();
        let needs_metadata = by_year || !genres.is_empty() || !excluded_genres.is_empty();
        Ok(Filter { catalogue, denied, query: self, genres, excluded_genres, needs_metadata })
    }
}

fn genre_numbers(
    catalogue: &Catalogue,
    parameter: &'static str,
    names: &[String],
) -> Result<Vec<GenreNumber>, Problem> {
    let number = |name: &String| {
        catalogue.genre_number(name).ok_or_else(|| {
            let (name, known) = (shortened(name), catalogue.genre_names().join(", "));
            let detail = format!("names `{name}`, which no movie has; the genres are {known}");
            Problem::bad_parameter(parameter, detail)
        })
    };
    names.iter().map(number).collect()
}

impl Filter<'_> {
    /// Whether a movie may be in the answer.
    pub(crate) fn allows(&self, movie: MovieId) -> bool {
        !self.denied.hides(movie)
            && self.query.exclude.binary_search(&movie).is_err()
            && (!self.needs_metadata || self.allows_metadata_of(movie))
    }

    /// A movie without a record has no genre and no year.
    fn allows_metadata_of(&self, id: MovieId) -> bool {
        let movie = self.catalogue.movie(id);
        let genres: &[GenreNumber] = movie.map_or(&[], |movie| &movie.genres);
        let has_any = |numbers: &[GenreNumber]| genres.iter().any(|genre| numbers.contains(genre));
        let year = movie.and_then(|movie| movie.year).map(u32::from);
        let &ListQuery { min_year, max_year, .. } = self.query;
        (self.genres.is_empty() || has_any(&self.genres))
            && !has_any(&self.excluded_genres)
            && min_year.is_none_or(|min| year.is_some_and(|year| year >= min))
            && max_year.is_none_or(|max| year.is_some_and(|year| year <= max))
    }

    /// Selects the requested part of a list, best first. A list that `is_complete` contains every candidate.
    pub(crate) fn select(&self, list: impl Iterator<Item = ScoredMovie>, is_complete: bool) -> Selection {
        let &ListQuery { n, offset, .. } = self.query;
        let mut allowed = list.filter(|movie| self.allows(movie.movie));
        let mut movies = Vec::with_capacity(n.min(MAX_RESERVED) as usize);
        if offset == 0 || allowed.nth(offset as usize - 1).is_some() {
            movies.extend(allowed.take(n as usize));
        }
        let is_truncated = movies.len() < n as usize && !is_complete;
        Selection { movies, is_truncated }
    }
}
