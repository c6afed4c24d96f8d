//! Ratings in memory: the table, the indices of its users and items, and the sparse matrix.
//!
//! `reading` fills the table; `models`, `scoring` and `evaluation` work on the matrix. Ids and indices meet in
//! [`Vocabulary`] alone. Nothing here reads files.

mod scale;
mod ratings;
mod vocabulary;
mod csr;
mod interactions;
pub mod popularity;

pub use csr::Csr;
pub use interactions::Interactions;
pub use ratings::{Rating, Ratings};
pub use scale::Scale;
pub use vocabulary::{ItemIndex, Vocabulary};
