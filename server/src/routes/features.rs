//! `GET /features`: what a user has rated.

use store::UserId;

use super::{Answer, Route, json, look_up};
use crate::answers::Features;
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;

pub(super) fn answer(app: &App, query: &str, client: Option<&Preferences>) -> Answer {
    let user = parse(query)?;
    look_up(app, client, &(Route::Features.number(), user), |view| {
        let mut history = if view.denied.deletes(user) {
            None
        } else {
            view.tables().history(user).map_err(Problem::failed_lookup)?
        }
        .unwrap_or_default();
        if view.denied.movies().len() > 0 {
            history.movies.retain(|&movie| !view.denied.hides(movie));
        }
        json(&Features::of(&history.movies))
    })
}

fn parse(query: &str) -> Result<UserId, Problem> {
    const USER: &str = "give a whole number from 0 to 4294967295, as in user_id=18";

    let mut given = Parameters::of(query);
    let user = given.number("user_id", 0..=u32::MAX, USER);
    if user.is_none() {
        given.missing("user_id", USER);
    }
    given.finish("user_id")?;
    Ok(UserId(user.unwrap_or_default()))
}
