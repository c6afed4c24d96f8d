//! The values of a request's parameters.

use store::{MovieId, UserId};

use crate::list_query::ListQuery;

/// The values of the parameters of a request. Those that the route does not take are empty. Equal requests in different
/// spellings have equal arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Arguments {
    /// The users whose lists are requested, in the order of the answer.
    pub(crate) users: Vec<UserId>,
    /// The user whose history is requested.
    pub(crate) user: UserId,
    /// The movie to explain.
    pub(crate) movie: MovieId,
    /// The text to search for.
    pub(crate) title: String,
    /// Whether a user who is not in the data gets the popular movies.
    pub(crate) fallback: bool,
    /// The requested part of a list. Routes that answer with something else use its `n` and `metadata`.
    pub(crate) list: ListQuery,
}

impl Default for Arguments {
    fn default() -> Self {
        let (users, user, movie, title) = (Vec::new(), UserId::new(0), MovieId::new(0), String::new());
        Self { users, user, movie, title, fallback: false, list: ListQuery::default() }
    }
}
