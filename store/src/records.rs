//! The records of a generation and their bytes.
//!
//! A record is a MessagePack array (a struct without field names); a list of numbers is a `bin` (see [`column`]). Decoding
//! never panics: damaged bytes are an error.

mod column;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::{MovieId, UserId};

/// A top-N list: the best candidates of one user, or of the fallback list, best first.
///
/// The three columns have one number for each entry; a list of n entries takes some more than 12 n bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TopN {
    /// The movies, best first.
    #[serde(with = "column")]
    pub movies: Vec<MovieId>,
    /// The scores that order the list, descending.
    #[serde(with = "column")]
    pub scores: Vec<f32>,
    /// The predicted rating of each movie, in stars.
    #[serde(with = "column")]
    pub stars: Vec<f32>,
}

/// A view of an encoded list, which decodes the entries that are read.
#[derive(Debug, Clone, Copy)]
pub struct TopNView<'a> {
    movies: &'a [[u8; 4]],
    scores: &'a [[u8; 4]],
    stars: &'a [[u8; 4]],
}

impl<'a> TopNView<'a> {
    /// A view of the bytes of a [`TopN`].
    ///
    /// # Errors
    /// A description of the damage, to which the caller adds the path.
    pub fn of(bytes: &'a [u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Columns<'a>(&'a [u8], &'a [u8], &'a [u8]);

        let Columns(movies, scores, stars) = rmp_serde::from_slice(bytes).map_err(|e| e.to_string())?;
        let [movies, scores, stars] = [movies, scores, stars].map(column::numbers);
        let (movies, scores, stars) = (movies?, scores?, stars?);
        alike(movies.len(), scores.len(), "scores").and(alike(movies.len(), stars.len(), "stars"))?;
        Ok(Self { movies, scores, stars })
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.movies.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.movies.is_empty()
    }

    /// The entries, best first: movie, score, predicted stars.
    pub fn entries(&self) -> impl Iterator<Item = (MovieId, f32, f32)> + use<'a> {
        let Self { movies, scores, stars } = *self;
        let figures = scores.iter().zip(stars);
        movies.iter().zip(figures).map(|(movie, (score, stars))| {
            (MovieId::new(u32::from_le_bytes(*movie)), f32::from_le_bytes(*score), f32::from_le_bytes(*stars))
        })
    }
}

/// The ratings of a user, movie ids ascending. The columns have one number for each rating.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The movies, ids ascending.
    #[serde(with = "column")]
    pub movies: Vec<MovieId>,
    /// The rating of each movie, in stars.
    #[serde(with = "column")]
    pub stars: Vec<f32>,
}

/// The candidates most similar to a movie, best first. The columns have one number for each candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    /// The movies, most similar first, without the movie itself.
    #[serde(with = "column")]
    pub movies: Vec<MovieId>,
    /// The cosine similarity of the factors, descending.
    #[serde(with = "column")]
    pub cosines: Vec<f32>,
}

/// The metadata of a movie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movie {
    /// The title with its year, as in the metadata.
    pub title: String,
    /// The genres, in the order of the metadata.
    pub genres: Vec<String>,
}

impl Movie {
    /// The metadata of a movie that has none: its [default title](Self::default_title), and no genres.
    #[must_use]
    pub fn unnamed(id: MovieId) -> Self {
        Self { title: Self::default_title(id), genres: Vec::new() }
    }

    /// The title of a movie without metadata.
    #[must_use]
    pub fn default_title(id: MovieId) -> String {
        format!("Movie {id}")
    }
}

/// The factors of one user or one movie (n_factors).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factors(#[serde(with = "column")] pub Vec<f32>);

/// The terms of the fold-in. With the candidates' factors q, the factors x of a user minimize
///
/// ```text
/// sum over the n ratings of weight (preference(stars) - q . x)^2 + sum over f of gram[f] x[f]^2 + ridge (n + unobserved) |x|^2
/// preference(stars) = floor + (1 - floor) / (1 + exp(-steepness (p - midpoint))),  p = (stars - min) / (max - min)
/// weight = (1 + n)^-activity_discount / mean_activity
/// ```
///
/// The score of an item is `(1 - share) q . x + share * popularity`, with the share for n ratings.
///
/// The factors of a generation are rotated so that the weighted sum of q q^T over all candidates is the diagonal `gram`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserTerms {
    /// The lowest rating of the scale, in stars.
    pub min: f32,
    /// The highest rating of the scale, in stars.
    pub max: f32,
    /// The lower asymptote of the preference; the upper one is 1.
    pub floor: f32,
    /// The share of the scale at which the preference is halfway between the asymptotes.
    pub midpoint: f32,
    /// The steepness of the preference, for the scale as the unit of length.
    pub steepness: f32,
    /// The exponent by which a rating weighs less the more ratings its user has; 0 for equal weights.
    pub activity_discount: f32,
    /// The mean over all users of `(1 + n)^-activity_discount`.
    pub mean_activity: f32,
    /// The regularization for each rating and each unit of unobserved weight.
    pub ridge: f32,
    /// The weight of all pairs of a user and a candidate, rated or not.
    pub unobserved: f32,
    /// The diagonal of the weighted Gram matrix of the candidates' factors (n_factors).
    #[serde(with = "column")]
    pub gram: Vec<f32>,
    /// The share of popularity in the score of a user, from 0 to 1, by the slice of the user's number of ratings: 1, 2, 3 to
    /// 5, 6 to 10, 11 to 20, 21 or more. An item's factor after those of `gram` is its popularity. Empty if it has none.
    #[serde(with = "column")]
    pub popularity_shares: Vec<f32>,
}

/// A value of the store with an encoding.
pub trait Record: Sized {
    /// The name of the kind, for messages.
    const NAME: &'static str;

    /// Encodes the record.
    ///
    /// # Errors
    /// [`Error::Encode`].
    fn encode(&self) -> Result<Vec<u8>>;

    /// Decodes a record.
    ///
    /// # Errors
    /// A description of the damage, to which the caller adds the path ([`Error::Damaged`]).
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

/// MessagePack by serde, and a check of the decoded record.
macro_rules! message_pack {
    ($record:ty, $name:literal, $check:expr) => {
        impl Record for $record {
            const NAME: &'static str = $name;

            fn encode(&self) -> Result<Vec<u8>> {
                rmp_serde::to_vec(self).map_err(|e| Error::Encode { what: $name, detail: e.to_string() })
            }

            fn decode(bytes: &[u8]) -> Result<Self, String> {
                let record: Self = rmp_serde::from_slice(bytes).map_err(|e| e.to_string())?;
                let check: fn(&Self) -> Result<(), String> = $check;
                check(&record).map(|()| record)
            }
        }
    };
}

message_pack!(TopN, "top-N list", |list| {
    let n = list.movies.len();
    alike(n, list.scores.len(), "scores").and(alike(n, list.stars.len(), "stars"))
});
message_pack!(History, "history", |history| alike(history.movies.len(), history.stars.len(), "stars"));
message_pack!(Similar, "similar movies", |similar| alike(
    similar.movies.len(),
    similar.cosines.len(),
    "cosines"
));
message_pack!(UserTerms, "user terms", |terms| {
    match terms.popularity_shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        None => Ok(()),
        Some(share) => Err(format!("a share of popularity of {share}, which is not from 0 to 1")),
    }
});
message_pack!(Movie, "movie", |_| Ok(()));
message_pack!(Factors, "factors", |_| Ok(()));

/// Checks that a column has a number for each movie.
fn alike(n_movies: usize, n: usize, what: &str) -> Result<(), String> {
    if n == n_movies { Ok(()) } else { Err(format!("{n_movies} movies but {n} {what}")) }
}

/// An id that is a key of records.
pub trait Key: Copy {
    /// The id as a number.
    fn number(self) -> u32;
}

impl Key for UserId {
    fn number(self) -> u32 {
        self.get()
    }
}

impl Key for MovieId {
    fn number(self) -> u32 {
        self.get()
    }
}

/// The key of a tree with one record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnlyKey;

impl Key for OnlyKey {
    fn number(self) -> u32 {
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip<R: Record>(record: &R) -> R {
        R::decode(&record.encode().unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn every_record_is_decoded_as_it_was_encoded(
            entries in prop::collection::vec((any::<u32>(), -1e30f32..1e30), 0..300),
            title in ".*",
            genres in prop::collection::vec(".*", 0..5),
        ) {
            let (movies, scores): (Vec<_>, Vec<_>) = entries.into_iter().map(|(id, s)| (MovieId::new(id), s)).unzip();
            let factors = Factors(scores.clone());
            let history = History { movies: movies.clone(), stars: scores.clone() };
            let similar = Similar { movies: movies.clone(), cosines: scores.clone() };
            let terms = UserTerms {
                min: 0.5,
                max: 5.0,
                floor: 0.1,
                midpoint: 0.5,
                steepness: 5.0,
                activity_discount: 0.25,
                mean_activity: 0.4,
                ridge: 0.1,
                unobserved: 100.0,
                gram: scores.clone(),
                popularity_shares: vec![1.0, 0.5],
            };
            let top_n = TopN { movies, stars: scores.clone(), scores };
            let movie = Movie { title, genres };
            let bytes = top_n.encode().unwrap();
            let view = TopNView::of(&bytes).unwrap();
            prop_assert_eq!((view.len(), view.is_empty()), (top_n.movies.len(), top_n.movies.is_empty()));
            let entries = top_n.movies.iter().zip(top_n.scores.iter().zip(&top_n.stars));
            prop_assert!(view.entries().eq(entries.map(|(&movie, (&score, &stars))| (movie, score, stars))));
            prop_assert_eq!(round_trip(&factors), factors);
            prop_assert_eq!(round_trip(&history), history);
            prop_assert_eq!(round_trip(&similar), similar);
            prop_assert_eq!(round_trip(&terms), terms);
            prop_assert_eq!(round_trip(&top_n), top_n);
            prop_assert_eq!(round_trip(&movie), movie);
        }

        #[test]
        fn random_bytes_never_panic_a_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(TopN::decode(&bytes).is_ok(), TopNView::of(&bytes).is_ok());
            let _ = History::decode(&bytes);
            let _ = Similar::decode(&bytes);
            let _ = UserTerms::decode(&bytes);
            let _ = Movie::decode(&bytes);
            let _ = Factors::decode(&bytes);
        }
    }

    #[test]
    fn a_list_with_fewer_scores_or_stars_than_movies_is_damaged() {
        let bytes = TopN { movies: vec![MovieId::new(1), MovieId::new(2)], scores: vec![1.0], stars: vec![] }
            .encode()
            .unwrap();
        assert_eq!(TopN::decode(&bytes), Err("2 movies but 1 scores".to_owned()));
        assert_eq!(TopNView::of(&bytes).unwrap_err(), "2 movies but 1 scores");
    }

    #[test]
    fn a_record_is_an_array_of_columns_and_a_column_that_ends_within_a_number_is_damaged() {
        let history = History { movies: vec![MovieId::new(258)], stars: vec![1.0] };
        // An array of two; a bin of four bytes, the id, little-endian; another, the stars.
        let mut bytes = history.encode().unwrap();
        assert_eq!(bytes, [0x92, 0xc4, 4, 2, 1, 0, 0, 0xc4, 4, 0, 0, 0x80, 0x3f]);
        let column = Factors(vec![1.0, 2.0]);
        bytes = column.encode().unwrap();
        bytes.pop();
        let at = bytes.len() - 8;
        bytes[at] = 7;
        let error = Factors::decode(&bytes).unwrap_err();
        assert!(error.contains("7 bytes are not a multiple of 4"), "{error}");
    }
}
