//! `GET /features`: what a user has rated.

use store::UserId;

use super::{Answer, Route, json, look_up};
use crate::answers::Features;
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::{Parameters, USER_ID};
use crate::problem::Problem;

pub(super) fn answer(app: &App, query: &str, client: Option<&Preferences>) -> Answer {
    let user = parse(query)?;
    look_up(app, client, &(Route::Features.number(), user), |view| {
        let mut history = view.history(user)?.unwrap_or_default();
        if view.denied.list.movies().len() > 0 {
            history.movies.retain(|&movie| !view.hides(movie));
        }
        json(&Features::of(&history.movies))
    })
}

pub(super) fn parse(query: &str) -> Result<UserId, Problem> {
    let mut given = Parameters::of(query);
    let user = given.required("user_id", USER_ID);
    given.finish("user_id")?;
    Ok(UserId(user))
}
