//! The server as its clients see it, over real sockets.
//!
//! - [`lookups`]: the answers of the routes
//! - [`rejections`]: requests that they refuse, and the answers
//! - [`folding`]: ratings that the batch has not seen, and the reasons of a recommendation
//! - [`describing`]: the description of the API, the metrics and the version
//! - [`page`]: the page for people, and its routes
//! - [`denying`]: hidden movies and deleted users
//! - [`hostile`]: clients that are slow, many, or hostile
//! - [`reloading`]: generations that appear, change and are damaged while requests run
//! - [`shards`]: servers that own some of the users
//! - [`restarting`]: servers on the work directory of one that has ended
//! - [`process`]: the program: its help, its exit codes, its end
//! - [`starting`]: the program's addresses, hints and warnings at its start
//! - [`wire`]: requests as bytes: half-closed connections, and heads that HTTP does not allow
//!
//! [`editions`] publishes the small generations that are served here, [`servers`] runs the server.

// clippy.toml allows these in test functions, not in the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod denying;
mod describing;
mod editions;
mod folding;
mod hostile;
mod lookups;
mod page;
mod process;
mod rejections;
mod reloading;
mod restarting;
mod servers;
mod shards;
mod starting;
mod wire;
