//! The contract between the batch that writes and the servers that read.
//!
//! A run writes one complete, immutable *generation*: a sled directory of records and a
//! [`Manifest`](manifest::Manifest) that is written last. A [`Repository`] keeps generations, in a directory or in an
//! object store, and its `CURRENT` says which of them is published. A reader fetches that one, checks every byte
//! against the manifest and only then opens its copy, so that it never shares a sled directory with anyone and never
//! sees half of a night.
//!
//! sled, MessagePack and the object store's protocol are known here and nowhere else. What the records mean is the
//! pipeline's matter; how they look as JSON is the server's.

pub mod ids;
pub mod records;
pub mod manifest;
pub mod layout;
pub mod durable;
pub mod shards;
mod cache;
mod tables;
pub mod writer;
pub mod work_dir;
pub mod working_copy;
mod loading;
mod kept;
pub mod location;
pub mod s3;
pub mod deny;
pub mod repository;
pub mod reader;
pub mod error;

pub use deny::DenyList;
pub use error::{Error, Result};
pub use ids::{GenerationId, MovieId, UserId};
pub use location::Location;
pub use repository::Repository;
pub use tables::Tables;
