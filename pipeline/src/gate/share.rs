//! A share as two counts, and the check that it is within a bound.

use store::manifest::Check;

use super::{check, percent, skipped};

/// A part of some whole, both counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) of: u64,
}

impl Share {
    pub(super) fn new(part: usize, of: usize) -> Self {
        Self { part: part as u64, of: of as u64 }
    }

    /// Counts one more, which belongs to the part or not.
    pub(super) fn count(&mut self, is_part: bool) {
        self.part += u64::from(is_part);
        self.of += 1;
    }

    /// The share; 0 of nothing.
    pub(super) fn value(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.part as f64 / self.of as f64 }
    }

    /// Checks that the share is at most `most`. `whole` names the whole as a noun, and `what` says of the part what it is or
    /// does; `advice` follows where the share is larger. A part of nothing is not judged.
    pub(super) fn at_most(self, name: &str, most: f64, whole: &str, what: &str, advice: &str) -> Check {
        let Self { part, of } = self;
        if of == 0 {
            return skipped(name, format!("there are no {whole} to look at"));
        }
        let good = self.value() <= most;
        let advice = if good { "" } else { advice };
        let detail = format!(
            "{part} of {of} {whole} {what}: {} (allowed: {}){advice}",
            percent(self.value()),
            percent(most)
        );
        check(name, good, self.value(), None, detail)
    }
}
