//! The server as its clients see it, over real sockets.
//!
//! - [`lookups`]: what the routes answer
//! - [`rejections`]: what they refuse, and how
//! - [`folding`]: what ratings that the batch has not seen lead to, and why a movie is recommended
//! - [`describing`]: what the server says of itself, and that it is true
//! - [`page`]: the page for people, and what it asks
//! - [`denying`]: what is hidden at once
//! - [`hostile`]: clients that are slow, many, or mean harm
//! - [`reloading`]: generations that appear, change and are damaged while requests run
//! - [`shards`]: servers that own some of the users
//! - [`restarting`]: servers on the work directory of one that has ended
//! - [`process`]: the program: its help, its exit codes, its end
//! - [`hanging`]: files that cannot be read at once
//! - [`starting`]: the program's addresses, hints and warnings at its start
//! - [`targets`]: request targets that are not paths
//!
//! [`editions`] publishes the small generations that are served here, [`harness`] runs the server.

// A test may insist; clippy.toml allows it in test functions, not in the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod denying;
mod describing;
mod editions;
mod folding;
mod hanging;
mod harness;
mod hostile;
mod lookups;
mod page;
mod process;
mod rejections;
mod reloading;
mod restarting;
mod shards;
mod starting;
mod targets;
