//! The JSON of successful answers. The names and the order of the members are part of the API.
//!
//! Input: ids, figures and the catalogue. Output: types that serialize. Error responses are in `problem`.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use store::{MovieId, UserId};

use crate::catalogue::{Catalogue, GenreNumber, Movie};
use crate::list_query::ScoredMovie;

/// The fields of a movie beside its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ItemFields<'a> {
    /// The source of titles and genres, where they are requested.
    pub(crate) metadata: Option<&'a Catalogue>,
    /// Whether scores and predicted ratings are requested.
    pub(crate) scores: bool,
}

/// `{"items":[...]}`.
#[derive(Serialize)]
pub(crate) struct Recommendations<'a> {
    pub(crate) items: Items<'a>,
}

/// `{"items":[...],"unknown":[...]}`: the list for some ratings, and the rated ids that are not in the data.
#[derive(Serialize)]
pub(crate) struct FoldedIn<'a> {
    pub(crate) items: Items<'a>,
    pub(crate) unknown: &'a [MovieId],
}

/// `{"users":[...]}`.
#[derive(Serialize)]
pub(crate) struct UserLists<'a> {
    pub(crate) users: Vec<UserList<'a>>,
}

/// The list of one user of several.
#[derive(Serialize)]
pub(crate) struct UserList<'a> {
    pub(crate) user_id: UserId,
    pub(crate) source: &'static str,
    pub(crate) truncated: bool,
    pub(crate) items: Items<'a>,
}

/// Movies, best first: `[{"id":3451},{"id":750}]`.
pub(crate) struct Items<'a> {
    pub(crate) movies: &'a [ScoredMovie],
    pub(crate) fields: ItemFields<'a>,
}

/// One movie; without further fields, `{"id":3451}`.
#[derive(Serialize)]
pub(crate) struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    genres: Option<Genres<'a>>,
    id: MovieId,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Title<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<f32>,
}

/// `{"because":[...]}`: the rated movies that contribute most to a score.
#[derive(Serialize)]
pub(crate) struct Because<'a> {
    pub(crate) because: Vec<Reason<'a>>,
}

/// One rated movie.
#[derive(Serialize)]
pub(crate) struct Reason<'a> {
    #[serde(flatten)]
    pub(crate) movie: Item<'a>,
    /// Its share of all positive contributions.
    pub(crate) share: f32,
}

/// `{"items":[...]}` of movies without scores.
#[derive(Serialize)]
pub(crate) struct Movies<'a> {
    pub(crate) items: Vec<Item<'a>>,
}

/// `{"users":[1,18]}`.
#[derive(Serialize)]
pub(crate) struct Users {
    pub(crate) users: Vec<UserId>,
}

/// `{"features":[{"histories":[1,2,6]}]}`: an array of one, because the former service took several users.
#[derive(Serialize)]
pub(crate) struct Features<'a> {
    features: [Feature<'a>; 1],
}

/// The history of one user.
#[derive(Serialize)]
struct Feature<'a> {
    histories: &'a [MovieId],
    #[serde(skip_serializing_if = "Option::is_none")]
    movies: Option<Vec<Item<'a>>>,
}

struct Genres<'a> {
    catalogue: &'a Catalogue,
    movie: Option<&'a Movie>,
}

/// The title of a movie; one without a record is named after its id.
enum Title<'a> {
    Known(&'a str),
    Unknown(MovieId),
}

impl<'a> Item<'a> {
    /// A movie, with its title and genres where a catalogue is given.
    pub(crate) fn new(id: MovieId, metadata: Option<&'a Catalogue>) -> Self {
        let (mut genres, mut title) = (None, None);
        if let Some(catalogue) = metadata {
            let movie = catalogue.movie(id);
            genres = Some(Genres { catalogue, movie });
            title = Some(movie.map_or(Title::Unknown(id), |movie| Title::Known(&movie.title)));
        }
        Self { genres, id, title, score: None, rating: None }
    }

    /// A movie with its title, its genres and the stars that a user gave.
    pub(crate) fn rated(id: MovieId, catalogue: &'a Catalogue, stars: f32) -> Self {
        Self { rating: Some(stars), ..Self::new(id, Some(catalogue)) }
    }
}

impl<'a> Features<'a> {
    /// The movies that a user has rated, ids ascending.
    pub(crate) fn of(histories: &'a [MovieId]) -> Self {
        Self { features: [Feature { histories, movies: None }] }
    }

    /// Adds the descriptions of the same movies.
    pub(crate) fn with(self, movies: Vec<Item<'a>>) -> Self {
        let [Feature { histories, .. }] = self.features;
        Self { features: [Feature { histories, movies: Some(movies) }] }
    }
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ItemFields { metadata, scores } = self.fields;
        serializer.collect_seq(self.movies.iter().map(|scored| {
            let item = Item::new(scored.movie, metadata);
            if scores { Item { score: Some(scored.score), rating: scored.rating, ..item } } else { item }
        }))
    }
}

impl Serialize for Genres<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let genres: &[GenreNumber] = self.movie.map_or(&[], |movie| &movie.genres);
        let mut names = serializer.serialize_seq(Some(genres.len()))?;
        for &genre in genres {
            names.serialize_element(self.catalogue.genre_name(genre))?;
        }
        names.end()
    }
}

impl Serialize for Title<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(title) => serializer.serialize_str(title),
            Self::Unknown(id) => serializer.serialize_str(&store::records::Movie::default_title(*id)),
        }
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
        let entry = |id| ScoredMovie { movie: MovieId::new(id), score: 0.5, rating: Some(4.25) };
        let entries = [entry(3451), entry(750)];
        let bare = Items { movies: &entries, fields: ItemFields { metadata: None, scores: false } };
        assert_eq!(json(&Recommendations { items: bare }), r#"{"items":[{"id":3451},{"id":750}]}"#);
        let catalogue = Catalogue::default();
        let shown = ItemFields { metadata: Some(&catalogue), scores: true };
        assert_eq!(
            json(&FoldedIn {
                items: Items { movies: &entries[..1], fields: shown },
                unknown: &[MovieId::new(9)]
            }),
            r#"{"items":[{"genres":[],"id":3451,"title":"Movie 3451","score":0.5,"rating":4.25}],"unknown":[9]}"#
        );
        let reason = Reason { movie: Item::new(MovieId::new(6), None), share: 0.75 };
        assert_eq!(json(&Because { because: vec![reason] }), r#"{"because":[{"id":6,"share":0.75}]}"#);
        let ids = [MovieId::new(3451), MovieId::new(750)];
        assert_eq!(json(&Features::of(&ids)), r#"{"features":[{"histories":[3451,750]}]}"#);
        assert_eq!(json(&Features::of(&[])), r#"{"features":[{"histories":[]}]}"#);
        assert_eq!(
            json(&Features::of(&ids[..1]).with(vec![Item::rated(ids[0], &catalogue, 4.5)])),
            concat!(
                r#"{"features":[{"histories":[3451],"#,
                r#""movies":[{"genres":[],"id":3451,"title":"Movie 3451","rating":4.5}]}]}"#
            )
        );
    }
}
