//! The value of a parameter in a body, with limits: a body of empty arrays would take ten times its length as a value.
//!
//! Input: any JSON. Output: a value with as many elements as a parameter may have and one more. Elements are numbers, text
//! and the like; of arrays and objects among them, only that they are such is kept.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The number of elements of an array that are kept: more than any parameter may have.
const MAX_ELEMENTS: usize = 1001;

/// A value.
pub(super) struct BoundedValue(pub(super) Value);

impl<'de> Deserialize<'de> for BoundedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bounds { max_elements: MAX_ELEMENTS }.deserialize(deserializer).map(Self)
    }
}

/// How much of a value is kept.
#[derive(Clone, Copy)]
struct Bounds {
    max_elements: usize,
}

impl<'de> DeserializeSeed<'de> for Bounds {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounds {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < self.max_elements
            && let Some(element) = array.next_element_seed(Self { max_elements: 0 })?
        {
            elements.push(element);
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(Map::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_up_to_the_elements_of_its_arrays() {
        let read = |text: &str| serde_json::from_str::<BoundedValue>(text).map(|value| value.0);
        for text in ["null", "true", "18", "-1", "18.5", "\"Drama\"", "[]", "[1,\"a\",null,2.0]"] {
            assert_eq!(read(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        for (text, kept) in [("[[1],{\"a\":1}]", "[[],{}]"), ("{\"a\":[1]}", "{}")] {
            assert_eq!(read(text).unwrap().to_string(), kept, "{text}");
        }
        let long = format!("[{}1]", "1,".repeat(5000));
        assert_eq!(read(&long).unwrap().as_array().unwrap().len(), MAX_ELEMENTS);
        for malformed in ["[1,", "[1,2]]", &format!("[{}x]", "1,".repeat(5000)), &"[".repeat(500)] {
            assert!(read(malformed).is_err(), "{malformed}");
        }
    }
}
