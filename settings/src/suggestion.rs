//! Suggestions of the option, subcommand or key that was probably meant.
//!
//! Clap suggests every name that shares enough letters, such as `--train` for `--metric`. Only names that differ from the
//! given one by a typing error are suggested here.

use clap::error::{ContextKind, ContextValue};

/// Whether a name is another with a typing error: at most one wrong, missing, additional or swapped character for every
/// four.
pub(crate) fn is_typing_error(given: &str, meant: &str) -> bool {
    strsim::damerau_levenshtein(given, meant) <= (given.chars().count() / 4).max(1)
}

/// Removes the suggestions of an error of clap that differ by more than a typing error.
pub(crate) fn keep_likely(mut error: clap::Error) -> clap::Error {
    let text = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.trim_start_matches('-').to_owned()),
        _ => None,
    };
    let (arg, suggested) = (text(&error, ContextKind::InvalidArg), text(&error, ContextKind::SuggestedArg));
    if let (Some(arg), Some(suggested)) = (arg, suggested)
        && !is_typing_error(&arg, &suggested)
    {
        error.remove(ContextKind::SuggestedArg);
    }
    let likely =
        match (text(&error, ContextKind::InvalidSubcommand), error.get(ContextKind::SuggestedSubcommand)) {
            (Some(given), Some(ContextValue::Strings(names))) => {
                names.iter().filter(|name| is_typing_error(&given, name)).cloned().collect()
            }
            _ => Vec::new(),
        };
    error.remove(ContextKind::SuggestedSubcommand);
    if !likely.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(likely));
    }
    error
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn message(words: &[&str]) -> String {
        let command = Command::new("program")
            .arg(Arg::new("train").long("train"))
            .arg(Arg::new("output").long("output"))
            .subcommands(["run", "prune", "verify"].map(Command::new));
        keep_likely(command.try_get_matches_from(words).unwrap_err()).to_string()
    }

    #[test]
    fn only_names_with_a_typing_error_are_suggested() {
        for words in [["program", "--metric=x"], ["program", "tune"]] {
            assert!(!message(&words).contains("similar"), "{}", message(&words));
        }
        for (words, meant) in [(["program", "--outptu=x"], "'--output'"), (["program", "verfy"], "'verify'")]
        {
            assert!(message(&words).contains(meant), "{}", message(&words));
        }
    }
}
