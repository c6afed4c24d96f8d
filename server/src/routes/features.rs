//! `GET /features`: what a user has rated.

use std::sync::Arc;

use store::UserId;
use store::records::History;

use super::{Answer, Route, View, compute, json, look_up};
use crate::answers::{Features, Item};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::{Parameters, USER_ID};
use crate::problem::Problem;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Query {
    user: UserId,
    /// Whether with titles, genres and the stars given.
    metadata: bool,
}

pub(super) async fn answer(app: &Arc<App>, query: &str, client: Option<&Preferences>) -> Answer {
    let query = Query::parse(query)?;
    if query.metadata {
        // A history has no limit, and titles make it long.
        return Box::pin(compute(app, client, move |app, client| query.look_up(app, client, with_metadata)))
            .await;
    }
    query.look_up(app, client, |view, mut history| {
        if view.denied.list.movies().len() > 0 {
            history.movies.retain(|&movie| !view.hides(movie));
        }
        json(&Features::of(&history.movies))
    })
}

fn with_metadata(view: &View<'_>, history: History) -> Answer {
    let rated = history.movies.iter().zip(&history.stars);
    let shown = rated.filter(|&(&movie, _)| !view.hides(movie));
    let (ids, movies): (Vec<_>, _) =
        shown.map(|(&movie, &stars)| (movie, Item::rated(movie, &view.edition.catalogue, stars))).unzip();
    json(&Features::of(&ids).with(movies))
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut given = Parameters::of(query);
        let user = UserId::new(given.required("user_id", USER_ID));
        let metadata = given.flag("returnMetadata");
        given.finish("user_id and returnMetadata")?;
        Ok(Self { user, metadata })
    }

    fn look_up(
        self,
        app: &App,
        client: Option<&Preferences>,
        answer: impl FnOnce(&View<'_>, History) -> Answer,
    ) -> Answer {
        look_up(app, client, &[self.user.get()], &(Route::Features.number(), self), |view| {
            answer(view, view.history(self.user)?.unwrap_or_default())
        })
    }
}
