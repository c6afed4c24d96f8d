//! `GET /recommendations`: the stored list of one user, or of several.
//!
//! One user is looked up on the worker; several are a computation, because their answer may have thousands of movies.

use std::sync::Arc;

use store::records::TopNView;
use store::{MovieId, UserId};
use warp::http::HeaderValue;
use warp::http::header::HeaderName;

use super::compute::{Computation, compute};
use crate::answers::{UserList, UserLists};
use crate::app::App;
use crate::caching::Preferences;
use crate::list_query::{Filter, ScoredMovie, Selection};
use crate::parameters::Arguments;
use crate::problem::Problem;
use crate::response::{Answer, json};
use crate::route::Route;
use crate::view::{Snapshot, View};

/// The origin of a list: `personal`, `popular` for a user who is not in the data, or `fold-in`.
pub(super) const X_RECOMMENDATION_SOURCE: HeaderName = HeaderName::from_static("x-recommendation-source");

/// The maximum number of movies in an answer for several users: half a megabyte with titles.
const MAX_MOVIES: u64 = 5000;

/// A user's list and its origin.
struct Found {
    source: &'static str,
    selection: Selection,
}

pub(super) async fn answer(app: &Arc<App>, arguments: Arguments, client: Option<&Preferences>) -> Answer {
    if arguments.users.len() == 1 {
        return look_up(app, &arguments, client);
    }
    let work = move |computation: &Computation<'_>| look_up(computation.app, &arguments, computation.client);
    Box::pin(compute(app, client, work)).await
}

fn look_up(app: &App, arguments: &Arguments, client: Option<&Preferences>) -> Answer {
    let snapshot = Snapshot::take(app);
    let view = View::open(&snapshot)?;
    let tag = view.entity_tag(&(Route::Recommendations, arguments));
    if let Some(answer) = view.settled(&arguments.users, &tag, client) {
        return answer;
    }
    view.finish(list(&view, arguments), tag, client)
}

fn list<'a>(view: &View<'a>, arguments: &'a Arguments) -> Answer {
    arguments.list.check_depth(view.generation.depth())?;
    let filter = view.filter(&arguments.list)?;
    match arguments.users.as_slice() {
        &[user] => one(view, &filter, user, arguments),
        users => several(view, &filter, users, arguments),
    }
}

/// `{"items":[...]}`, with the origin of the list in a header.
fn one(view: &View<'_>, filter: &Filter<'_>, user: UserId, arguments: &Arguments) -> Answer {
    let Some(Found { source, selection }) = find(view, filter, user, arguments.fallback)? else {
        return Err(Problem::unknown("user", user));
    };
    let mut response = view.list(&selection, &arguments.list)?;
    response.headers_mut().insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
    Ok(response)
}

/// `{"users":[{"user_id":1,"source":"personal","truncated":false,"items":[...]}]}`, in the order of the request.
fn several(view: &View<'_>, filter: &Filter<'_>, users: &[UserId], arguments: &Arguments) -> Answer {
    let (n_users, n) = (users.len() as u64, u64::from(arguments.list.n));
    if n_users * n > MAX_MOVIES {
        let detail =
            format!("names {n_users} users with n={n}; ask for at most {MAX_MOVIES} movies in total");
        return Err(Problem::bad_parameter("user_id", detail));
    }
    let nothing = || Found { source: "none", selection: Selection::default() };
    let find = |&user| Ok(find(view, filter, user, arguments.fallback)?.unwrap_or_else(nothing));
    let found: Vec<Found> = users.iter().map(find).collect::<Result<_, Problem>>()?;
    let lists = users.iter().zip(&found).map(|(&user_id, Found { source, selection })| UserList {
        user_id,
        source,
        truncated: selection.is_truncated,
        items: view.items(selection, &arguments.list),
    });
    json(&UserLists { users: lists.collect() })
}

/// The selected part of a user's list. A user who is not in the data has the popular list with `fallback`, else `None`.
fn find(
    view: &View<'_>,
    filter: &Filter<'_>,
    user: UserId,
    fallback: bool,
) -> Result<Option<Found>, Problem> {
    let select =
        |list: TopNView<'_>| filter.select(list.entries().map(scored), is_complete(view, list.len()));
    if let Some(selection) = view.view_top_n(user, select)? {
        return Ok(Some(Found { source: "personal", selection }));
    }
    let popular = || Found { source: "popular", selection: popular(view, filter, |_| true) };
    Ok(fallback.then(popular))
}

/// The selected part of the popular list, without the movies for which `is_new` is false.
pub(super) fn popular(view: &View<'_>, filter: &Filter<'_>, is_new: impl Fn(MovieId) -> bool) -> Selection {
    let list = view.generation.tables().fallback();
    let figures = list.scores.iter().zip(&list.stars);
    let movies = list.movies.iter().zip(figures).filter(|&(&movie, _)| is_new(movie));
    let movies = movies.map(|(&movie, (&score, &stars))| scored((movie, score, stars)));
    filter.select(movies, is_complete(view, list.movies.len()))
}

/// Whether a stored list of `n` movies has all candidates: it is then shorter than the depth.
fn is_complete(view: &View<'_>, n: usize) -> bool {
    (n as u64) < view.generation.depth()
}

fn scored((movie, score, stars): (MovieId, f32, f32)) -> ScoredMovie {
    ScoredMovie { movie, score, rating: Some(stars) }
}
