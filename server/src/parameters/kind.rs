//! The kinds of values that parameters have.
//!
//! Input: the value of a parameter, as text of a query string or as JSON of a body. Output: a field of [`Arguments`], or
//! the fault of the value and the values to give instead. [`Kind::schema`] states the same as a JSON schema.

use serde_json::{Value, json};

use super::arguments::Arguments;
use crate::number::{json_number, whole_number};
use crate::problem::shortened;

/// The maximum value of an id and of a number without another bound.
const MAX_ID: u32 = u32::MAX;

/// The possible values of a parameter, and the field that takes them.
pub(super) enum Kind {
    /// A whole number.
    Number { min: u32, max: Max, default: Option<u32>, set: fn(&mut Arguments, u32) },
    /// Ids, between commas in a query string.
    Ids { max: usize, set: fn(&mut Arguments, Vec<u32>) },
    /// Names of genres, between commas in a query string.
    Genres { max: usize, set: fn(&mut Arguments, Vec<String>) },
    /// `true` or `false`, in any case; `false` by default.
    Flag { set: fn(&mut Arguments, bool) },
    /// One of two words; the first by default, which sets `true`.
    Choice { words: [&'static str; 2], set: fn(&mut Arguments, bool) },
    /// Text that is not empty.
    Text { max_chars: usize, set: fn(&mut Arguments, String) },
}

/// The greatest number that a parameter takes.
#[derive(Clone, Copy)]
pub(super) enum Max {
    Number(u32),
    /// The length of the stored lists, which the open generation decides: checked when it is known.
    Depth,
}

impl Max {
    /// Any number of 32 bits.
    pub(super) const ANY: Self = Self::Number(MAX_ID);
}

impl Kind {
    /// Sets the field to the value in a query string.
    ///
    /// # Errors
    /// The fault, as the middle of a sentence between the name of the parameter and [`Kind::expected`].
    pub(super) fn set_text(&self, arguments: &mut Arguments, text: &str) -> Result<(), String> {
        let bad = || format!("was given as `{}`; ", shortened(text));
        match *self {
            Self::Number { set, .. } => {
                set(arguments, whole_number(text).filter(|&n| self.has(n)).ok_or_else(bad)?);
            }
            Self::Ids { max, set } => {
                let ids: Option<Vec<_>> = text.split(',').take(max + 1).map(whole_number).collect();
                let ids = ids.ok_or_else(bad)?;
                check_length(ids.len(), max)?;
                set(arguments, ids);
            }
            Self::Genres { max, set } => {
                let names: Vec<_> =
                    text.split(',').take(max + 1).map(|name| name.trim().to_owned()).collect();
                if names.iter().any(String::is_empty) {
                    return Err(bad());
                }
                check_length(names.len(), max)?;
                set(arguments, names);
            }
            Self::Flag { set } if text.eq_ignore_ascii_case("true") => set(arguments, true),
            Self::Flag { set } if text.eq_ignore_ascii_case("false") => set(arguments, false),
            Self::Choice { words: [first, _], set } if text == first => set(arguments, true),
            Self::Choice { words: [_, second], set } if text == second => set(arguments, false),
            Self::Text { max_chars, set } if !text.is_empty() && text.chars().nth(max_chars).is_none() => {
                set(arguments, text.to_owned());
            }
            Self::Flag { .. } | Self::Choice { .. } | Self::Text { .. } => return Err(bad()),
        }
        Ok(())
    }

    /// Sets the field to the value of a member of a body. `null` stands for the absence of a number without a default.
    ///
    /// # Errors
    /// The fault, as the middle of a sentence between the name of the parameter and [`Kind::expected`].
    pub(super) fn set_json(&self, arguments: &mut Arguments, value: &Value) -> Result<(), String> {
        let bad = || format!("was given as {}; ", shortened(&value.to_string()));
        match (self, value) {
            (Self::Number { default: None, .. }, Value::Null) => {}
            (Self::Number { set, .. }, value) => {
                set(arguments, json_number(value).filter(|&n| self.has(n)).ok_or_else(bad)?);
            }
            (&Self::Ids { max, set }, Value::Array(values)) => {
                check_length(values.len(), max)?;
                let ids: Option<_> = values.iter().map(json_number).collect();
                set(arguments, ids.ok_or_else(bad)?);
            }
            (&Self::Genres { max, set }, Value::Array(values)) => {
                check_length(values.len(), max)?;
                let names: Option<_> = values.iter().map(|name| name.as_str().map(str::to_owned)).collect();
                set(arguments, names.ok_or_else(bad)?);
            }
            (Self::Flag { set }, &Value::Bool(flag)) => set(arguments, flag),
            // No member of a body is a choice or text: see the test of the table.
            _ => return Err(bad()),
        }
        Ok(())
    }

    /// Sets the field to the default, where the kind has one.
    pub(super) fn set_default(&self, arguments: &mut Arguments) {
        match *self {
            Self::Number { default: Some(default), set, .. } => set(arguments, default),
            Self::Choice { set, .. } => set(arguments, true),
            // The fields of all others are empty from the beginning.
            _ => {}
        }
    }

    /// Whether a number is within the bounds, as far as they are known before a generation is looked at.
    fn has(&self, number: u32) -> bool {
        match *self {
            Self::Number { min, max: Max::Number(max), .. } => (min..=max).contains(&number),
            Self::Number { min, max: Max::Depth, .. } => min <= number,
            _ => true,
        }
    }

    /// The advice of an error message, without an example.
    pub(super) fn expected(&self, in_body: bool) -> String {
        match self {
            Self::Number { min, max: Max::Number(max), .. } => {
                format!("give a whole number from {min} to {max}")
            }
            Self::Number { min, max: Max::Depth, .. } => {
                format!("give a whole number from {min} to the length of the stored lists")
            }
            Self::Ids { .. } if in_body => format!("give an array of whole numbers from 0 to {MAX_ID}"),
            Self::Ids { .. } => {
                format!("give a whole number from 0 to {MAX_ID}, or several separated by commas")
            }
            Self::Genres { .. } if in_body => "give an array of names of genres".to_owned(),
            Self::Genres { .. } => "give names of genres separated by commas".to_owned(),
            Self::Flag { .. } => "give true or false".to_owned(),
            Self::Choice { words: [first, second], .. } => format!("give {first} or {second}"),
            Self::Text { max_chars, .. } => format!("give 1 to {max_chars} characters"),
        }
    }

    /// A value of the kind in a query string as JSON: the example of a schema.
    pub(super) fn example(&self, text: &str) -> Value {
        let number = |text: &str| whole_number(text).map_or(Value::Null, Value::from);
        match self {
            Self::Number { .. } => number(text),
            Self::Ids { .. } => text.split(',').map(number).collect(),
            Self::Genres { .. } => text.split(',').collect(),
            Self::Flag { .. } => json!(text == "true"),
            Self::Choice { .. } | Self::Text { .. } => json!(text),
        }
    }

    /// The JSON schema. `depth` is the length of the stored lists, where a generation is open.
    pub(super) fn schema(&self, depth: Option<u64>, in_body: bool) -> Value {
        match *self {
            Self::Number { min, max, default, .. } => {
                let max = match max {
                    Max::Number(max) => Some(u64::from(max)),
                    Max::Depth => depth,
                };
                let mut schema = json!({ "type": "integer", "minimum": min });
                if in_body && default.is_none() {
                    schema["type"] = json!(["integer", "null"]);
                }
                if let Some(max) = max {
                    schema["maximum"] = json!(max);
                    if max > i32::MAX as u64 {
                        schema["format"] = json!("int64");
                    }
                }
                if let Some(default) = default {
                    schema["default"] = json!(default);
                }
                schema
            }
            Self::Ids { max, .. } => array(&json!({ "$ref": "#/components/schemas/id" }), max, in_body),
            Self::Genres { max, .. } => array(&json!({ "$ref": "#/components/schemas/genre" }), max, in_body),
            Self::Flag { .. } => json!({ "type": "boolean", "default": false }),
            Self::Choice { words, .. } => json!({ "type": "string", "enum": words, "default": words[0] }),
            Self::Text { max_chars, .. } => {
                json!({ "type": "string", "minLength": 1, "maxLength": max_chars })
            }
        }
    }

    /// Whether a query string has several values between commas.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::Ids { .. } | Self::Genres { .. })
    }
}

/// The schema of a list, which is empty only in a body.
fn array(items: &Value, max: usize, in_body: bool) -> Value {
    let mut schema = json!({ "type": "array", "items": items, "maxItems": max });
    if !in_body {
        schema["minItems"] = json!(1);
    }
    schema
}

fn check_length(n: usize, max: usize) -> Result<(), String> {
    if n > max { Err(format!("names more than {max}; ")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_a_limit_and_no_gaps() {
        let ids = Kind::Ids { max: 2, set: |_, _| () };
        let genres = Kind::Genres { max: 2, set: |_, _| () };
        for (kind, text, is_accepted) in [
            (&ids, "1,2", true),
            (&ids, "1,2,3", false),
            (&ids, "1,,2", false),
            (&ids, "", false),
            (&genres, "Sci-Fi, Film Noir", true),
            (&genres, "a,b,c", false),
            (&genres, "a,,b", false),
            (&genres, "", false),
        ] {
            assert_eq!(kind.set_text(&mut Arguments::default(), text).is_ok(), is_accepted, "{text}");
        }
    }
}
