//! Pipelines and servers whose object store is shared, killed, cut off or damaged.
//!
//! The store is a process of its own that speaks S3 (moto), the programs are the real ones, and between them runs a
//! road that can hold, cut and lose what is on it.

mod breaking;
mod road;
mod sharing;
mod site;
pub(crate) mod store;
mod wrong;

/// Bytes of requests after which a run is in the middle of sending: it sends some 1.8 MB.
const MIDDLE: u64 = 600_000;
