//! Checks of lists and of the deny list, for the gate before a generation is published and for `pipeline verify` after.

mod lists;
mod denied;

pub use denied::{Denial, Remnant};
pub(crate) use lists::best_first;
pub use lists::{Fault, check_list};
