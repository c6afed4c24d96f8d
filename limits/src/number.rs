//! The range of a number.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;
use std::str::FromStr;

use crate::Refused;

/// A type of number that an option may have.
pub trait Number: Copy + PartialOrd + fmt::Display + FromStr + Send + Sync + 'static {
    /// The smallest finite value.
    const MIN: Self;
    /// The largest finite value.
    const MAX: Self;
    /// The name of the kind of number in messages.
    const NAME: &'static str;
}

macro_rules! numbers {
    ($name:literal, $($type:ty),*) => {
        $(impl Number for $type {
            const MIN: Self = <$type>::MIN;
            const MAX: Self = <$type>::MAX;
            const NAME: &'static str = $name;
        })*
    };
}

numbers!("whole number", u16, u32, u64, usize, NonZeroUsize);
numbers!("number", f32, f64);

/// The range of the allowed values of an option. NaN is never allowed, and an infinity only where it is a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits<T> {
    low: Bound<T>,
    high: Bound<T>,
}

impl<T: Number> Limits<T> {
    /// All finite numbers.
    pub const ANY: Self = Self::between(Unbounded, Unbounded);

    /// Returns the range between two bounds.
    #[must_use]
    pub const fn between(low: Bound<T>, high: Bound<T>) -> Self {
        Self { low, high }
    }

    /// Returns the range from one number to another, both included.
    #[must_use]
    pub const fn of(low: T, high: T) -> Self {
        Self::between(Included(low), Included(high))
    }

    /// Returns the range of a number and all that are larger.
    #[must_use]
    pub const fn at_least(low: T) -> Self {
        Self::between(Included(low), Unbounded)
    }

    /// Returns the range of all numbers that are larger than one.
    #[must_use]
    pub const fn above(low: T) -> Self {
        Self::between(Excluded(low), Unbounded)
    }

    /// Checks the value of an option.
    ///
    /// # Errors
    /// [`Refused`] for a value that is not allowed.
    pub fn check(&self, option: &'static str, value: T) -> Result<(), Refused> {
        if self.allow(value) { Ok(()) } else { Err(Refused::new(option, value, self.advice(self.high))) }
    }

    /// Parses the text of a value.
    ///
    /// # Errors
    /// The allowed values, as a text.
    pub fn parse(&self, text: &str) -> Result<T, String> {
        match text.parse() {
            Ok(value) if self.allow(value) => Ok(value),
            // A number of many digits needs to know where the type ends.
            Err(_) if self.high == Unbounded && is_large(text) => Err(self.advice(Included(T::MAX))),
            _ => Err(self.advice(self.high)),
        }
    }

    fn allow(&self, value: T) -> bool {
        let finite = |bound, end| if bound == Unbounded { Included(end) } else { bound };
        (finite(self.low, T::MIN), finite(self.high, T::MAX)).contains(&value)
    }

    fn advice(&self, high: Bound<T>) -> String {
        let range = match (self.low, high) {
            (Included(low), Included(high)) if low == high => return format!("give {low}"),
            (Included(low), Included(high)) => format!(" from {low} to {high}"),
            (Included(low), Excluded(high)) => format!(" from {low} to below {high}"),
            (Excluded(low), Included(high)) => format!(" above {low} and up to {high}"),
            (Excluded(low), Excluded(high)) => format!(" above {low} and below {high}"),
            (Included(low), Unbounded) => format!(" of {low} or more"),
            (Excluded(low), Unbounded) => format!(" above {low}"),
            (Unbounded, Included(high)) => format!(" up to {high}"),
            (Unbounded, Excluded(high)) => format!(" below {high}"),
            (Unbounded, Unbounded) => String::new(),
        };
        let is_open = self.low == Unbounded || high == Unbounded;
        let finite = if is_open && T::NAME == f64::NAME { "finite " } else { "" };
        format!("give a {finite}{}{range}", T::NAME)
    }
}

/// Whether a text is a whole number above 0, of any size.
fn is_large(text: &str) -> bool {
    let digits = text.trim_start_matches('0');
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_refuses_what_is_outside_and_says_what_is_allowed() {
        let whole = Limits::of(1_usize, 63);
        assert_eq!((whole.parse("1"), whole.parse("63")), (Ok(1), Ok(63)));
        for text in ["0", "64", "-1", "1.5", "nan", "inf", "1e300", "", "many", "99999999999999999999"] {
            assert_eq!(whole.parse(text), Err("give a whole number from 1 to 63".to_owned()), "{text}");
        }
        let many = Limits::at_least(NonZeroUsize::MIN);
        assert_eq!(many.parse("0"), Err("give a whole number of 1 or more".to_owned()));
        let end = format!("give a whole number from 1 to {}", usize::MAX);
        assert_eq!(many.parse("99999999999999999999"), Err(end));
        assert_eq!(Limits::of(5_u64, 5).parse("4"), Err("give 5".to_owned()));
    }

    #[test]
    fn a_number_is_finite_unless_its_range_ends_at_infinity() {
        let share = Limits::between(Included(0.0), Excluded(1.0));
        assert_eq!((share.parse("0"), share.parse("0.99")), (Ok(0.0), Ok(0.99)));
        for text in ["1", "-0.1", "nan", "inf", "1e300", "", "half"] {
            assert_eq!(share.parse(text), Err("give a number from 0 to below 1".to_owned()), "{text}");
        }
        let above = Limits::above(0.0_f32);
        for text in ["0", "nan", "inf", "1e300", "-1"] {
            assert_eq!(above.parse(text), Err("give a finite number above 0".to_owned()), "{text}");
        }
        assert_eq!(Limits::<f32>::ANY.parse("-inf"), Err("give a finite number".to_owned()));
        let bound = Limits::of(0.0, f64::INFINITY);
        assert_eq!((bound.parse("inf"), bound.parse("1e300")), (Ok(f64::INFINITY), Ok(1e300)));
        assert_eq!(bound.parse("-inf"), Err("give a number from 0 to inf".to_owned()));
        let error = share.check("--share", f64::NAN).unwrap_err().to_string();
        assert_eq!(error, "--share cannot be NaN: give a number from 0 to below 1");
    }
}
