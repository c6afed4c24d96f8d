//! What both programs do before their work begins: settings are put together, of a TOML file, the environment over it
//! and the command line over both; and the log is started.
//!
//! An option of a program is a setting if it names an environment variable, such as `RECOMMENDER__SCORING__N`. The name
//! says its key in the file: `n` in `[scoring]`. So an option's type, its help and its default are written once, where
//! the option is, and what it accepts is the same wherever it is said. [`DEFAULTS`] is the one list of all keys.

mod file;
mod command_line;
mod effective;
mod error;
mod log;
mod suggestion;

pub use command_line::{Sources, parse, parse_from};
pub use effective::{Setting, effective, show};
pub use error::{Error, Origin, Result};
pub use log::LogFormat;

/// The file with every key as a comment, at its default. What is no key here is none.
pub const DEFAULTS: &str = include_str!("../recommender.toml");

/// The file that is read where it is there and no other is named.
pub const USUAL_FILE: &str = "recommender.toml";

/// What the variables of the environment begin with.
const PREFIX: &str = "RECOMMENDER__";

/// The key that a variable stands for: `scoring.n` for `RECOMMENDER__SCORING__N`.
fn key_of(variable: &str) -> Option<String> {
    Some(variable.strip_prefix(PREFIX)?.to_lowercase().replace("__", "."))
}

/// The variable that stands for a key.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// All keys, in the order of [`DEFAULTS`].
pub fn keys() -> impl Iterator<Item = String> {
    lines().map(|(key, _)| key)
}

fn is_key(key: &str) -> bool {
    keys().any(|known| known == key)
}

/// The value that [`DEFAULTS`] says a key has where nobody sets it; none where that depends.
#[must_use]
pub fn written_default(key: &str) -> Option<String> {
    let (_, value) = lines().find(|(known, _)| known == key)?;
    (!value.is_empty()).then(|| value.trim_matches('"').to_owned())
}

/// The keys of [`DEFAULTS`] and what is written behind each.
fn lines() -> impl Iterator<Item = (String, &'static str)> {
    let mut section = "";
    DEFAULTS.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            return None;
        }
        // Comments in words are set off by a space, values that are commented out are not.
        let value = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '))?;
        let (name, value) = value.split_once(" =")?;
        Some((format!("{section}.{name}"), value.trim()))
    })
}

/// Returns the key that was probably meant.
fn nearest(key: &str) -> Option<String> {
    let nearest = keys().min_by_key(|known| strsim::damerau_levenshtein(known, key))?;
    suggestion::is_typing_error(key, &nearest).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_variable_name_each_other() {
        assert_eq!(key_of("RECOMMENDER__SCORING__N").as_deref(), Some("scoring.n"));
        assert_eq!(key_of("RECOMMENDER_CONFIG"), None);
        assert_eq!(variable_of("gate.max_loss"), "RECOMMENDER__GATE__MAX_LOSS");
    }

    #[test]
    fn the_defaults_are_toml_with_and_without_the_comments() {
        let spoken = lines().filter(|(_, value)| !value.is_empty());
        let spoken: String = spoken.map(|(key, value)| format!("{key} = {value}\n")).collect();
        toml::de::DeTable::parse(DEFAULTS).unwrap();
        toml::de::DeTable::parse(&spoken).unwrap();
        let keys: Vec<_> = keys().collect();
        assert!(keys.len() > 30 && keys.contains(&"scoring.n".to_owned()), "{keys:?}");
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn a_misspelt_key_has_a_nearest_and_nonsense_has_none() {
        assert_eq!(nearest("scorin.n").as_deref(), Some("scoring.n"));
        assert_eq!(nearest("gate.max_los").as_deref(), Some("gate.max_loss"));
        for other in ["x", "server.cors", "scoring.depth"] {
            assert_eq!(nearest(other), None, "{other}");
        }
    }
}
