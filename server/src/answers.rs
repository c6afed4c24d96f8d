//! The JSON that clients know: names and order of members are a promise to them.

use serde::{Serialize, Serializer};
use store::records::Movie;
use store::{MovieId, Tables};

/// `{"items":[...]}`.
#[derive(Serialize)]
pub(crate) struct Recommendations<I> {
    items: I,
}

/// A ranked list, written as `[{"id":3451},{"id":750}]`.
pub(crate) struct Bare<'a>(&'a [MovieId]);

/// A recommended movie by its id.
#[derive(Serialize)]
struct Item {
    id: MovieId,
}

/// A recommended movie with what is known of it.
#[derive(Serialize)]
pub(crate) struct Described {
    genres: Vec<String>,
    id: MovieId,
    title: String,
}

/// `{"features":[{"histories":[1,2,6]}]}`: a list of one, for the replaced system took many users.
#[derive(Serialize)]
pub(crate) struct Features<'a> {
    features: [Feature<'a>; 1],
}

/// What is known of one user.
#[derive(Serialize)]
struct Feature<'a> {
    histories: &'a [MovieId],
}

impl<'a> Recommendations<Bare<'a>> {
    /// The movies by their ids alone, best first.
    pub(crate) fn bare(movies: &'a [MovieId]) -> Self {
        Self { items: Bare(movies) }
    }
}

impl Recommendations<Vec<Described>> {
    /// The movies with title and genres, best first: one more lookup each.
    pub(crate) fn described(movies: &[MovieId], tables: &Tables) -> store::Result<Self> {
        let describe = |&id| Ok(Described::new(id, tables.movie(id)?));
        movies.iter().map(describe).collect::<store::Result<_>>().map(|items| Self { items })
    }
}

impl Described {
    /// The pipeline stores a record for each candidate; should one be missing, the id stands in for it.
    fn new(id: MovieId, movie: Option<Movie>) -> Self {
        let Movie { title, genres } = movie.unwrap_or_else(|| Movie::unnamed(id));
        Self { genres, id, title }
    }
}

impl<'a> Features<'a> {
    /// The movies that a user has rated, ids ascending.
    pub(crate) fn of(histories: &'a [MovieId]) -> Self {
        Self { features: [Feature { histories }] }
    }
}

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|&id| Item { id }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(answer: &impl Serialize) -> String {
        serde_json::to_string(answer).unwrap()
    }

    #[test]
    fn answers_are_compact_and_their_members_keep_their_order() {
        let movies = [MovieId(3451), MovieId(750)];
        assert_eq!(json(&Recommendations::bare(&movies)), r#"{"items":[{"id":3451},{"id":750}]}"#);
        assert_eq!(json(&Features::of(&movies)), r#"{"features":[{"histories":[3451,750]}]}"#);
        assert_eq!(json(&Features::of(&[])), r#"{"features":[{"histories":[]}]}"#);
        let movie = Movie { title: "M (1931)".to_owned(), genres: vec!["Crime".to_owned()] };
        let described = Described::new(MovieId(1260), Some(movie));
        assert_eq!(json(&described), r#"{"genres":["Crime"],"id":1260,"title":"M (1931)"}"#);
    }

    #[test]
    fn a_movie_without_a_record_is_named_by_its_id() {
        let described = Described::new(MovieId(123), None);
        assert_eq!(json(&described), r#"{"genres":[],"id":123,"title":"Movie 123"}"#);
    }
}
