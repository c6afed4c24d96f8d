//! `GET /recommendations`: the stored list of a user, or of some.

use std::hash::{Hash, Hasher};

use store::records::TopNView;
use store::{MovieId, UserId};
use warp::http::HeaderValue;

use super::{Answer, View, X_RECOMMENDATION_SOURCE, json, look_up};
use crate::answers::{OfUser, OfUsers};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::{Parameters, USER_ID};
use crate::problem::Problem;
use crate::selection::{self, Entry, Filter, Selected, Wanted};

/// The most users of one request.
const MOST_USERS: usize = 100;

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

pub(super) fn answer(app: &App, query: &str, client: Option<&Preferences>) -> Answer {
    let query = Query::parse(query)?;
    look_up(app, client, &query, |view| {
        query.wanted.within_depth(view.edition.depth())?;
        let filter = view.filter(&query.wanted)?;
        match query.users.as_slice() {
            &[user] => one(view, &filter, UserId(user), &query),
            users => many(view, &filter, users, &query),
        }
    })
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
fn many(view: &View<'_>, filter: &Filter<'_>, users: &[u32], query: &Query) -> Answer {
    let nothing = || Found { source: "none", selected: Selected::default() };
    let find = |&user| Ok(find(view, filter, UserId(user), query.fallback)?.unwrap_or_else(nothing));
    let found: Vec<Found> = users.iter().map(find).collect::<Result<_, Problem>>()?;
    let of_users = users.iter().zip(&found).map(|(&user, Found { source, selected })| OfUser {
        user_id: UserId(user),
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
    // A list is shorter than lists are where there are no more candidates.
    let is_complete = |n: usize| (n as u64) < view.edition.depth();
    let select = |list: TopNView<'_>| filter.select(list.entries().map(entry), is_complete(list.len()));
    if let Some(selected) = view.view_top_n(user, select)? {
        return Ok(Some(Found { source: "personal", selected }));
    }
    let popular = || Found {
        source: "popular",
        selected: filter.select(popular(view), is_complete(view.edition.tables().fallback().movies.len())),
    };
    Ok(fallback.then(popular))
}

/// The list of a user whom nobody knows.
pub(super) fn popular<'a>(view: &View<'a>) -> impl Iterator<Item = Entry> + 'a {
    let list = view.edition.tables().fallback();
    let figures = list.scores.iter().zip(&list.stars);
    list.movies.iter().zip(figures).map(|(&movie, (&score, &stars))| entry((movie, score, stars)))
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
}
