//! The rule by which a held-out rating is relevant: a list should contain its movie.

use std::fmt;
use std::str::FromStr;

use interactions::{Csr, Scale};
use limits::Refused;
use serde::{Serialize, Serializer};

/// The choice of the relevant held-out ratings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum RelevanceRule {
    /// The ratings in the upper quarter of the scale. Where fewer than one rating in twenty is that high, the ratings from
    /// the median on; so all are relevant if all are equal.
    #[default]
    Auto,
    /// A stated bound.
    Stated(Relevance),
}

/// The relevant ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Relevance {
    /// Ratings of this many stars or more.
    AtLeast(f32),
    /// All ratings.
    Any,
}

/// The smallest share of ratings in the upper quarter of a scale that is in use.
const USED_SHARE: f64 = 0.05;

impl RelevanceRule {
    /// Checks that a rating on the scale can be relevant.
    ///
    /// # Errors
    /// [`Refused`] for a bound above the scale.
    pub fn check(self, scale: Scale) -> Result<(), Refused> {
        match self {
            Self::Stated(Relevance::AtLeast(least)) if least > scale.max => {
                let refused = Refused::new("--relevant-at", least, "no rating is that high");
                Err(refused.against("--max-rating", scale.max))
            }
            _ => Ok(()),
        }
    }

    /// Returns the relevant ratings of a matrix with values on a scale. Cost: a pass over the ratings, and a selection
    /// where the upper quarter of the scale is not used.
    #[must_use]
    pub fn of(self, scale: Scale, by_user: &Csr) -> Relevance {
        let bound = match self {
            Self::Stated(relevance) => return relevance,
            Self::Auto => upper_quarter(scale),
        };
        let mut stars: Vec<f32> = by_user.cells().map(|cell| cell.2).collect();
        let n_above = stars.iter().filter(|&&stars| stars >= bound).count();
        if stars.is_empty() || n_above as f64 >= USED_SHARE * stars.len() as f64 {
            return Relevance::AtLeast(bound);
        }
        let middle = stars.len() / 2;
        let (_, &mut median, _) = stars.select_nth_unstable_by(middle, f32::total_cmp);
        Relevance::AtLeast(median)
    }
}

/// Returns the lower end of the upper quarter of a scale, rounded up to a twentieth of the next power of ten above the
/// length of the scale: 4 of 0.5 to 5 and of 1 to 5, 8 of 1 to 10, 75 of 0 to 100, 0.75 of 0 to 1, 0.5 of -1 to 1.
fn upper_quarter(scale: Scale) -> f32 {
    let (min, max) = (f64::from(scale.min), f64::from(scale.max));
    let length = max - min;
    // A whole number may come out a little larger, as the ends are f32 and 0.05 is no binary fraction.
    let ceil = |x: f64| (x - 1e-6).ceil();
    let step = 10f64.powf(ceil(length.log10())) / 20.0;
    let n_steps = ceil((min + 0.75 * length) / step);
    (n_steps * step).min(max) as f32
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

    /// The lowest relevant rating; `None` if all are relevant.
    #[must_use]
    pub fn least(self) -> Option<f32> {
        match self {
            Self::AtLeast(least) => Some(least),
            Self::Any => None,
        }
    }
}

impl FromStr for RelevanceRule {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.parse::<f32>() {
            Ok(least) if least.is_finite() => Ok(Self::Stated(Relevance::AtLeast(least))),
            _ if word == "any" => Ok(Self::Stated(Relevance::Any)),
            _ if word == "auto" => Ok(Self::Auto),
            _ => Err("it is a number of stars, `any` for every held-out rating, or `auto`".to_owned()),
        }
    }
}

impl fmt::Display for RelevanceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Stated(relevance) => relevance.fmt(f),
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

impl Serialize for RelevanceRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Stated(relevance) => relevance.serialize(serializer),
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

    fn auto(min: f32, max: f32, stars: &[f32]) -> f32 {
        let columns = (0..).take(stars.len()).collect();
        let matrix = Csr::from_sorted(1, stars.iter().map(|_| 0), columns, stars.to_vec());
        RelevanceRule::Auto.of(Scale { min, max }, &matrix).least().unwrap()
    }

    #[test]
    fn the_bound_follows_the_scale() {
        for (min, max, expected) in [
            (0.5, 5.0, 4.0),
            (1.0, 5.0, 4.0),
            (0.0, 5.0, 4.0),
            (1.0, 10.0, 8.0),
            (0.0, 10.0, 7.5),
            (0.0, 100.0, 75.0),
            (1.0, 100.0, 80.0),
            (0.0, 1.0, 0.75),
            (-1.0, 1.0, 0.5),
            (-10.0, 10.0, 5.0),
            (0.0, 1e30, 7.5e29),
            (0.0, 1e-6, 7.5e-7),
        ] {
            let found = auto(min, max, &[min, max]);
            assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{min} to {max}: {found}");
            assert!(found > min && found <= max);
        }
    }

    #[test]
    fn where_the_upper_quarter_is_not_used_the_median_decides() {
        // Events, all alike: everything is relevant.
        assert_eq!(auto(0.5, 5.0, &[1.0; 30]), 1.0);
        assert_eq!(auto(0.0, 100.0, &[1.0; 30]), 1.0);
        assert_eq!(auto(0.5, 5.0, &[5.0; 30]), 4.0, "the bound accepts all");
        // Likes and dislikes, and shares of a film that was watched.
        assert_eq!(auto(-1.0, 1.0, &[-1.0, 1.0, 1.0]), 0.5);
        assert_eq!(auto(0.0, 1.0, &[0.0, 0.0, 0.0, 1.0]), 0.75);
        // Stars of 1 to 5 on a stated scale of 0 to 100.
        let stars: Vec<f32> = (0..100).map(|n| (1 + n % 5) as f32).collect();
        assert_eq!(auto(0.0, 100.0, &stars), 3.0);
        // One rating in twenty reaches the upper quarter, and one in twenty-one.
        assert_eq!(auto(0.5, 5.0, &[&[2.0; 19][..], &[5.0]].concat()), 4.0);
        assert_eq!(auto(0.5, 5.0, &[&[2.0; 20][..], &[5.0]].concat()), 2.0);
        assert_eq!(auto(0.5, 5.0, &[]), 4.0);
    }

    #[test]
    fn a_rule_is_a_number_of_stars_or_any_or_auto_and_reads_what_it_writes() {
        let matrix = Csr::default();
        let parse = |word: &str| word.parse::<RelevanceRule>();
        let at = |word: &str| parse(word).unwrap().of(Scale::default(), &matrix);
        assert!(at("3.5").accepts(3.5) && !at("3.5").accepts(3.0));
        assert!(at("any").accepts(0.5));
        assert_eq!(at("auto"), Relevance::AtLeast(4.0));
        for word in ["3.5", "any", "auto", "-0.5"] {
            assert_eq!(parse(word).unwrap().to_string(), word);
        }
        for word in ["", "all", "NaN", "inf", "4 stars"] {
            assert!(parse(word).is_err(), "{word}");
        }
    }
}
