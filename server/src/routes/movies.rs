//! `GET /movies/{id}` and `GET /movies/{id}/similar`: what is known of a movie, and which are like it.

use store::MovieId;
use warp::http::HeaderValue;

use super::{Answer, Route, X_TRUNCATED, json, look_up};
use crate::answers::{Item, Items, Recommendations, Shown};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::selection::{self, Entry, Wanted};

pub(super) fn answer(app: &App, id: MovieId, query: &str, client: Option<&Preferences>) -> Answer {
    Parameters::of(query).finish("none")?;
    look_up(app, client, &(Route::Movie(id).number(), id), |view| {
        let catalogue = &view.edition.catalogue;
        if view.denied.hides(id) || catalogue.movie(id).is_none() {
            return Err(Problem::unknown("movie", id));
        }
        json(&Item::described(id, catalogue))
    })
}

pub(super) fn similar(app: &App, id: MovieId, query: &str, client: Option<&Preferences>) -> Answer {
    let mut given = Parameters::of(query);
    let wanted = Wanted::of(&mut given);
    given.finish(selection::PARAMETERS)?;
    look_up(app, client, &(Route::Similar(id).number(), id, &wanted), |view| {
        let similar = if view.denied.hides(id) {
            None
        } else {
            view.tables().similar(id).map_err(Problem::failed_lookup)?
        };
        let Some(similar) = similar else { return Err(Problem::unknown("rated movie", id)) };
        let entries = similar.movies.iter().zip(&similar.cosines);
        let entries = entries.map(|(&movie, &score)| Entry { movie, score, rating: None });
        // The movie itself is a candidate, and not among them.
        let is_complete = similar.movies.len() + 1 >= view.edition.candidates.items.len();
        let selected = wanted.filter(view.edition, view.denied)?.select(entries, is_complete);
        let metadata = wanted.metadata.then_some(&view.edition.catalogue);
        let shown = Shown { metadata, scores: wanted.scores };
        let mut response = json(&Recommendations { items: Items { entries: &selected.entries, shown } })?;
        if selected.truncated {
            response.headers_mut().insert(X_TRUNCATED, HeaderValue::from_static("true"));
        }
        Ok(response)
    })
}
