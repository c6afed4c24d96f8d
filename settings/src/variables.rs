//! Environment variables that look like those of this project and have no effect.

use crate::{PREFIX, keys, nearest, variable_of};

/// The variable that names the settings file.
pub(crate) const CONFIG_VARIABLE: &str = "RECOMMENDER_CONFIG";

/// The prefix of all variables of this project.
const FAMILY: &str = "RECOMMENDER_";
/// The prefixes of variables that the tests and the scripts of this project read.
const OTHERS: [&str; 2] = ["RECOMMENDER_TEST_", "RECOMMENDER_DATA"];

/// Returns a warning about a variable that begins like a setting and is none, such as `RECOMMENDER_SERVER_LISTEN`; `None`
/// for all other variables. Variables with the right prefix and an unknown key are errors elsewhere.
pub(crate) fn warning(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix(FAMILY)?;
    let is_read = variable == CONFIG_VARIABLE
        || variable.starts_with(PREFIX)
        || OTHERS.iter().any(|other| variable.starts_with(other));
    if is_read {
        return None;
    }
    let name = rest.to_lowercase();
    let same = keys().find(|key| key.replace('.', "_") == name.replace("__", "_"));
    let advice = match same.or_else(|| nearest(&name.replacen('_', ".", 1))) {
        Some(key) => format!("set {} instead", variable_of(&key)),
        None => format!("variables of settings begin with {PREFIX}"),
    };
    Some(format!("the environment variable {variable} has no effect; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_looks_like_a_setting_and_is_none_is_named_in_a_warning() {
        for (variable, advice) in [
            ("RECOMMENDER_SERVER_LISTEN", "set RECOMMENDER__SERVER__LISTEN instead"),
            ("RECOMMENDER_SERVER__CACHE_MIB", "set RECOMMENDER__SERVER__CACHE_MIB instead"),
            ("RECOMMENDER_SERVER_LISTN", "set RECOMMENDER__SERVER__LISTEN instead"),
            ("RECOMMENDER_X", "variables of settings begin with RECOMMENDER__"),
        ] {
            let expected = format!("the environment variable {variable} has no effect; {advice}");
            assert_eq!(warning(variable), Some(expected));
        }
        for variable in [
            "RECOMMENDER_CONFIG",
            "RECOMMENDER__SERVER__LISTEN",
            "RECOMMENDER_TEST_S3",
            "RECOMMENDER",
            "PATH",
        ] {
            assert_eq!(warning(variable), None, "{variable}");
        }
    }
}
