//! `GET /features`: the movies that a user has rated.
//!
//! Without metadata this is a lookup. With metadata it is a computation, because a history has no maximum length and titles
//! make it long.

use std::sync::Arc;

use super::compute::{Computation, compute};
use crate::answers::{Features, Item};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Arguments;
use crate::response::{Answer, json};
use crate::route::Route;
use crate::view::{Snapshot, View};

pub(super) async fn answer(app: &Arc<App>, arguments: Arguments, client: Option<&Preferences>) -> Answer {
    if !arguments.list.metadata {
        return look_up(app, &arguments, client);
    }
    let work = move |computation: &Computation<'_>| look_up(computation.app, &arguments, computation.client);
    Box::pin(compute(app, client, work)).await
}

fn look_up(app: &App, arguments: &Arguments, client: Option<&Preferences>) -> Answer {
    let snapshot = Snapshot::take(app);
    let view = View::open(&snapshot)?;
    let tag = view.entity_tag(&(Route::Features, arguments));
    if let Some(answer) = view.settled(&[arguments.user], &tag, client) {
        return answer;
    }
    view.finish(features(&view, arguments), tag, client)
}

fn features(view: &View<'_>, arguments: &Arguments) -> Answer {
    let mut history = view.history(arguments.user)?.unwrap_or_default();
    if arguments.list.metadata {
        let rated = history.movies.iter().zip(&history.stars);
        let shown = rated.filter(|&(&movie, _)| !view.hides(movie));
        let item = |(&movie, &stars)| (movie, Item::rated(movie, &view.generation.catalogue, stars));
        let (ids, movies): (Vec<_>, _) = shown.map(item).unzip();
        return json(&Features::of(&ids).with(movies));
    }
    if view.denied.list.movies().len() > 0 {
        history.movies.retain(|&movie| !view.hides(movie));
    }
    json(&Features::of(&history.movies))
}
