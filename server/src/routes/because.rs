//! `GET /users/{id}/because?movie=`: which of a user's ratings speak most for a movie.
//!
//! Computed when it is asked, exactly: the score of a user whose ratings are folded in is a sum over these ratings.

use std::sync::Arc;

use ranking::FoldIn;
use store::{MovieId, UserId};

use super::{Answer, Route, View, compute, json, look_up};
use crate::answers::{Because, Item, Reason};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// How many reasons where the request does not say.
const USUAL_N: u32 = 3;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Query {
    user: UserId,
    movie: MovieId,
    n: u32,
    metadata: bool,
}

pub(super) async fn answer(
    app: &Arc<App>,
    user: UserId,
    query: &str,
    client: Option<&Preferences>,
) -> Answer {
    let query = Query::parse(user, query)?;
    compute(app, client, move |app, client| {
        let wanted = (Route::Because(query.user).number(), &query);
        look_up(app, client, &[query.user.get()], &wanted, |view| query.answer(view))
    })
    .await
}

impl Query {
    pub(super) fn parse(user: UserId, query: &str) -> Result<Self, Problem> {
        const MOVIE: &str = "give a movie's id, as in movie=750";
        const N: &str = "give a whole number from 1 on, as in n=3";

        let mut given = Parameters::of(query);
        let movie = given.required("movie", MOVIE);
        let n = given.number("n", 1..=u32::MAX, N).unwrap_or(USUAL_N);
        let metadata = given.flag("returnMetadata");
        given.finish("movie, n and returnMetadata")?;
        Ok(Self { user, movie: MovieId::new(movie), n, metadata })
    }

    fn answer(&self, view: &View<'_>) -> Answer {
        let &Self { user, movie, n, metadata } = self;
        let terms = view.user_terms()?;
        let Some(history) = view.history(user)? else { return Err(Problem::unknown("user", user)) };
        let Some(target) = view.item_factors(movie)? else {
            return Err(Problem::unknown("rated movie", movie));
        };

        let ratings = history.movies.iter().zip(&history.stars);
        let mut rated = Vec::new();
        for (&id, &stars) in ratings.filter(|&(&rated, _)| rated != movie) {
            if let Some(factors) = view.item_factors(id)? {
                rated.push((id, factors, stars));
            }
        }
        let system =
            FoldIn::new(terms, rated.iter().map(|(_, factors, stars)| (factors.0.as_slice(), *stars)));
        let mut reasons: Vec<(MovieId, f32)> =
            rated.iter().map(|rated| rated.0).zip(system.contributions(&target.0)).collect();
        reasons.retain(|&(_, part)| part > 0.0);
        let sum: f32 = reasons.iter().map(|&(_, part)| part).sum();
        reasons.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let catalogue = metadata.then_some(&view.edition.catalogue);
        let reason = |(id, part)| Reason { movie: Item::new(id, catalogue), share: part / sum };
        json(&Because { because: reasons.into_iter().take(n as usize).map(reason).collect() })
    }
}
