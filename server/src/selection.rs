//! Which part of a list a client wants: how many, from where on, and what may be in it.

use std::hash::{Hash, Hasher};

use serde::Deserialize;
use store::{DenyList, MovieId};

use crate::catalogue::Catalogue;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// How many movies where the request does not say.
const USUAL_N: u32 = 2;
/// The most ids that a list parameter may name.
const MOST_IDS: usize = 1000;
/// The most genres that a list parameter may name.
const MOST_GENRES: usize = 100;
/// The most movies of one answer that is computed, and not looked up.
const MOST_COMPUTED: u32 = 1000;

/// The parameters of [`Wanted`], for messages.
pub(crate) const PARAMETERS: &str =
    "n, offset, exclude, genre, exclude_genre, min_year, max_year, returnMetadata and withScores";

/// Which part of a list is wanted and how it is to be shown; also the members of a body that say so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// How many movies, at least one.
    pub(crate) n: u32,
    /// How many of the best to pass over.
    pub(crate) offset: u32,
    /// Movies that must not be among them, ascending.
    pub(crate) exclude: Vec<u32>,
    /// Each movie has one of these, if there are any.
    pub(crate) genre: Vec<String>,
    /// No movie has any of these.
    pub(crate) exclude_genre: Vec<String>,
    /// The first year.
    pub(crate) min_year: Option<u32>,
    /// The last.
    pub(crate) max_year: Option<u32>,
    /// Whether with titles and genres.
    #[serde(rename = "returnMetadata")]
    pub(crate) metadata: bool,
    /// Whether with scores and predicted ratings.
    #[serde(rename = "withScores")]
    pub(crate) scores: bool,
}

/// One movie of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub(crate) movie: MovieId,
    pub(crate) score: f32,
    /// The predicted rating in stars, where there is one.
    pub(crate) rating: Option<f32>,
}

/// The wanted part of a list.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) entries: Vec<Entry>,
    /// Whether there may be more that the list does not reach.
    pub(crate) truncated: bool,
}

/// What may be in a list, by the catalogue's numbers.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    catalogue: &'a Catalogue,
    denied: &'a DenyList,
    wanted: &'a Wanted,
    genres: Vec<u16>,
    no_genres: Vec<u16>,
    /// Whether the catalogue need be asked.
    by_movie: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            n: USUAL_N,
            offset: 0,
            exclude: Vec::new(),
            genre: Vec::new(),
            exclude_genre: Vec::new(),
            min_year: None,
            max_year: None,
            metadata: false,
            scores: false,
        }
    }
}

/// What most requests do not say is hashed as one bit: every lookup has a tag.
impl Hash for Wanted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { n, offset, exclude, genre, exclude_genre, min_year, max_year, metadata, scores } = self;
        let is_filtered = !exclude.is_empty()
            || !genre.is_empty()
            || !exclude_genre.is_empty()
            || min_year.is_some()
            || max_year.is_some();
        let flags = u32::from(*metadata) | u32::from(*scores) << 1 | u32::from(is_filtered) << 2;
        (u64::from(*n) << 32 | u64::from(*offset)).hash(state);
        flags.hash(state);
        if is_filtered {
            (exclude, genre, exclude_genre, min_year, max_year).hash(state);
        }
    }
}

impl Wanted {
    /// Takes the parameters.
    pub(crate) fn of(given: &mut Parameters<'_>) -> Self {
        const N: &str = "give a whole number from 1 to the length of the stored lists, as in n=10";
        const OFFSET: &str = "give how many of the best to pass over, as in offset=10";
        const IDS: &str = "give movie ids between commas, as in exclude=1,2";
        const GENRES: &str = "give genres between commas, as in genre=Comedy,War";
        const YEAR: &str = "give a year, as in min_year=1990";

        if given.is_empty() {
            return Self::default();
        }
        let wanted = Self {
            n: given.number("n", 1..=u32::MAX, N).unwrap_or(USUAL_N),
            offset: given.number("offset", 0..=u32::MAX, OFFSET).unwrap_or(0),
            exclude: given.numbers("exclude", MOST_IDS, IDS).unwrap_or_default(),
            genre: given.words("genre", MOST_GENRES, GENRES),
            exclude_genre: given.words("exclude_genre", MOST_GENRES, GENRES),
            min_year: given.number("min_year", 0..=u32::MAX, YEAR),
            max_year: given.number("max_year", 0..=u32::MAX, YEAR),
            metadata: given.flag("returnMetadata"),
            scores: given.flag("withScores"),
        };
        wanted.in_order()
    }

    /// Lists in ascending order and without repetition: so they are searched, and so two spellings are one request.
    pub(crate) fn in_order(mut self) -> Self {
        self.exclude.sort_unstable();
        self.exclude.dedup();
        for names in [&mut self.genre, &mut self.exclude_genre] {
            names.sort_unstable();
            names.dedup();
        }
        self
    }

    /// Refuses a length that no stored list has.
    pub(crate) fn within_depth(&self, depth: u64) -> Result<(), Problem> {
        if (1..=depth).contains(&self.n.into()) {
            return Ok(());
        }
        let detail = format!(
            "was given as {}, but the stored lists have {depth} movies; give a whole number from 1 to {depth}",
            self.n
        );
        Err(Problem::bad_parameter("n", detail))
    }

    /// Refuses a body that wants more than is computed at once. Query strings have been checked by then.
    pub(crate) fn computable(&self) -> Result<(), Problem> {
        if !(1..=MOST_COMPUTED).contains(&self.n) {
            let detail = format!("was given as {}; give a whole number from 1 to {MOST_COMPUTED}", self.n);
            return Err(Problem::bad_parameter("n", detail));
        }
        if self.offset > MOST_COMPUTED {
            let detail = format!("was given as {}; give one up to {MOST_COMPUTED}", self.offset);
            return Err(Problem::bad_parameter("offset", detail));
        }
        if self.exclude.len() > MOST_IDS {
            let detail = format!("names more than {MOST_IDS} movies");
            return Err(Problem::bad_parameter("exclude", detail));
        }
        for (parameter, names) in [("genre", &self.genre), ("exclude_genre", &self.exclude_genre)] {
            if names.len() > MOST_GENRES {
                return Err(Problem::bad_parameter(
                    parameter,
                    format!("names more than {MOST_GENRES} genres"),
                ));
            }
        }
        Ok(())
    }

    /// What may be in a list.
    pub(crate) fn filter<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        denied: &'a DenyList,
    ) -> Result<Filter<'a>, Problem> {
        let genres = places(catalogue, "genre", &self.genre)?;
        let no_genres = places(catalogue, "exclude_genre", &self.exclude_genre)?;
        let by_year = self.min_year.is_some() || self.max_year.is_some();
        let by_movie = by_year || !genres.is_empty() || !no_genres.is_empty();
        Ok(Filter { catalogue, denied, wanted: self, genres, no_genres, by_movie })
    }
}

/// The places of genres by their names.
fn places(catalogue: &Catalogue, parameter: &'static str, names: &[String]) -> Result<Vec<u16>, Problem> {
    let place = |name: &String| {
        catalogue.genre_named(name).ok_or_else(|| {
            let (name, known) = (crate::problem::shortened(name), catalogue.genres().join(", "));
            let detail = format!("names `{name}`, which no movie has; the genres are {known}");
            Problem::bad_parameter(parameter, detail)
        })
    };
    names.iter().map(place).collect()
}

impl Filter<'_> {
    /// Whether a movie may be in the list.
    pub(crate) fn allows(&self, movie: MovieId) -> bool {
        !self.denied.hides(movie)
            && self.wanted.exclude.binary_search(&movie.get()).is_err()
            && (!self.by_movie || self.allows_by_movie(movie))
    }

    /// A movie of which nothing is known has no genre and no year.
    fn allows_by_movie(&self, id: MovieId) -> bool {
        let movie = self.catalogue.movie(id);
        let genres: &[u16] = movie.map_or(&[], |movie| &movie.genres);
        let has_any = |wanted: &[u16]| genres.iter().any(|genre| wanted.contains(genre));
        let year = movie.and_then(|movie| movie.year).map(u32::from);
        let Wanted { min_year, max_year, .. } = *self.wanted;
        (self.genres.is_empty() || has_any(&self.genres))
            && !has_any(&self.no_genres)
            && min_year.is_none_or(|min| year.is_some_and(|year| year >= min))
            && max_year.is_none_or(|max| year.is_some_and(|year| year <= max))
    }

    /// The wanted part of a list, which goes on beyond its end unless it is complete.
    pub(crate) fn select(&self, list: impl Iterator<Item = Entry>, is_complete: bool) -> Selected {
        let Wanted { n, offset, .. } = *self.wanted;
        let mut allowed = list.filter(|entry| self.allows(entry.movie));
        let mut entries = Vec::with_capacity(n.min(MOST_COMPUTED) as usize);
        if offset == 0 || allowed.nth(offset as usize - 1).is_some() {
            entries.extend(allowed.take(n as usize));
        }
        let truncated = entries.len() < n as usize && !is_complete;
        Selected { entries, truncated }
    }
}
