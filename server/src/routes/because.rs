//! `GET /users/{id}/because?movie=`: the user's ratings that contribute most to the score of a movie.
//!
//! Computed on request, and exact: the score of a user whose ratings are folded in is a sum over these ratings.

use std::sync::Arc;

use ranking::FoldIn;
use store::{MovieId, UserId};

use super::compute::{Computation, compute};
use crate::answers::{Because, Item, Reason};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Arguments;
use crate::problem::Problem;
use crate::response::{Answer, json};
use crate::route::Route;
use crate::view::{Snapshot, View};

pub(super) async fn answer(
    app: &Arc<App>,
    user: UserId,
    arguments: Arguments,
    client: Option<&Preferences>,
) -> Answer {
    compute(app, client, move |computation| look_up(computation, user, &arguments)).await
}

fn look_up(computation: &Computation<'_>, user: UserId, arguments: &Arguments) -> Answer {
    let snapshot = Snapshot::take(computation.app);
    let view = View::open(&snapshot)?;
    let tag = view.entity_tag(&(Route::Because, user, arguments));
    if let Some(answer) = view.settled(&[user], &tag, computation.client) {
        return answer;
    }
    view.finish(reasons(computation, &view, user, arguments), tag, computation.client)
}

fn reasons(computation: &Computation<'_>, view: &View<'_>, user: UserId, arguments: &Arguments) -> Answer {
    let movie = arguments.movie;
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
    computation.check()?;
    let system = FoldIn::new(terms, rated.iter().map(|(_, factors, stars)| (factors.0.as_slice(), *stars)));
    let mut reasons: Vec<(MovieId, f32)> =
        rated.iter().map(|rated| rated.0).zip(system.contributions(&target.0)).collect();
    reasons.retain(|&(_, part)| part > 0.0);
    let sum: f32 = reasons.iter().map(|&(_, part)| part).sum();
    reasons.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let catalogue = arguments.list.metadata.then_some(&view.generation.catalogue);
    let reason = |(id, part)| Reason { movie: Item::new(id, catalogue), share: part / sum };
    json(&Because { because: reasons.into_iter().take(arguments.list.n as usize).map(reason).collect() })
}
