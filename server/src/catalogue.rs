//! The titles, genres and years of a generation's movies, in memory.
//!
//! Input: the records of all movies. Output: a movie by its id, genres by name and number, and the search in titles. Lists are
//! filtered and described without a lookup for each movie. It takes about a hundred bytes a movie, and its title twice.
//! Names of genres that differ in case alone are one genre.

use std::collections::BTreeMap;

use store::MovieId;

use crate::caseless::caseless;
use crate::titles::{Match, Titles};

/// All movies that have a record.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Ascending.
    ids: Vec<MovieId>,
    movies: Vec<Movie>,
    titles: Titles,
    /// The names of the genres by number, each in its most frequent spelling.
    genres: Vec<String>,
    /// The number of each genre by its name without case.
    genre_numbers: BTreeMap<String, GenreNumber>,
}

/// The position of a genre in the catalogue.
pub(crate) type GenreNumber = u32;

/// The record of a movie.
#[derive(Debug)]
pub(crate) struct Movie {
    pub(crate) title: Box<str>,
    pub(crate) genres: Box<[GenreNumber]>,
    /// The year at the end of the title, where there is one.
    pub(crate) year: Option<u16>,
}

impl Catalogue {
    /// Reads all movies, ids ascending.
    ///
    /// # Errors
    /// The first error of `movies`.
    pub(crate) fn of(
        movies: impl Iterator<Item = store::Result<(MovieId, store::records::Movie)>>,
    ) -> store::Result<Self> {
        let mut catalogue = Self::default();
        // The number of movies of each spelling, by the number of the genre.
        let mut spellings: Vec<BTreeMap<String, u32>> = Vec::new();
        for entry in movies {
            let (id, store::records::Movie { title, genres: names }) = entry?;
            let mut genres = Vec::with_capacity(names.len());
            for name in names {
                let number = catalogue.number_genre(&name);
                // Four billion names do not fit into memory.
                spellings.resize_with(catalogue.genre_numbers.len(), BTreeMap::new);
                *spellings[number as usize].entry(name).or_default() += 1;
                if !genres.contains(&number) {
                    genres.push(number);
                }
            }
            let year = year(&title);
            catalogue.ids.push(id);
            catalogue.titles.push(&title);
            catalogue.movies.push(Movie { title: title.into(), genres: genres.into(), year });
        }
        catalogue.genres = spellings.into_iter().map(most_frequent).collect();
        Ok(catalogue)
    }

    /// The number of a genre, a new one for a new name.
    fn number_genre(&mut self, name: &str) -> GenreNumber {
        let next = self.genre_numbers.len() as GenreNumber;
        *self.genre_numbers.entry(caseless(name).into_owned()).or_insert(next)
    }

    /// A movie; `None` where it has no record.
    pub(crate) fn movie(&self, id: MovieId) -> Option<&Movie> {
        self.ids.binary_search(&id).ok().map(|at| &self.movies[at])
    }

    /// The movies whose titles contain every word of a text.
    pub(crate) fn search(&self, text: &str) -> impl Iterator<Item = (MovieId, Match)> {
        self.titles.search(text).map(|(at, found)| (self.ids[at], found))
    }

    /// The name of a genre; empty for a number that is not in the catalogue.
    pub(crate) fn genre_name(&self, number: GenreNumber) -> &str {
        self.genres.get(number as usize).map_or("", String::as_str)
    }

    /// The number of a genre by its name, in any case.
    pub(crate) fn genre_number(&self, name: &str) -> Option<GenreNumber> {
        self.genre_numbers.get(&*caseless(name)).copied()
    }

    /// The names of all genres, in alphabetical order.
    pub(crate) fn genre_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.genres.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// The spelling of most movies; of several, the first in the order of characters.
fn most_frequent(spellings: BTreeMap<String, u32>) -> String {
    let most = spellings.into_iter().rev().max_by_key(|&(_, n_movies)| n_movies);
    most.map(|(spelling, _)| spelling).unwrap_or_default()
}

/// The year at the end of a title, as in `M (1931)`; of a span, as in `Dekalog (1989-1990)`, the first.
fn year(title: &str) -> Option<u16> {
    let (_, end) = title.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let digits = end.get(..4)?;
    let rest = end.get(4..)?;
    let is_year = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !rest.starts_with(|next: char| next.is_alphanumeric());
    digits.parse().ok().filter(|_| is_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_65536_genres_keep_their_names() {
        let movie = |id: u32| {
            let genres = vec![format!("genre {id}")];
            Ok((MovieId::new(id), store::records::Movie { title: String::new(), genres }))
        };
        let catalogue = Catalogue::of((0..65_540).map(movie)).unwrap();
        for id in [0, 65_534, 65_535, 65_536, 65_539] {
            let name = format!("genre {id}");
            let number = catalogue.genre_number(&name).unwrap();
            assert_eq!(*catalogue.movie(MovieId::new(id)).unwrap().genres, [number], "{name}");
            assert_eq!(catalogue.genre_name(number), name);
        }
    }

    #[test]
    fn spellings_that_differ_in_case_alone_are_one_genre_named_by_the_most_frequent() {
        let movies: [&[&str]; 5] =
            [&["drama"], &["Drama", "drama", "Épopée"], &["Drama"], &["E\u{301}POPÉE"], &["WAR", "war"]];
        let movies = (0..).zip(movies).map(|(id, genres)| {
            let genres = genres.iter().map(ToString::to_string).collect();
            Ok((MovieId::new(id), store::records::Movie { title: String::new(), genres }))
        });
        let catalogue = Catalogue::of(movies).unwrap();
        assert_eq!(catalogue.genre_names(), ["Drama", "E\u{301}POPÉE", "WAR"]);
        for (name, n_movies) in [("drama", 3), ("DRAMA", 3), ("épopée", 2), ("War", 1)] {
            let number = catalogue.genre_number(name).unwrap();
            let has_it = |movie: &&Movie| movie.genres.iter().filter(|&&genre| genre == number).count() == 1;
            assert_eq!(catalogue.movies.iter().filter(has_it).count(), n_movies, "{name}");
        }
        assert_eq!(catalogue.genre_number("epopee"), None);
    }

    #[test]
    fn the_year_stands_at_the_end_of_the_title() {
        let years = ["M (1931)", "2001: A Space Odyssey (1968) ", "Dekalog (1989-1990)", "Ready (2006–2007)"];
        assert_eq!(years.map(year), [Some(1931), Some(1968), Some(1989), Some(2006)]);
        for title in
            ["", "2012", "Babylon 5", "(500) Days of Summer", "Fatal (19310)", "Alien (19ä)", "X (+193)"]
        {
            assert_eq!(year(title), None, "{title}");
        }
    }
}
