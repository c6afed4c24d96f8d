//! The shards that a reader owns.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// All shards, or ranges of them: `0-1023`, `7`, `0-15,32-47`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owned(Option<Vec<RangeInclusive<u32>>>);

/// A text that is not a set of shards.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a set of shards; give `all`, numbers or ranges of them, such as 0-1023 or 0-15,32-47")]
pub struct InvalidShards(String);

impl Owned {
    /// All shards.
    #[must_use]
    pub fn all() -> Self {
        Self(None)
    }

    /// Whether these are all shards.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a shard is owned.
    #[must_use]
    pub fn has(&self, shard: u32) -> bool {
        self.0.as_ref().is_none_or(|ranges| ranges.iter().any(|range| range.contains(&shard)))
    }

    /// The greatest shard that is named; `None` for all shards.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.0.as_ref()?.iter().map(|range| *range.end()).max()
    }
}

impl FromStr for Owned {
    type Err = InvalidShards;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::all());
        }
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(first..=last)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(|ranges| Self(Some(ranges))).ok_or_else(|| InvalidShards(text.to_owned()))
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ranges) = &self.0 else { return f.write_str("all") };
        for (number, range) in ranges.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_read_as_they_are_written() {
        for text in ["all", "0", "0-1023", "0-15,32-47,7"] {
            assert_eq!(text.parse::<Owned>().unwrap().to_string(), text);
        }
        let owned: Owned = "0-15,32-47".parse().unwrap();
        assert!(owned.has(0) && owned.has(47) && !owned.has(16) && !owned.is_all());
        assert_eq!((owned.last(), Owned::all().last()), (Some(47), None));
        assert!(Owned::all().has(u32::MAX));
        for text in ["", "-", "3-", "5-3", "1,,2", "-1", "x", "0-99999999999"] {
            assert!(text.parse::<Owned>().is_err(), "{text}");
        }
    }
}
