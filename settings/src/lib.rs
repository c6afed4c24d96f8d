//! The settings and the log of both programs.
//!
//! Input: a TOML file, the environment, which overrides the file, and the command line, which overrides both. Output: the
//! parsed command line of the program, and [`Sources`], from which [`effective`] lists each setting with its origin, and
//! [`Sources::explain`] says where a refused value was given. [`LogFormat`] starts the log. What an option means is decided in the programs.
//!
//! An option of a program is a setting if it names an environment variable, such as `RECOMMENDER__SCORING__N`. The name
//! contains the key in the file: `n` in `[scoring]`. The type, the help and the default of an option are therefore written
//! once, where the option is. [`DEFAULTS`] is the list of all keys.

mod file;
mod variables;
mod command_line;
mod usage;
mod effective;
mod refusal;
mod program;
mod error;
mod log;

pub use command_line::{Sources, parse, parse_from, within};
pub use effective::{Setting, effective, show};
pub use error::{Error, Failed, Given, Origin, Result};
pub use log::LogFormat;
pub use program::{quoted, sibling};

/// A settings file with every key at its default, each in a comment. Other keys do not exist.
pub const DEFAULTS: &str = include_str!("../recommender.toml");

/// The settings file that is read if it exists and no other is named.
pub const USUAL_FILE: &str = "recommender.toml";

/// The prefix of the environment variables of settings.
const PREFIX: &str = "RECOMMENDER__";

/// The key of a variable: `scoring.n` for `RECOMMENDER__SCORING__N`.
fn key_of(variable: &str) -> Option<String> {
    Some(variable.strip_prefix(PREFIX)?.to_lowercase().replace("__", "."))
}

/// The variable of a key.
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

/// The value of a key in [`DEFAULTS`]; `None` where the default is not constant.
#[must_use]
pub fn written_default(key: &str) -> Option<String> {
    let (_, value) = lines().find(|(known, _)| known == key)?;
    (!value.is_empty()).then(|| value.trim_matches('"').to_owned())
}

/// The keys of [`DEFAULTS`] and the values behind them.
fn lines() -> impl Iterator<Item = (String, &'static str)> {
    let mut section = "";
    DEFAULTS.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            return None;
        }
        // A comment in words begins with a space, a value in a comment does not.
        let value = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '))?;
        let (name, value) = value.split_once(" =")?;
        Some((format!("{section}.{name}"), value.trim()))
    })
}

/// Returns the key that was probably meant.
fn nearest(key: &str) -> Option<String> {
    let nearest = keys().min_by_key(|known| strsim::damerau_levenshtein(known, key))?;
    usage::is_typing_error(key, &nearest).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_variable_have_each_other_s_name() {
        assert_eq!(key_of("RECOMMENDER__SCORING__N").as_deref(), Some("scoring.n"));
        assert_eq!(key_of("RECOMMENDER_CONFIG"), None);
        assert_eq!(variable_of("gate.max_loss"), "RECOMMENDER__GATE__MAX_LOSS");
    }

    #[test]
    fn the_defaults_are_toml_with_and_without_the_comments() {
        let set = lines().filter(|(_, value)| !value.is_empty());
        let set: String = set.map(|(key, value)| format!("{key} = {value}\n")).collect();
        toml::de::DeTable::parse(DEFAULTS).unwrap();
        toml::de::DeTable::parse(&set).unwrap();
        let keys: Vec<_> = keys().collect();
        assert!(keys.len() > 30 && keys.contains(&"scoring.n".to_owned()), "{keys:?}");
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn a_misspelled_key_has_a_nearest_one_and_nonsense_has_none() {
        assert_eq!(nearest("scorin.n").as_deref(), Some("scoring.n"));
        assert_eq!(nearest("gate.max_los").as_deref(), Some("gate.max_loss"));
        for other in ["x", "server.cors", "scoring.depth"] {
            assert_eq!(nearest(other), None, "{other}");
        }
    }
}
