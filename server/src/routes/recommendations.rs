//! `GET /recommendations`: the stored list of a user, or of some.

use std::hash::{Hash, Hasher};

use store::records::TopNView;
use store::{MovieId, UserId};
use warp::http::HeaderValue;

use super::{Answer, View, X_RECOMMENDATION_SOURCE, X_TRUNCATED, json, look_up};
use crate::answers::{Items, OfUser, OfUsers, Recommendations, Shown};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::selection::{self, Entry, Filter, Selected, Wanted};

/// The most users of one request.
const MOST_USERS: usize = 100;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Query {
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
        let filter = query.wanted.filter(view.edition, view.denied)?;
        match query.users.as_slice() {
            &[user] => one(view, &filter, UserId(user), &query),
            users => many(view, &filter, users, &query),
        }
    })
}

/// `{"items":[...]}`, as clients know it. Where the list comes from is said by headers.
fn one(view: &View<'_>, filter: &Filter<'_>, user: UserId, query: &Query) -> Answer {
    let Some(Found { source, selected }) = find(view, filter, user, query.fallback)? else {
        return Err(Problem::unknown("user", user));
    };
    let items = Items { entries: &selected.entries, shown: query.shown(view) };
    let mut response = json(&Recommendations { items })?;
    let headers = response.headers_mut();
    headers.insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
    if selected.truncated {
        headers.insert(X_TRUNCATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `{"users":[{"user_id":1,"source":"personal","truncated":false,"items":[...]}]}`, in the order asked for.
fn many(view: &View<'_>, filter: &Filter<'_>, users: &[u32], query: &Query) -> Answer {
    let found: Vec<_> = users
        .iter()
        .map(|&user| {
            let nothing = Found { source: "none", selected: Selected::default() };
            let found = find(view, filter, UserId(user), query.fallback)?.unwrap_or(nothing);
            Ok((UserId(user), found))
        })
        .collect::<Result<_, Problem>>()?;
    let of_user = |(user_id, found): &'_ (UserId, Found)| OfUser {
        user_id: *user_id,
        source: found.source,
        truncated: found.selected.truncated,
        // The lifetimes of a closure's argument and result are not tied by themselves.
        items: Items { entries: &[], shown: query.shown(view) },
    };
    let mut users: Vec<OfUser<'_>> = found.iter().map(of_user).collect();
    for (user, (_, found)) in users.iter_mut().zip(&found) {
        user.items.entries = &found.selected.entries;
    }
    json(&OfUsers { users })
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
    if !view.denied.deletes(user) {
        let select = |list: TopNView<'_>| filter.select(list.entries().map(entry), is_complete(list.len()));
        let personal = view.tables().view_top_n(user, select).map_err(Problem::failed_lookup)?;
        if let Some(selected) = personal {
            return Ok(Some(Found { source: "personal", selected }));
        }
    }
    let popular = || Found {
        source: "popular",
        selected: filter.select(popular(view), is_complete(view.tables().fallback().movies.len())),
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
    fn parse(query: &str) -> Result<Self, Problem> {
        const USER: &str = "give a whole number from 0 to 4294967295, as in user_id=18";
        const FALLBACK: &str = "give popular or none";

        let mut given = Parameters::of(query);
        let users = given.numbers("user_id", MOST_USERS, USER).unwrap_or_default();
        if users.is_empty() {
            given.missing("user_id", USER);
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

    fn shown<'a>(&self, view: &View<'a>) -> Shown<'a> {
        let Wanted { metadata, scores, .. } = self.wanted;
        Shown { metadata: metadata.then_some(&view.edition.catalogue), scores }
    }
}

/// For the fuzz targets.
#[cfg(fuzzing)]
pub(super) fn read(query: &str) {
    let _ = Query::parse(query);
}
