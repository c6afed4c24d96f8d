//! The contract between the batch that writes and the servers that read.
//!
//! A run writes one complete, immutable *generation*: records, and a [`Manifest`](manifest::Manifest) that is written
//! last. A [`Repository`] holds generations in a directory or in an object store; its file `CURRENT` names the published
//! one. A reader copies that generation, checks every byte against the manifest, and opens the copy.
//!
//! A generation has four states: [`DraftGeneration`](draft::DraftGeneration) while it is written,
//! [`SealedGeneration`](draft::SealedGeneration) once its files no longer change,
//! [`LocalGeneration`](reader::LocalGeneration) as a checked copy on this machine, and
//! [`OpenGeneration`](reader::OpenGeneration) for lookups.
//!
//! Only this crate knows sled, MessagePack and the protocol of object stores. It does not know how records are computed,
//! nor their form in HTTP responses.

pub mod ids;
pub mod records;
pub mod manifest;
pub mod sample;
pub mod layout;
pub mod files;
pub mod durable;
pub mod shards;
mod engine;
mod tables;
pub mod draft;
pub mod work_dir;
pub mod local_copy;
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

/// The time for which the batch repeats failed requests to a bucket: long enough for a restart of the store.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);
