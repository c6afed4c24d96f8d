//! `GET /users`: some of the known users, for somebody who wants to see what lists look like.

use std::sync::Arc;

use store::UserId;

use super::{Answer, Route, View, compute, json, look_up};
use crate::answers::Users;
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// How many users where the request does not say.
const USUAL_N: u32 = 12;
/// The most users of one answer.
const MOST: u32 = 50;
/// Looks for users in one request: there may be many deleted ones in a row.
const MOST_LOOKS: u32 = 1000;

pub(super) async fn answer(app: &Arc<App>, query: &str, client: Option<&Preferences>) -> Answer {
    let n = parse(query)?;
    compute(app, client, move |app, client| {
        // Of a generation that is cut others answer with others.
        let wanted = (Route::Users.number(), n, app.settings.shards.to_string());
        look_up(app, client, &[], &wanted, |view| json(&Users { users: spread(view, n)? }))
    })
    .await
}

pub(super) fn parse(query: &str) -> Result<u32, Problem> {
    const N: &str = "give a whole number from 1 to 50, as in n=12";

    let mut given = Parameters::of(query);
    let n = given.number("n", 1..=MOST, N).unwrap_or(USUAL_N);
    given.finish("n")?;
    Ok(n)
}

/// Up to `n` users, ascending, about as far from each other as ids go: a look for each, however many users there are.
fn spread(view: &View<'_>, n: u32) -> Result<Vec<UserId>, Problem> {
    let (mut users, mut looks): (Vec<UserId>, _) = (Vec::new(), MOST_LOOKS);
    let Some(last) = view.last_user()? else { return Ok(users) };
    let Some(first) = view.user_from(UserId::new(0), &mut looks)? else { return Ok(users) };
    for part in 0..n {
        let step = u64::from(last.get().saturating_sub(first.get())) * u64::from(part) / u64::from(n);
        // A part of what lies between two ids is an id.
        let even = first.get().saturating_add(u32::try_from(step).unwrap_or(u32::MAX));
        let beyond = users.last().map_or(Some(0), |user| user.get().checked_add(1));
        let Some(beyond) = beyond else { break };
        let Some(user) = view.user_from(UserId::new(even.max(beyond)), &mut looks)? else { break };
        users.push(user);
    }
    Ok(users)
}
