//! The choices of a caller: the cutoffs of lists, and the rule by which a held-out rating is relevant.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

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

/// The rule by which a held-out rating is relevant: a list should contain its movie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Relevance {
    /// Ratings of this many stars or more.
    AtLeast(f32),
    /// All ratings.
    Any,
}

impl Relevance {
    /// Whether a rating is relevant.
    #[must_use]
    pub fn accepts(self, stars: f32) -> bool {
        match self {
            Self::AtLeast(least) => stars >= least,
            Self::Any => true,
        }
    }
}

impl Default for Relevance {
    fn default() -> Self {
        Self::AtLeast(4.0)
    }
}

impl FromStr for Relevance {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.parse::<f32>() {
            Ok(least) if least.is_finite() => Ok(Self::AtLeast(least)),
            _ if word == "any" => Ok(Self::Any),
            _ => Err("it is a number of stars, or `any` for every held-out rating".to_owned()),
        }
    }
}

impl fmt::Display for Relevance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "{least}"),
            Self::Any => f.write_str("any"),
        }
    }
}

impl Serialize for Relevance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AtLeast(least) => serializer.serialize_f32(*least),
            Self::Any => serializer.serialize_str("any"),
        }
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

    #[test]
    fn relevance_is_a_number_of_stars_or_any() {
        assert!("3.5".parse::<Relevance>().is_ok_and(|at| at.accepts(3.5) && !at.accepts(3.0)));
        assert!("any".parse::<Relevance>().is_ok_and(|at| at.accepts(0.5)));
        for word in ["", "all", "NaN", "inf", "4 stars"] {
            assert!(word.parse::<Relevance>().is_err(), "{word}");
        }
    }
}
