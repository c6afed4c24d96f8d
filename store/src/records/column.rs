//! Columns of numbers: a MessagePack `bin` of little-endian u32 or f32, 4 bytes each, for `#[serde(with)]`.
//!
//! A MessagePack array takes up to 5 bytes per number and a branch for each: a list of 100 is decoded in half the time.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

use crate::ids::MovieId;

/// A number of a column.
pub(super) trait Number: Copy {
    fn to_bytes(self) -> [u8; 4];
    fn from_bytes(bytes: [u8; 4]) -> Self;
}

impl Number for f32 {
    fn to_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
}

impl Number for MovieId {
    fn to_bytes(self) -> [u8; 4] {
        self.get().to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        Self::new(u32::from_le_bytes(bytes))
    }
}

pub(super) fn serialize<S: Serializer, N: Number>(numbers: &[N], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<[u8; 4]> = numbers.iter().map(|number| number.to_bytes()).collect();
    serializer.serialize_bytes(bytes.as_flattened())
}

/// The bytes of the numbers of a column.
pub(super) fn numbers(bytes: &[u8]) -> Result<&[[u8; 4]], String> {
    match bytes.as_chunks() {
        (numbers, []) => Ok(numbers),
        _ => Err(format!("{} bytes are not a multiple of 4", bytes.len())),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, N: Number>(deserializer: D) -> Result<Vec<N>, D::Error> {
    let numbers = numbers(<&[u8]>::deserialize(deserializer)?).map_err(Error::custom)?;
    Ok(numbers.iter().map(|&number| N::from_bytes(number)).collect())
}
