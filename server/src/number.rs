//! Whole numbers of 32 bits as clients write them, in a path, a query string or JSON.

use serde_json::Value;

/// Parses a number that is made of digits alone; `u32::from_str` also takes a plus.
pub(crate) fn whole_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Reads a number in JSON. `18.0` counts, because some languages write all numbers so.
pub(crate) fn json_number(value: &Value) -> Option<u32> {
    match value.as_u64() {
        Some(number) => u32::try_from(number).ok(),
        None => value.as_f64().filter(|float| f64::from(*float as u32) == *float).map(|float| float as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_made_of_digits_alone() {
        for text in ["", "-1", "+1", "1.0", "4294967296", "0x12", "18 ", "eighteen", "\u{661}"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
        assert_eq!(whole_number("018"), Some(18));
    }

    #[test]
    fn a_number_in_json_may_have_a_fraction_of_zero() {
        for (text, number) in [
            ("18", Some(18)),
            ("18.0", Some(18)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("1.5", None),
            ("1e300", None),
            ("\"18\"", None),
            ("null", None),
        ] {
            assert_eq!(json_number(&serde_json::from_str(text).unwrap()), number, "{text}");
        }
    }
}
