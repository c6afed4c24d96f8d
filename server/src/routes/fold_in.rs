//! `POST /recommendations`: a list for the ratings in the body, whose user need not be in the data. Nothing is stored.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::Stream;
use ranking::FoldIn;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use store::MovieId;
use warp::Buf;
use warp::http::header::{CACHE_CONTROL, HeaderValue};

use super::bounded_value::BoundedValue;
use super::compute::{Computation, compute};
use super::recommendations::{X_RECOMMENDATION_SOURCE, popular};
use crate::answers::FoldedIn;
use crate::app::App;
use crate::body;
use crate::caching::Preferences;
use crate::list_query::{Filter, ListQuery, ScoredMovie, Selection};
use crate::number::json_number;
use crate::parameters::Arguments;
use crate::problem::Problem;
use crate::response::{Answer, json};
use crate::view::{Snapshot, View, set_truncated};

/// The member of a body beside the parameters of lists.
const RATINGS: &str = "ratings";
/// The maximum number of ratings in a body.
const MAX_RATINGS: usize = 5000;
/// The maximum number of other members of a body that are kept: more than there are parameters, so that one is unknown.
const MAX_PARAMETERS: usize = 64;

/// A parsed body.
#[derive(Debug)]
pub(super) struct FoldInQuery {
    ratings: Vec<Rating>,
    list: ListQuery,
}

/// The members of a body. The ratings are the first ones, up to one too many.
struct Members {
    ratings: Option<Vec<Rating>>,
    others: Map<String, Value>,
}

/// One rating of a body.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rating {
    #[serde(deserialize_with = "movie_id")]
    id: MovieId,
    rating: f32,
}

pub(super) async fn answer(
    app: &Arc<App>,
    client: Option<&Preferences>,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Answer {
    let (settings, memory) = (&app.settings, &app.receive_memory);
    let bytes = body::read(body, settings.body_bytes(), settings.request_timeout, memory).await?;
    // Parsing a long body takes milliseconds, too.
    compute(app, client, move |computation| {
        let query = FoldInQuery::parse(&bytes)?;
        drop(bytes);
        look_up(computation, &query)
    })
    .await
}

fn look_up(computation: &Computation<'_>, query: &FoldInQuery) -> Answer {
    const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

    let snapshot = Snapshot::take(computation.app);
    let view = View::open(&snapshot)?;
    view.named(match fold_in(computation, &view, query) {
        Ok(mut response) => {
            response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
            Ok(response)
        }
        Err(problem) => Err(problem.with_header(CACHE_CONTROL, NO_STORE)),
    })
}

/// `{"items":[...],"unknown":[...]}`, with the origin of the list in a header.
fn fold_in<'a>(computation: &Computation<'_>, view: &View<'a>, query: &'a FoldInQuery) -> Answer {
    let (min, max) = (view.user_terms()?.min, view.user_terms()?.max);
    if let Some(bad) = query.ratings.iter().find(|rating| !(min..=max).contains(&rating.rating)) {
        let detail = format!("has {} for movie {}; give {min} to {max}", bad.rating, bad.id);
        return Err(Problem::bad_parameter(RATINGS, detail));
    }
    let filter = view.filter(&query.list)?;
    // The last of several ratings of a movie counts, as in the batch.
    let rated: BTreeMap<MovieId, f32> =
        query.ratings.iter().map(|rating| (rating.id, rating.rating)).collect();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (&id, &rating) in &rated {
        match view.item_factors(id)? {
            Some(factors) => known.push((factors.0, rating)),
            None => unknown.push(id),
        }
    }
    let (selection, source) = if known.is_empty() {
        // Nothing is known about the user's taste.
        (popular(view, &filter, |movie| !rated.contains_key(&movie)), "popular")
    } else {
        let is_new = |movie| !rated.contains_key(&movie);
        (best(computation, view, &filter, &query.list, &known, is_new)?, "fold-in")
    };
    let items = view.items(&selection, &query.list);
    let mut response = json(&FoldedIn { items, unknown: &unknown })?;
    set_truncated(&mut response, &selection);
    response.headers_mut().insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
    Ok(response)
}

/// The candidates with the highest scores for a user with these ratings, each given as the factors of a movie and stars.
fn best(
    computation: &Computation<'_>,
    view: &View<'_>,
    filter: &Filter<'_>,
    list: &ListQuery,
    ratings: &[(Vec<f32>, f32)],
    is_new: impl Fn(MovieId) -> bool,
) -> Result<Selection, Problem> {
    computation.check()?;
    let ratings = ratings.iter().map(|(factors, stars)| (factors.as_slice(), *stars));
    let user = FoldIn::new(view.user_terms()?, ratings).factors();
    computation.check()?;
    let candidates = &view.generation.candidates;
    let is_allowed = |index| {
        let movie = candidates.id(index);
        is_new(movie) && filter.allows(movie)
    };
    let best = candidates.items.top_n(&user, (list.n + list.offset) as usize, is_allowed);
    let movies = best.into_iter().skip(list.offset as usize).map(|scored| ScoredMovie {
        movie: candidates.id(scored.item),
        score: scored.score,
        rating: None,
    });
    Ok(Selection { movies: movies.collect(), is_truncated: false })
}

impl FoldInQuery {
    /// Parses a body.
    ///
    /// # Errors
    /// 400. Unknown members are refused, because one with a typing error would otherwise have no effect.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let unreadable = |error: serde_json::Error| {
            let example = r#"{"ratings":[{"id":318,"rating":5}],"n":10}"#;
            Problem::bad_body(format!("the body cannot be read: {error}; give JSON like {example}"))
        };
        let Members { ratings, others } = serde_json::from_slice(bytes).map_err(unreadable)?;
        let Arguments { list, .. } = Arguments::of_body(&others, RATINGS)?;
        let missing = || unreadable(serde_json::Error::missing_field(RATINGS));
        let ratings = ratings.ok_or_else(missing)?;
        if ratings.len() > MAX_RATINGS {
            let detail = format!("has more than {MAX_RATINGS} ratings; give fewer");
            return Err(Problem::bad_parameter(RATINGS, detail));
        }
        Ok(Self { ratings, list })
    }
}

/// Reads an id. `18.0` is one, because some languages write all numbers so.
fn movie_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MovieId, D::Error> {
    let number = Value::Number(Number::deserialize(deserializer)?);
    let id = json_number(&number).map(MovieId::new);
    id.ok_or_else(|| {
        D::Error::custom(format_args!("the id {number} is no whole number from 0 to {}", u32::MAX))
    })
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Reads the members one by one, so that the memory for ratings is that of the ratings that are allowed.
struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with ratings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let (mut ratings, mut others) = (None, Map::new());
        while let Some(name) = map.next_key::<String>()? {
            if name == RATINGS {
                ratings = Some(map.next_value_seed(RatingsSeed)?);
            } else if others.len() <= MAX_PARAMETERS {
                others.insert(name, map.next_value::<BoundedValue>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Members { ratings, others })
    }
}

/// Reads the array of ratings.
struct RatingsSeed;

impl<'de> DeserializeSeed<'de> for RatingsSeed {
    type Value = Vec<Rating>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Rating>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RatingsSeed {
    type Value = Vec<Rating>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of ratings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<Rating>, A::Error> {
        let mut ratings = Vec::new();
        while ratings.len() <= MAX_RATINGS
            && let Some(rating) = array.next_element()?
        {
            ratings.push(rating);
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ratings)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> String {
        let problem = FoldInQuery::parse(body.as_bytes()).unwrap_err();
        String::from_utf8(problem.into_response().into_body()).unwrap()
    }

    #[test]
    fn a_body_has_ratings_and_the_parameters_of_a_list() {
        let body = r#"{"ratings":[{"id":318.0,"rating":5},{"id":1,"rating":4.5}],"n":10,"genre":["War"],"min_year":null}"#;
        let query = FoldInQuery::parse(body.as_bytes()).unwrap();
        assert_eq!((query.ratings[0].id, query.ratings[1].rating), (MovieId::new(318), 4.5));
        assert_eq!(query.list, ListQuery { n: 10, genre: vec!["War".to_owned()], ..ListQuery::default() });
    }

    #[test]
    fn a_fault_in_a_body_is_named() {
        for (body, named) in [
            ("", "EOF"),
            ("[]", "invalid type"),
            ("{}", "missing field `ratings`"),
            (r#"{"ratings":[],"N":3}"#, "the member N"),
            (r#"{"ratings":[{"id":1}]}"#, "missing field `rating`"),
            (r#"{"ratings":[{"id":1,"rating":5,"when":1}]}"#, "unknown field `when`"),
            (r#"{"ratings":[{"id":-1,"rating":5}]}"#, "-1"),
            (r#"{"ratings":[{"id":1.5,"rating":5}]}"#, "1.5"),
            (r#"{"ratings":[],"n":0}"#, "n was given as 0"),
            (r#"{"ratings":[],"n":1001}"#, "n was given as 1001"),
            (r#"{"ratings":[],"offset":4000000000}"#, "offset was given"),
        ] {
            let detail = refused(body);
            assert!(detail.contains(named), "{body}: {detail}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
            let _ = FoldInQuery::parse(&bytes);
            let _ = FoldInQuery::parse(text.as_bytes());
        }
    }
}
