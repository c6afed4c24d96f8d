//! The allowed values of options, and the error of others.
//!
//! [`Limits`] states the range of a number once: a library checks its settings with it, and the command line parses its
//! options with it. [`Refused`] is the error of a value that is out of its range, contradicts another option or does not fit
//! the data. Where a value comes from is known to the crate `settings` alone.

mod number;
mod refused;

pub use number::{Limits, Number};
pub use refused::Refused;
