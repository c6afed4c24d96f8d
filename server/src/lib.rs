//! The lookup server: what the last published generation says of a user, as JSON over HTTP.
//!
//! It computes nothing. A request becomes at most a few gets in the generation that is open when it
//! arrives; `reload` follows `CURRENT` beside the requests and puts the next generation in its place.
//! warp and HTTP JSON are known here and nowhere else; how records are stored is the store's matter.

pub mod settings;
pub mod listen;
mod serve;
mod app;
mod connections;
mod reload;
mod denied;
mod edition;
mod titles;
mod catalogue;
mod routes;
mod parameters;
mod body;
mod selection;
mod answers;
mod caching;
mod description;
mod problem;
mod metrics;
pub mod healthcheck;
pub mod error;
#[cfg(fuzzing)]
pub use routes::fuzzing;

pub use error::{Error, Result};
pub use listen::{listen, make_room_for, termination};
pub use serve::run;
pub use settings::Settings;
