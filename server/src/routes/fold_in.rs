//! `POST /recommendations`: what somebody's ratings lead to, whom the batch need not know. Nothing of it is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::Stream;
use ranking::FoldIn;
use serde::Deserialize;
use store::records::Factors;
use store::MovieId;
use warp::Buf;
use warp::http::header::{CACHE_CONTROL, HeaderValue};

use super::{Answer, View, X_GENERATION, X_RECOMMENDATION_SOURCE, compute, json};
use crate::answers::{FoldedIn, Items, Shown};
use crate::app::App;
use crate::body;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::selection::{Entry, Selected, Wanted};

/// What a body says. Strict about its members: one that is misspelt would otherwise do nothing.
#[derive(Debug, Deserialize)]
struct Asked {
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
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Answer {
    Parameters::of(query).finish("no parameters by POST, but members of a body")?;
    let bytes = body::read(body, app.settings.body_bytes(), app.settings.request_timeout).await?;
    let asked = Asked::parse(&bytes)?;
    compute(app, move |app| {
        let (current, denied) = (app.current.load(), app.denied.load());
        let Some(edition) = current.as_deref() else { return Err(Problem::nothing_to_serve()) };
        let answer = asked.answer(&View { edition, denied: &denied.list });
        let mut response = answer.unwrap_or_else(Problem::into_response);
        let headers = response.headers_mut();
        headers.insert(X_GENERATION, edition.name.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    })
    .await
}

/// A candidate's factors; `None` for a movie that is none.
pub(super) fn factors_of(view: &View<'_>, movie: MovieId) -> Result<Option<Factors>, Problem> {
    view.tables().item_factors(movie).map_err(Problem::failed_lookup)
}

impl Asked {
    /// Reads a body.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        const EXAMPLE: &str = r#"give JSON like {"ratings":[{"id":318,"rating":5}],"n":10}"#;

        let unreadable = |error: serde_json::Error| {
            Problem::bad_body(format!("the body cannot be read: {error}; {EXAMPLE}"))
        };
        // Flattening cannot refuse members that nobody knows.
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(bytes).map_err(unreadable)?;
        if let Some(member) = members.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
            let member = crate::problem::shortened(member);
            let known = MEMBERS.join(", ");
            return Err(Problem::bad_body(format!("the body has the member {member}; it may have {known}")));
        }
        let asked: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        asked.wanted.computable()?;
        let mut ids = BTreeSet::new();
        if let Some(twice) = asked.ratings.iter().find(|rating| !ids.insert(rating.id)) {
            return Err(Problem::bad_parameter("ratings", format!("has movie {} twice; rate it once", twice.id)));
        }
        Ok(asked)
    }

    fn answer(&self, view: &View<'_>) -> Answer {
        let terms = view.tables().user_terms().ok_or_else(Problem::nothing_to_fold_into)?;
        let (min, max) = (terms.min, terms.max);
        if let Some(bad) = self.ratings.iter().find(|rating| !(min..=max).contains(&rating.rating)) {
            let detail = format!("has {} for movie {}; give {min} to {max}", bad.rating, bad.id);
            return Err(Problem::bad_parameter("ratings", detail));
        }
        let filter = self.wanted.filter(view.edition, view.denied)?;
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for &Rating { id, rating } in &self.ratings {
            let factors = if view.denied.hides(id) { None } else { factors_of(view, id)? };
            match factors {
                Some(factors) => known.push((id, factors, rating)),
                None => unknown.push(id),
            }
        }
        let rated: BTreeSet<MovieId> = self.ratings.iter().map(|rating| rating.id).collect();
        let allowed = |movie| !rated.contains(&movie) && filter.allows(movie);
        let (selected, source) = if known.is_empty() {
            // Who has rated nothing that is known gets what everybody likes.
            let popular = view.tables().fallback();
            let figures = popular.scores.iter().zip(&popular.stars);
            let entries = popular.movies.iter().zip(figures);
            let entries = entries
                .filter(|&(movie, _)| !rated.contains(movie))
                .map(|(&movie, (&score, &stars))| Entry { movie, score, rating: Some(stars) });
            (filter.select(entries, false), "popular")
        } else {
            let ratings = known.iter().map(|(_, factors, stars)| (factors.0.as_slice(), *stars));
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
        let metadata = self.wanted.metadata.then_some(&view.edition.catalogue);
        let shown = Shown { metadata, scores: self.wanted.scores };
        let items = Items { entries: &selected.entries, shown };
        let mut response = json(&FoldedIn { items, unknown: &unknown })?;
        response.headers_mut().insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
        Ok(response)
    }
}
