//! `GET /users`: a sample of the users, for a person who wants to see some lists.

use std::sync::Arc;

use store::UserId;

use super::compute::{Computation, compute};
use crate::answers::Users;
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Arguments;
use crate::problem::Problem;
use crate::response::{Answer, json};
use crate::route::Route;
use crate::view::{Snapshot, View};

/// The maximum number of lookups in one request: many deleted users may follow each other.
const MAX_LOOKUPS: u32 = 1000;

pub(super) async fn answer(app: &Arc<App>, arguments: Arguments, client: Option<&Preferences>) -> Answer {
    compute(app, client, move |computation| look_up(computation, &arguments)).await
}

fn look_up(computation: &Computation<'_>, arguments: &Arguments) -> Answer {
    let snapshot = Snapshot::take(computation.app);
    let view = View::open(&snapshot)?;
    // Servers with other shards have other users.
    let tag = view.entity_tag(&(Route::Users, arguments, view.owned_shards()));
    if let Some(answer) = view.settled(&[], &tag, computation.client) {
        return answer;
    }
    let users = sample(&view, arguments.list.n);
    view.finish(users.and_then(|users| json(&Users { users })), tag, computation.client)
}

/// Up to `n` users, ascending, whose ids are spread evenly: one lookup for each, however many users there are.
fn sample(view: &View<'_>, n: u32) -> Result<Vec<UserId>, Problem> {
    let (mut users, mut lookups): (Vec<UserId>, _) = (Vec::new(), MAX_LOOKUPS);
    let Some(last) = view.last_user()? else { return Ok(users) };
    let Some(first) = view.user_from(UserId::new(0), &mut lookups)? else { return Ok(users) };
    for part in 0..n {
        let step = u64::from(last.get().saturating_sub(first.get())) * u64::from(part) / u64::from(n);
        // A point between two ids is an id.
        let even = first.get().saturating_add(u32::try_from(step).unwrap_or(u32::MAX));
        let next = users.last().map_or(Some(0), |user| user.get().checked_add(1));
        let Some(next) = next else { break };
        let Some(user) = view.user_from(UserId::new(even.max(next)), &mut lookups)? else { break };
        users.push(user);
    }
    Ok(users)
}
