//! Ids of users, movies and generations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Defines the type of an id. The number is private, so that an id is not mixed up with a position in a matrix.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The id of a number.
            #[must_use]
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// The id of a user, as in the ratings.
    UserId
}

id! {
    /// The id of a movie, as in the ratings and the metadata.
    MovieId
}

/// The id of a generation: the UTC time of its begin to the millisecond, `20261123T023000.125Z`, so that ids sort by age.
/// An id is the name of a directory, so that parsing checks its form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GenerationId(String);

impl GenerationId {
    /// The id of a generation that begins at `time`.
    #[must_use]
    pub fn at(time: jiff::Timestamp) -> Self {
        Self(time.strftime("%Y%m%dT%H%M%S%.3fZ").to_string())
    }

    /// The time of the begin; `None` for digits that are not a time.
    #[must_use]
    pub fn time(&self) -> Option<jiff::Timestamp> {
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S%.fZ", &self.0).ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is not the id of a generation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a generation id; an id looks like 20261123T023000.125Z")]
pub struct InvalidGenerationId(String);

impl FromStr for GenerationId {
    type Err = InvalidGenerationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PATTERN: &[u8] = b"ddddddddTdddddd.dddZ";
        let fits = text.len() == PATTERN.len()
            && text.bytes().zip(PATTERN).all(|(byte, &expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                literal => byte == literal,
            });
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidGenerationId(text.to_owned())) }
    }
}

impl TryFrom<String> for GenerationId {
    type Error = InvalidGenerationId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GenerationId> for String {
    fn from(id: GenerationId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_named_by_its_time_and_the_name_is_read_back() {
        let id = GenerationId::at("2026-11-23T02:30:00.125Z".parse().unwrap());
        assert_eq!(id.as_str(), "20261123T023000.125Z");
        assert_eq!(id.time(), Some("2026-11-23T02:30:00.125Z".parse().unwrap()));
        assert_eq!(id.as_str().parse(), Ok(id));
        assert_eq!("20269923T023000.125Z".parse::<GenerationId>().unwrap().time(), None);
    }

    #[test]
    fn an_id_that_could_leave_the_directory_is_refused() {
        for text in
            ["", "..", "../../etc", "20261123T023000.125", "20261123T023000/125Z", "d0261123T023000.125Z"]
        {
            assert!(text.parse::<GenerationId>().is_err(), "{text}");
        }
    }
}
