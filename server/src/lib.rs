//! The lookup server: the records of the published generation as JSON over HTTP.
//!
//! Input: a store with generations, and requests. Output: responses. A lookup is a few gets in the open generation; nothing
//! is trained here, and nothing is written but working copies of generations. `reload` and `denied` follow the store and
//! the deny list beside the requests. warp, hyper and the JSON of the API are known in this crate alone; the format of
//! records is known in `store`.
//!
//! The modules stand in the order in which a request meets them; those that run beside the requests come last.

pub mod settings;
pub mod hosts;
pub mod listen;
mod serve;
mod connections;
mod routes;
mod route;
mod number;
mod parameters;
mod list_query;
mod body;
mod received;
mod view;
mod app;
mod served_generation;
mod catalogue;
mod titles;
mod caseless;
mod answers;
mod description;
mod response;
mod problem;
mod caching;
mod metrics;
mod background;
mod reload;
mod denied;
pub mod healthcheck;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod exchange;

#[cfg(fuzzing)]
pub use routes::parse_body;

pub use error::{Error, Result};
pub use listen::{listen, raise_file_limit, termination};
pub use serve::run;
pub use settings::Settings;
