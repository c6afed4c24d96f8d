//! `GET /movies/{id}` and `GET /movies/{id}/similar`: what is known of a movie, and which are like it.

use store::MovieId;

use super::{Answer, Route, json, look_up};
use crate::answers::Item;
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::selection::{self, Entry, Wanted};

pub(super) fn answer(app: &App, id: MovieId, query: &str, client: Option<&Preferences>) -> Answer {
    Parameters::of(query).finish("none")?;
    look_up(app, client, &[], &(Route::Movie(id).number(), id), |view| match view.movie(id) {
        Some(_) => json(&Item::new(id, Some(&view.edition.catalogue))),
        None => Err(Problem::unknown("movie", id)),
    })
}

pub(super) fn similar(app: &App, id: MovieId, query: &str, client: Option<&Preferences>) -> Answer {
    let mut given = Parameters::of(query);
    let wanted = Wanted::of(&mut given);
    given.finish(selection::PARAMETERS)?;
    look_up(app, client, &[], &(Route::Similar(id).number(), id, &wanted), |view| {
        let Some(similar) = view.similar(id)? else { return Err(Problem::unknown("rated movie", id)) };
        let entries = similar.movies.iter().zip(&similar.cosines);
        let entries = entries.map(|(&movie, &score)| Entry { movie, score, rating: None });
        // The movie itself is a candidate, and not among them.
        let is_complete = similar.movies.len() + 1 >= view.edition.candidates.items.len();
        view.list(&view.filter(&wanted)?.select(entries, is_complete), &wanted)
    })
}
