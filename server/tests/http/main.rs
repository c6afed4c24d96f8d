//! The server as its clients see it, over real sockets.
//!
//! - [`lookups`]: what the routes answer
//! - [`rejections`]: what they refuse, and how
//! - [`reloading`]: generations that appear, change and are damaged while requests run
//! - [`restarting`]: servers on the work directory of one that has ended
//! - [`process`]: the program: its help, its exit codes, its end
//!
//! [`editions`] publishes the small generations that are served here, [`harness`] runs the server.

// A test may insist; clippy.toml allows it in test functions, not in the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod editions;
mod harness;
mod lookups;
mod process;
mod rejections;
mod reloading;
mod restarting;
