//! The lengths at which lists are measured.

use serde::Serialize;

use crate::error::{Error, Result};

/// The lengths k at which lists are measured: distinct, ascending, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cutoffs(Vec<usize>);

impl Cutoffs {
    /// Sorts lengths, which may come in any order, and drops duplicates.
    ///
    /// # Errors
    /// [`Error::Setting`] for a length of zero.
    pub fn new(lengths: &[usize]) -> Result<Self> {
        if lengths.contains(&0) {
            return Err(Error::setting(
                "--k",
                0,
                "an empty list cannot be measured; state lengths of 1 or more",
            ));
        }
        let mut lengths = lengths.to_vec();
        lengths.sort_unstable();
        lengths.dedup();
        Ok(Self(lengths))
    }

    /// Checks that no length exceeds the number of candidates.
    ///
    /// # Errors
    /// [`Error::Setting`] with the longest length.
    pub fn check(&self, n_items: usize) -> Result<()> {
        if self.depth() <= n_items {
            return Ok(());
        }
        Err(Error::setting("--k", self.depth(), format!("there are only {n_items} movies to recommend")))
    }

    /// The lengths up to `longest`.
    #[must_use]
    pub fn up_to(mut self, longest: usize) -> Self {
        self.0.retain(|&k| k <= longest);
        self
    }

    /// The lengths, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    /// The longest length; 0 without any.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.last().copied().unwrap_or(0)
    }
}

impl Default for Cutoffs {
    fn default() -> Self {
        Self(vec![10, 20, 100])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_put_in_order_and_none_may_be_zero_or_exceed_the_catalogue() {
        let cutoffs = Cutoffs::new(&[20, 5, 20, 10]).unwrap();
        assert_eq!(cutoffs.iter().collect::<Vec<_>>(), [5, 10, 20]);
        assert!(cutoffs.check(20).is_ok());
        assert!(cutoffs.check(19).unwrap_err().to_string().contains("--k cannot be 20"));
        assert_eq!(cutoffs.up_to(10).depth(), 10);
        assert!(Cutoffs::new(&[10, 0]).is_err());
    }
}
