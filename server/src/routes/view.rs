//! The one way from a request to what is stored: through what is open and hidden now.

use std::hash::Hash;

use store::records::{Factors, History, Similar, TopNView, UserTerms};
use store::shards::shard_of;
use store::{MovieId, Tables, UserId};
use warp::http::header::{CACHE_CONTROL, ETAG, HeaderName, HeaderValue, VARY};
use warp::http::{Response, StatusCode};

use super::{Answer, json};
use crate::answers::{Items, Recommendations, Shown};
use crate::app::App;
use crate::caching::{self, Preferences};
use crate::catalogue::Movie;
use crate::denied::Version;
use crate::edition::Edition;
use crate::problem::Problem;
use crate::selection::{Filter, Selected, Wanted};

/// The generation that an answer comes from.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
/// There may be more movies than the stored list reaches.
const X_TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

/// What an answer is made from: one generation and one reading of the deny list, the same to the end. A deleted
/// user and a hidden movie are not found through it; hidden movies among others are for who shows these to leave out.
pub(super) struct View<'a> {
    pub(super) edition: &'a Edition,
    pub(super) denied: &'a Version,
}

impl<'a> View<'a> {
    /// Lets somebody look at a user's list.
    pub(super) fn view_top_n<T>(
        &self,
        user: UserId,
        look: impl FnOnce(TopNView<'_>) -> T,
    ) -> Result<Option<T>, Problem> {
        self.of_user(user, |tables| tables.view_top_n(user, look))
    }

    /// What a user has rated, hidden movies among it.
    pub(super) fn history(&self, user: UserId) -> Result<Option<History>, Problem> {
        self.of_user(user, |tables| tables.history(user))
    }

    /// The known user with the least id from one on, as far as that is found in so many looks.
    pub(super) fn user_from(&self, mut from: UserId, looks: &mut u32) -> Result<Option<UserId>, Problem> {
        while *looks > 0 {
            *looks -= 1;
            match self.get(|tables| tables.user_from(from))? {
                Some(user) if self.denied.list.deletes(user) => match user.get().checked_add(1) {
                    Some(next) => from = UserId::new(next),
                    None => return Ok(None),
                },
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    /// The user with the greatest id, deleted or not.
    pub(super) fn last_user(&self) -> Result<Option<UserId>, Problem> {
        self.get(Tables::last_user)
    }

    /// What is known of a movie.
    pub(super) fn movie(&self, movie: MovieId) -> Option<&'a Movie> {
        if self.hides(movie) { None } else { self.edition.catalogue.movie(movie) }
    }

    /// A candidate's factors.
    pub(super) fn item_factors(&self, movie: MovieId) -> Result<Option<Factors>, Problem> {
        self.of_movie(movie, |tables| tables.item_factors(movie))
    }

    /// The candidates most like one, hidden ones among them.
    pub(super) fn similar(&self, movie: MovieId) -> Result<Option<Similar>, Problem> {
        self.of_movie(movie, |tables| tables.similar(movie))
    }

    fn of_user<T>(
        &self,
        user: UserId,
        get: impl FnOnce(&Tables) -> store::Result<Option<T>>,
    ) -> Result<Option<T>, Problem> {
        if self.denied.list.deletes(user) {
            return Ok(None);
        }
        self.get(get)
    }

    /// Whether this server may answer for such users: none of them is in a shard that another owns. Of a deleted user
    /// nobody says where.
    fn check_owned(&self, users: &[u32]) -> Result<(), Problem> {
        let tables = self.edition.tables();
        let Some(n_shards) = tables.n_shards() else { return Ok(()) };
        let is_elsewhere = |&user: &UserId| !tables.owns(user) && !self.denied.list.deletes(user);
        match users.iter().copied().map(UserId::new).find(is_elsewhere) {
            None => Ok(()),
            Some(user) => Err(Problem::misdirected(user, shard_of(user, n_shards), users.len() == 1)),
        }
    }

    fn of_movie<T>(
        &self,
        movie: MovieId,
        get: impl FnOnce(&Tables) -> store::Result<Option<T>>,
    ) -> Result<Option<T>, Problem> {
        if self.hides(movie) { Ok(None) } else { self.get(get) }
    }

    fn get<T>(&self, get: impl FnOnce(&Tables) -> store::Result<T>) -> Result<T, Problem> {
        get(self.edition.tables()).map_err(Problem::failed_lookup)
    }

    pub(super) fn hides(&self, movie: MovieId) -> bool {
        self.denied.list.hides(movie)
    }

    /// What factors of users are solved from.
    pub(super) fn user_terms(&self) -> Result<&'a UserTerms, Problem> {
        self.edition.tables().user_terms().ok_or_else(Problem::nothing_to_fold_into)
    }

    /// What may be in a list.
    pub(super) fn filter(&self, wanted: &'a Wanted) -> Result<Filter<'a>, Problem> {
        wanted.filter(&self.edition.catalogue, &self.denied.list)
    }

    /// The wanted part of a list, as it is to be shown.
    pub(super) fn items<'e>(&self, selected: &'e Selected, wanted: &Wanted) -> Items<'e>
    where
        'a: 'e,
    {
        let metadata = wanted.metadata.then_some(&self.edition.catalogue);
        Items { entries: &selected.entries, shown: Shown { metadata, scores: wanted.scores } }
    }

    /// `{"items":[...]}`; whether there may be more is said by a header.
    pub(super) fn list(&self, selected: &Selected, wanted: &Wanted) -> Answer {
        let mut response = json(&Recommendations { items: self.items(selected, wanted) })?;
        say_truncated(&mut response, selected);
        Ok(response)
    }
}

/// Says by a header whether there may be more movies than the stored list reaches.
pub(super) fn say_truncated(response: &mut Response<Vec<u8>>, selected: &Selected) {
    if selected.truncated {
        response.headers_mut().insert(X_TRUNCATED, HeaderValue::from_static("true"));
    }
}

/// Answers from what is open and hidden now, and names the generation.
pub(super) fn view(app: &App, answer: impl FnOnce(&View<'_>) -> Answer) -> Answer {
    let (current, denied) = (app.current.load(), app.denied.load());
    let Some(edition) = current.as_deref() else { return Err(Problem::nothing_to_serve()) };
    let mut response = answer(&View { edition, denied: &denied }).unwrap_or_else(Problem::into_response);
    response.headers_mut().insert(X_GENERATION, edition.name.clone());
    Ok(response)
}

pub(super) fn not_modified() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    // The answer itself might have been compressed.
    response.headers_mut().insert(VARY, caching::BY_ENCODING);
    response
}

/// Answers from what is open and hidden now, unless the client has that answer already. `users` are those whose records
/// are asked for, `wanted` is all that the answer depends on beside these.
pub(super) fn look_up(
    app: &App,
    client: Option<&Preferences>,
    users: &[u32],
    wanted: &impl Hash,
    answer: impl FnOnce(&View<'_>) -> Answer,
) -> Answer {
    view(app, |view| {
        // First of all: every server has the same tag for the same answer.
        view.check_owned(users)?;
        let tag = caching::entity_tag(&(view.edition.digest, view.denied.digest, wanted));
        let mut response = if client.is_some_and(|client| client.knows(&tag)) {
            not_modified()
        } else {
            // An asterisk stands for any answer, but there must be one.
            let response = answer(view)?;
            if client.is_some_and(Preferences::knows_all) { not_modified() } else { response }
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
        headers.insert(CACHE_CONTROL, app.cache_control.clone());
        Ok(response)
    })
}
