//! The error of a value that is not allowed.

use std::borrow::Cow;
use std::fmt;

/// A value of an option that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The option as it is written on the command line, such as `--depth`.
    pub option: &'static str,
    /// Its value.
    pub value: String,
    /// The option that it contradicts, with its value.
    pub against: Option<(&'static str, String)>,
    /// The rule that the value breaks, or the values that are allowed.
    pub problem: String,
}

impl Refused {
    /// Returns the error of a value.
    pub fn new(option: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Self { option, value: value.to_string(), against: None, problem: problem.into() }
    }

    /// Returns the error of a value that contradicts that of another option.
    #[must_use]
    pub fn against(mut self, option: &'static str, value: impl ToString) -> Self {
        self.against = Some((option, value.to_string()));
        self
    }

    /// Returns a value as a message shows it: an empty one by that word, one of several words in quotes.
    #[must_use]
    pub fn shown(value: &str) -> Cow<'_, str> {
        match value {
            "" => "empty".into(),
            _ if value.contains(' ') => format!("`{value}`").into(),
            _ => value.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, value, against, problem } = self;
        write!(f, "{option} cannot be {}", Self::shown(value))?;
        if let Some((other, value)) = against {
            write!(f, " with {other} {}", Self::shown(value))?;
        }
        write!(f, ": {problem}")
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_option_the_value_and_the_rule() {
        let refused = Refused::new("--n", "", "give a number");
        assert_eq!(refused.to_string(), "--n cannot be empty: give a number");
        let refused = Refused::new("--min", 7, "min is below max").against("--max", 5);
        assert_eq!(refused.to_string(), "--min cannot be 7 with --max 5: min is below max");
        assert_eq!(Refused::shown("a b"), "`a b`");
    }
}
