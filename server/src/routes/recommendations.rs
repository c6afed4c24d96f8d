//! `GET /recommendations`: the stored list of a user, or of some.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use store::records::TopNView;
use store::{MovieId, UserId};
use warp::http::HeaderValue;

use super::{Answer, View, X_RECOMMENDATION_SOURCE, compute, json, look_up};
use crate::answers::{OfUser, OfUsers};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::{Parameters, USER_ID};
use crate::problem::Problem;
use crate::selection::{self, Entry, Filter, Selected, Wanted};

/// The most users of one request.
const MOST_USERS: usize = 50;
/// The most movies of an answer for many users: half a megabyte with titles.
const MOST_MOVIES: u64 = 5000;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    users: Vec<u32>,
    /// Whether a user whom nobody knows gets the popular movies.
    fallback: bool,
    wanted: Wanted,
}

/// Number by number, which is quicker for the few that there are than their bytes.
impl Hash for Query {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.users.iter().for_each(|user| user.hash(state));
        self.fallback.hash(state);
        self.wanted.hash(state);
    }
}

/// A user's list and where it comes from.
struct Found {
    source: &'static str,
    selected: Selected,
}

pub(super) async fn answer(app: &Arc<App>, query: &str, client: Option<&Preferences>) -> Answer {
    let query = Query::parse(query)?;
    if let &[user] = query.users.as_slice() {
        return query.look_up(app, client, |view, filter| one(view, filter, UserId::new(user), &query));
    }
    let look_up = move |app: &App, client: Option<&Preferences>| {
        query.look_up(app, client, |view, filter| many(view, filter, &query))
    };
    Box::pin(compute(app, client, look_up)).await
}

/// `{"items":[...]}`, as clients know it. Where the list comes from is said by a header.
fn one(view: &View<'_>, filter: &Filter<'_>, user: UserId, query: &Query) -> Answer {
    let Some(Found { source, selected }) = find(view, filter, user, query.fallback)? else {
        return Err(Problem::unknown("user", user));
    };
    let mut response = view.list(&selected, &query.wanted)?;
    response.headers_mut().insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
    Ok(response)
}

/// `{"users":[{"user_id":1,"source":"personal","truncated":false,"items":[...]}]}`, in the order asked for.
fn many(view: &View<'_>, filter: &Filter<'_>, query: &Query) -> Answer {
    let (users, n_users, n) = (&query.users, query.users.len() as u64, u64::from(query.wanted.n));
    if n_users * n > MOST_MOVIES {
        let detail = format!("names {n_users} users with n={n}; ask for at most {MOST_MOVIES} movies in all");
        return Err(Problem::bad_parameter("user_id", detail));
    }
    let nothing = || Found { source: "none", selected: Selected::default() };
    let find = |&user| Ok(find(view, filter, UserId::new(user), query.fallback)?.unwrap_or_else(nothing));
    let found: Vec<Found> = users.iter().map(find).collect::<Result<_, Problem>>()?;
    let of_users = users.iter().zip(&found).map(|(&user, Found { source, selected })| OfUser {
        user_id: UserId::new(user),
        source,
        truncated: selected.truncated,
        items: view.items(selected, &query.wanted),
    });
    json(&OfUsers { users: of_users.collect() })
}

/// The wanted part of a user's list, or of the popular one; `None` for a user whom nobody knows and who does not want
/// that.
fn find(
    view: &View<'_>,
    filter: &Filter<'_>,
    user: UserId,
    fallback: bool,
) -> Result<Option<Found>, Problem> {
    let select = |list: TopNView<'_>| filter.select(list.entries().map(entry), is_complete(view, list.len()));
    if let Some(selected) = view.view_top_n(user, select)? {
        return Ok(Some(Found { source: "personal", selected }));
    }
    let popular = || Found { source: "popular", selected: popular(view, filter, |_| true) };
    Ok(fallback.then(popular))
}

/// The wanted part of the list of a user whom nobody knows, of the movies that `is_new` to that user.
pub(super) fn popular(view: &View<'_>, filter: &Filter<'_>, is_new: impl Fn(MovieId) -> bool) -> Selected {
    let list = view.edition.tables().fallback();
    let figures = list.scores.iter().zip(&list.stars);
    let movies = list.movies.iter().zip(figures).filter(|&(&movie, _)| is_new(movie));
    let entries = movies.map(|(&movie, (&score, &stars))| entry((movie, score, stars)));
    filter.select(entries, is_complete(view, list.movies.len()))
}

/// Whether a stored list has all candidates: it is shorter than lists are.
fn is_complete(view: &View<'_>, n: usize) -> bool {
    (n as u64) < view.edition.depth()
}

fn entry((movie, score, stars): (MovieId, f32, f32)) -> Entry {
    Entry { movie, score, rating: Some(stars) }
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        const FALLBACK: &str = "give popular or none";

        let mut given = Parameters::of(query);
        let users = given.numbers("user_id", MOST_USERS, USER_ID).unwrap_or_default();
        if users.is_empty() {
            given.missing("user_id", USER_ID);
        }
        let fallback = match given.take("fallback") {
            None => true,
            Some(text) if text == "popular" => true,
            Some(text) if text == "none" => false,
            Some(text) => {
                given.unfit("fallback", &text, FALLBACK);
                true
            }
        };
        let wanted = Wanted::of(&mut given);
        given.finish(format_args!("user_id, fallback, {}", selection::PARAMETERS))?;
        Ok(Self { users, fallback, wanted })
    }

    fn look_up(
        &self,
        app: &App,
        client: Option<&Preferences>,
        answer: impl FnOnce(&View<'_>, &Filter<'_>) -> Answer,
    ) -> Answer {
        look_up(app, client, &self.users, self, |view| {
            self.wanted.within_depth(view.edition.depth())?;
            answer(view, &view.filter(&self.wanted)?)
        })
    }
}
