//! The data that one request is answered from: one generation and one version of the deny list.
//!
//! A route takes a [`Snapshot`], opens a [`View`] of it and asks the view for records. Deleted users and hidden movies are
//! not found. The view also handles what all lookups have in common: the ownership of shards, the entity tag with the
//! answer 304, and the header that names the generation. A route uses it as follows:
//!
//! ```text
//! let snapshot = Snapshot::take(app);
//! let view = View::open(&snapshot)?;
//! let tag = view.entity_tag(..);
//! if let Some(answer) = view.settled(users, &tag, client) { return answer }
//! view.finish(answer(&view, ..), tag, client)
//! ```

use std::hash::Hash;
use std::sync::Arc;

use arc_swap::Guard;
use store::records::{Factors, History, Similar, TopNView, UserTerms};
use store::shards::shard_of;
use store::{MovieId, Tables, UserId};
use warp::http::Response;
use warp::http::header::{CACHE_CONTROL, ETAG, HeaderName, HeaderValue};

use crate::answers::{ItemFields, Items, Recommendations};
use crate::app::App;
use crate::caching::{self, Preferences};
use crate::catalogue::Movie;
use crate::denied::DenyListVersion;
use crate::list_query::{Filter, ListQuery, Selection};
use crate::problem::Problem;
use crate::response::{Answer, json, not_modified};
use crate::served_generation::ServedGeneration;

/// The id of the generation that an answer comes from.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
/// `true` where there may be further movies that the stored list does not contain.
const X_TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

/// The current generation and deny list, kept alive for one request. It must not be held across an await: the generation
/// would stay open until the slowest client has sent its body.
pub(crate) struct Snapshot<'a> {
    app: &'a App,
    generation: Guard<Option<Arc<ServedGeneration>>>,
    denied: Guard<Arc<DenyListVersion>>,
}

impl<'a> Snapshot<'a> {
    pub(crate) fn take(app: &'a App) -> Self {
        Self { app, generation: app.current.load(), denied: app.denied.load() }
    }
}

/// An open generation with a deny list.
pub(crate) struct View<'a> {
    pub(crate) generation: &'a ServedGeneration,
    pub(crate) denied: &'a DenyListVersion,
    app: &'a App,
}

impl<'a> View<'a> {
    /// Opens the generation of a snapshot.
    ///
    /// # Errors
    /// 503 where there is none yet.
    pub(crate) fn open(snapshot: &'a Snapshot<'a>) -> Result<Self, Problem> {
        let nothing = || Problem::nothing_to_serve(snapshot.app);
        let generation = snapshot.generation.as_deref().ok_or_else(nothing)?;
        Ok(Self { generation, denied: &snapshot.denied, app: snapshot.app })
    }

    /// The entity tag of the answer to a request, which is hashed as it was understood.
    pub(crate) fn entity_tag(&self, request: &impl Hash) -> HeaderValue {
        caching::entity_tag(&(self.generation.digest, self.denied.digest, request))
    }

    /// Answers a request without a lookup, where that is possible: with 421 if a requested user is in a shard of another
    /// server, or with 304 if the client already has the answer. Ownership goes first, because all servers give the same
    /// answer the same tag.
    pub(crate) fn settled(
        &self,
        users: &[UserId],
        tag: &HeaderValue,
        client: Option<&Preferences>,
    ) -> Option<Answer> {
        if let Err(problem) = self.check_owned(users) {
            return Some(self.named(Err(problem)));
        }
        let is_known = client.is_some_and(|client| client.knows(tag));
        is_known.then(|| self.named(Ok(self.tagged(not_modified(), tag.clone()))))
    }

    /// Completes the answer to a lookup by its headers. An answer becomes 304 for a client that has any (`*`).
    pub(crate) fn finish(&self, answer: Answer, tag: HeaderValue, client: Option<&Preferences>) -> Answer {
        let complete = |response| {
            let has_any = client.is_some_and(Preferences::knows_all);
            self.tagged(if has_any { not_modified() } else { response }, tag)
        };
        self.named(answer.map(complete))
    }

    /// Names the generation in an answer.
    pub(crate) fn named(&self, answer: Answer) -> Answer {
        let name = self.generation.name.clone();
        match answer {
            Ok(mut response) => {
                response.headers_mut().insert(X_GENERATION, name);
                Ok(response)
            }
            Err(problem) => Err(problem.with_header(X_GENERATION, name)),
        }
    }

    fn tagged(&self, mut response: Response<Vec<u8>>, tag: HeaderValue) -> Response<Vec<u8>> {
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
        headers.insert(CACHE_CONTROL, self.app.cache_control.clone());
        response
    }

    /// Checks that no user is in a shard that another server owns. Deleted users pass: no answer says where their records
    /// would be.
    fn check_owned(&self, users: &[UserId]) -> Result<(), Problem> {
        let tables = self.generation.tables();
        let Some(n_shards) = tables.n_shards() else { return Ok(()) };
        let is_of_other_server = |&&user: &&UserId| !tables.owns(user) && !self.denied.list.deletes(user);
        match users.iter().find(is_of_other_server) {
            None => Ok(()),
            Some(&user) => Err(Problem::misdirected(user, shard_of(user, n_shards), users.len() == 1)),
        }
    }

    /// Applies a function to a user's stored list; `None` for a user who is not in the data.
    pub(crate) fn view_top_n<T>(
        &self,
        user: UserId,
        read: impl FnOnce(TopNView<'_>) -> T,
    ) -> Result<Option<T>, Problem> {
        self.of_user(user, |tables| tables.view_top_n(user, read))
    }

    /// The movies that a user has rated, hidden ones included.
    pub(crate) fn history(&self, user: UserId) -> Result<Option<History>, Problem> {
        self.of_user(user, |tables| tables.history(user))
    }

    /// The user with the smallest id from `from` on who is not deleted. Each deleted one takes one of the `lookups`; `None`
    /// where they are used up.
    pub(crate) fn user_from(&self, mut from: UserId, lookups: &mut u32) -> Result<Option<UserId>, Problem> {
        while *lookups > 0 {
            *lookups -= 1;
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
    pub(crate) fn last_user(&self) -> Result<Option<UserId>, Problem> {
        self.get(Tables::last_user)
    }

    /// The title, genres and year of a movie.
    pub(crate) fn movie(&self, movie: MovieId) -> Option<&'a Movie> {
        if self.hides(movie) { None } else { self.generation.catalogue.movie(movie) }
    }

    /// The factors of a candidate.
    pub(crate) fn item_factors(&self, movie: MovieId) -> Result<Option<Factors>, Problem> {
        self.of_movie(movie, |tables| tables.item_factors(movie))
    }

    /// The candidates most similar to a movie, hidden ones included.
    pub(crate) fn similar(&self, movie: MovieId) -> Result<Option<Similar>, Problem> {
        self.of_movie(movie, |tables| tables.similar(movie))
    }

    /// Whether the deny list hides a movie.
    pub(crate) fn hides(&self, movie: MovieId) -> bool {
        self.denied.list.hides(movie)
    }

    /// The terms of the equations for a user's factors.
    ///
    /// # Errors
    /// 501 where the lists are ordered by another model.
    pub(crate) fn user_terms(&self) -> Result<&'a UserTerms, Problem> {
        self.generation.tables().user_terms().ok_or_else(Problem::cannot_fold_in)
    }

    /// The server's shards, as `/generation` and `/users` depend on them.
    pub(crate) fn owned_shards(&self) -> String {
        self.app.settings.shards.to_string()
    }

    fn of_user<T>(
        &self,
        user: UserId,
        get: impl FnOnce(&Tables) -> store::Result<Option<T>>,
    ) -> Result<Option<T>, Problem> {
        if self.denied.list.deletes(user) { Ok(None) } else { self.get(get) }
    }

    fn of_movie<T>(
        &self,
        movie: MovieId,
        get: impl FnOnce(&Tables) -> store::Result<Option<T>>,
    ) -> Result<Option<T>, Problem> {
        if self.hides(movie) { Ok(None) } else { self.get(get) }
    }

    fn get<T>(&self, get: impl FnOnce(&Tables) -> store::Result<T>) -> Result<T, Problem> {
        get(self.generation.tables()).map_err(Problem::failed_lookup)
    }

    /// The filter of a list query.
    ///
    /// # Errors
    /// 400 for an unknown genre.
    pub(crate) fn filter(&self, query: &'a ListQuery) -> Result<Filter<'a>, Problem> {
        query.filter(&self.generation.catalogue, &self.denied.list)
    }

    /// The selected movies with the requested fields.
    pub(crate) fn items<'s>(&self, selection: &'s Selection, query: &ListQuery) -> Items<'s>
    where
        'a: 's,
    {
        let metadata = query.metadata.then_some(&self.generation.catalogue);
        Items { movies: &selection.movies, fields: ItemFields { metadata, scores: query.scores } }
    }

    /// `{"items":[...]}`, with a header where the list is truncated.
    pub(crate) fn list(&self, selection: &Selection, query: &ListQuery) -> Answer {
        let mut response = json(&Recommendations { items: self.items(selection, query) })?;
        set_truncated(&mut response, selection);
        Ok(response)
    }
}

/// Sets the header that says whether there may be further movies.
pub(crate) fn set_truncated(response: &mut Response<Vec<u8>>, selection: &Selection) {
    if selection.is_truncated {
        response.headers_mut().insert(X_TRUNCATED, HeaderValue::from_static("true"));
    }
}
