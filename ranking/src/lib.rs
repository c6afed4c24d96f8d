//! The arithmetic of lists that the batch and the server share, on plain slices.
//!
//! The batch trains all users at once and prunes most scores (`pipeline::model`, `pipeline::scoring`); the server takes
//! one user whom the batch has never seen, or one question why. Both must mean the same by a rating, by a score and by
//! the order of a list: what they mean stands here. Nothing here reads files or knows ids.

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
