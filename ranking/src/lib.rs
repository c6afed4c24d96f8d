//! Arithmetic of preferences, scores and lists that the batch and the server share, on plain slices.
//!
//! The batch trains all users together and prunes most scores; the server folds in one user, or explains one score. Both
//! use these definitions of preference, score and order. Items are positions (`u32`), not ids. No I/O.

pub mod activity;
pub mod tile;
pub mod vector;
mod factors;
mod preference;
mod fold_in;
mod scan;

pub use factors::RankingFactors;
pub use fold_in::FoldIn;
pub use preference::Preference;
pub use scan::{Items, Scored};
