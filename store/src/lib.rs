//! The contract between the batch that writes and the servers that read.
//!
//! A run writes one complete, immutable *generation*: a sled directory of records and a
//! [`Manifest`](manifest::Manifest) that is written last. [`publish`](layout::publish) then points
//! `CURRENT` at it. A reader copies the generation that `CURRENT` names, checks every byte against the
//! manifest and only then opens the copy, so that it never shares a sled directory with anyone and never
//! sees half of a night.
//!
//! sled and MessagePack are known here and nowhere else. What the records mean is the pipeline's matter;
//! how they look as JSON is the server's.

pub mod ids;
pub mod records;
pub mod manifest;
pub mod layout;
pub mod writer;
pub mod working_copy;
pub mod reader;
pub mod error;

pub use error::{Error, Result};
pub use ids::{GenerationId, MovieId, UserId};
