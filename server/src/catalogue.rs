//! The movies of a generation in memory: what answers say of them, and what filters ask.
//!
//! A list of a hundred is filtered without a hundred lookups, and metadata cost no decoding. About a hundred bytes a
//! movie, and those of its title.

use std::collections::BTreeMap;

use store::{MovieId, Tables};

use crate::titles::{Match, Titles};

/// All movies of which something is known.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Ascending.
    ids: Vec<MovieId>,
    movies: Vec<Movie>,
    titles: Titles,
    /// The names of the genres.
    genres: Vec<String>,
}

/// What is known of one.
#[derive(Debug)]
pub(crate) struct Movie {
    pub(crate) title: Box<str>,
    /// Places in the catalogue's genres.
    pub(crate) genres: Box<[u16]>,
    /// From the end of the title, where there is one.
    pub(crate) year: Option<u16>,
}

impl Catalogue {
    /// Reads the movies of a generation.
    pub(crate) fn of(tables: &Tables) -> store::Result<Self> {
        let mut catalogue = Self::default();
        let mut places = BTreeMap::new();
        for entry in tables.movies() {
            let (id, store::records::Movie { title, genres }) = entry?;
            let genres = genres.into_iter().map(|name| {
                *places.entry(name).or_insert_with_key(|name| {
                    catalogue.genres.push(name.clone());
                    // No catalogue has more; what is beyond has the last one's name.
                    u16::try_from(catalogue.genres.len() - 1).unwrap_or(u16::MAX)
                })
            });
            let (genres, year) = (genres.collect(), year(&title));
            catalogue.ids.push(id);
            catalogue.titles.push(&title);
            catalogue.movies.push(Movie { title: title.into(), genres, year });
        }
        Ok(catalogue)
    }

    /// A movie; `None` where nothing is known of it.
    pub(crate) fn movie(&self, id: MovieId) -> Option<&Movie> {
        self.ids.binary_search(&id).ok().map(|place| &self.movies[place])
    }

    /// The movies in whose titles every word of a text occurs, and how.
    pub(crate) fn titled(&self, text: &str) -> impl Iterator<Item = (MovieId, Match)> {
        self.titles.search(text).map(|(place, found)| (self.ids[place], found))
    }

    /// The name of a genre by its place.
    pub(crate) fn genre(&self, place: u16) -> &str {
        self.genres.get(usize::from(place)).map_or("", String::as_str)
    }

    /// The place of a genre by its name, whatever its case.
    pub(crate) fn genre_named(&self, name: &str) -> Option<u16> {
        let place = self.genres.iter().position(|genre| genre.eq_ignore_ascii_case(name))?;
        u16::try_from(place).ok()
    }

    /// The names of all genres, in the order of the alphabet.
    pub(crate) fn genres(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.genres.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
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
