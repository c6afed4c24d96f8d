//! `POST /recommendations`: what somebody's ratings lead to, whom the batch need not know. Nothing of it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::Stream;
use ranking::FoldIn;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::MovieId;
use warp::Buf;
use warp::http::header::{CACHE_CONTROL, HeaderValue};

use super::recommendations::popular;
use super::{Answer, View, X_RECOMMENDATION_SOURCE, compute, json, say_truncated, view};
use crate::answers::FoldedIn;
use crate::app::App;
use crate::body;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::selection::{Entry, Selected, Wanted};

/// What a body says. Strict about its members: one that is misspelt would otherwise do nothing.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    ratings: Vec<Rating>,
    #[serde(flatten)]
    wanted: Wanted,
}

/// One rating of a body.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rating {
    id: MovieId,
    rating: f32,
}

/// The most ratings of a body.
const MOST_RATINGS: usize = 5000;

/// The members of a body, for messages.
const MEMBERS: [&str; 10] = [
    "ratings",
    "n",
    "offset",
    "exclude",
    "genre",
    "exclude_genre",
    "min_year",
    "max_year",
    "returnMetadata",
    "withScores",
];

pub(super) async fn answer(
    app: &Arc<App>,
    query: &str,
    client: Option<&Preferences>,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Answer {
    Parameters::of(query).finish("no parameters by POST, but members of a body")?;
    let bytes = body::read(body, app.settings.body_bytes(), app.settings.request_timeout).await?;
    let asked = Asked::parse(&bytes)?;
    compute(app, client, move |app, _| {
        view(app, |view| {
            let mut response = asked.answer(view).unwrap_or_else(Problem::into_response);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        })
    })
    .await
}

impl Asked {
    /// Reads a body.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        const EXAMPLE: &str = r#"give JSON like {"ratings":[{"id":318,"rating":5}],"n":10}"#;

        let unreadable = |error: serde_json::Error| {
            Problem::bad_body(format!("the body cannot be read: {error}; {EXAMPLE}"))
        };
        // Flattening cannot refuse members that nobody knows.
        let mut members: Map<String, Value> = serde_json::from_slice(bytes).map_err(unreadable)?;
        if let Some(member) = members.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
            let member = crate::problem::shortened(member);
            let known = MEMBERS.join(", ");
            return Err(Problem::bad_body(format!("the body has the member {member}; it may have {known}")));
        }
        members.values_mut().for_each(make_whole);
        let Self { ratings, wanted } = serde_json::from_value(Value::Object(members)).map_err(unreadable)?;
        let asked = Self { ratings, wanted: wanted.in_order() };
        asked.wanted.computable()?;
        if asked.ratings.len() > MOST_RATINGS {
            let detail = format!("has more than {MOST_RATINGS}");
            return Err(Problem::bad_parameter("ratings", detail));
        }
        Ok(asked)
    }

    fn answer(&self, view: &View<'_>) -> Answer {
        let terms = view.user_terms()?;
        let (min, max) = (terms.min, terms.max);
        if let Some(bad) = self.ratings.iter().find(|rating| !(min..=max).contains(&rating.rating)) {
            let detail = format!("has {} for movie {}; give {min} to {max}", bad.rating, bad.id);
            return Err(Problem::bad_parameter("ratings", detail));
        }
        let filter = view.filter(&self.wanted)?;
        // Of several ratings of a movie the last counts, as in the batch.
        let rated: BTreeMap<MovieId, f32> =
            self.ratings.iter().map(|rating| (rating.id, rating.rating)).collect();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (&id, &rating) in &rated {
            match view.item_factors(id)? {
                Some(factors) => known.push((factors, rating)),
                None => unknown.push(id),
            }
        }
        let allowed = |movie| !rated.contains_key(&movie) && filter.allows(movie);
        let (selected, source) = if known.is_empty() {
            // Who has rated nothing that is known gets what everybody likes.
            (popular(view, &filter, |movie| !rated.contains_key(&movie)), "popular")
        } else {
            let ratings = known.iter().map(|(factors, stars)| (factors.0.as_slice(), *stars));
            let user = FoldIn::new(terms, ratings).factors();
            let candidates = &view.edition.candidates;
            let n = (self.wanted.n + self.wanted.offset) as usize;
            let best = candidates.items.top_n(&user, n, |place| allowed(candidates.id(place)));
            let entries = best.into_iter().skip(self.wanted.offset as usize).map(|scored| Entry {
                movie: candidates.id(scored.item),
                score: scored.score,
                rating: None,
            });
            (Selected { entries: entries.collect(), truncated: false }, "fold-in")
        };
        let items = view.items(&selected, &self.wanted);
        let mut response = json(&FoldedIn { items, unknown: &unknown })?;
        say_truncated(&mut response, &selected);
        response.headers_mut().insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
        Ok(response)
    }
}

/// Whole numbers may come as `18.0`: some languages know no others.
fn make_whole(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(make_whole),
        Value::Object(members) => members.values_mut().for_each(make_whole),
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| f64::from(*float as u32) == *float) {
                *value = (float as u32).into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> String {
        let problem = Asked::parse(body.as_bytes()).unwrap_err();
        String::from_utf8(problem.into_response().into_body()).unwrap()
    }

    #[test]
    fn a_body_says_ratings_and_which_part_of_the_list_is_wanted() {
        let body = r#"{"ratings":[{"id":318.0,"rating":5},{"id":1,"rating":4.5}],"n":10,"genre":["War"],"min_year":null}"#;
        let asked = Asked::parse(body.as_bytes()).unwrap();
        assert_eq!((asked.ratings[0].id, asked.ratings[1].rating), (MovieId::new(318), 4.5));
        assert_eq!(asked.wanted, Wanted { n: 10, genre: vec!["War".to_owned()], ..Wanted::default() });
    }

    #[test]
    fn what_a_body_cannot_say_is_named() {
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
            let _ = Asked::parse(&bytes);
            let _ = Asked::parse(text.as_bytes());
        }
    }
}
