//! The faults of a command line, from the errors of clap in the words of this project: one line, with the option, the value
//! and what is allowed.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{Error, Given, Origin};

/// Returns the error for an error of clap that is a fault of the command line.
pub(crate) fn error(fault: &clap::Error) -> Error {
    let option = first(fault, ContextKind::InvalidArg).map(|arg| name_of(&arg)).unwrap_or_default();
    let detail = match fault.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = first(fault, ContextKind::InvalidValue).unwrap_or_default();
            let given = Given { name: option, value, origin: Origin::CommandLine };
            return Error::Unfit { given: given.into(), against: None, detail: allowed(fault) };
        }
        ErrorKind::UnknownArgument => {
            let meant = first(fault, ContextKind::SuggestedArg).filter(|meant| {
                is_typing_error(option.trim_start_matches('-'), meant.trim_start_matches('-'))
            });
            format!("there is no option {option}; {}", instead(meant, "options"))
        }
        ErrorKind::InvalidSubcommand => {
            let command = first(fault, ContextKind::InvalidSubcommand).unwrap_or_default();
            let meant = all(fault, ContextKind::SuggestedSubcommand)
                .into_iter()
                .find(|meant| is_typing_error(&command, meant));
            format!("there is no command {command}; {}", instead(meant, "commands"))
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = all(fault, ContextKind::InvalidArg).join(", ");
            format!("the command needs {missing}; --help describes its options")
        }
        ErrorKind::ArgumentConflict => match first(fault, ContextKind::PriorArg).map(|arg| name_of(&arg)) {
            Some(prior) if prior == option => format!("{option} is given more than once; give it once"),
            Some(prior) => match first(fault, ContextKind::InvalidSubcommand) {
                Some(command) => format!("{prior} is given before the command {command}; give it behind it"),
                None => format!("{option} and {prior} exclude each other; give one of them"),
            },
            None => format!("{option} excludes the other options; --help describes them"),
        },
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "the command needs another command behind it; --help lists them".to_owned()
        }
        ErrorKind::InvalidUtf8 => "an option or its value is not UTF-8; give it in UTF-8".to_owned(),
        _ => {
            let text = fault.to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            format!("{line}; --help describes the options")
        }
    };
    Error::Usage { detail }
}

/// Returns which values are allowed in place of the one that an error of clap is about.
pub(crate) fn allowed(fault: &clap::Error) -> String {
    let choices = all(fault, ContextKind::ValidValue);
    match std::error::Error::source(fault) {
        _ if !choices.is_empty() => format!("give one of {}", choices.join(", ")),
        Some(source) => source.to_string(),
        None => match first(fault, ContextKind::InvalidArg) {
            Some(arg) => format!("give a value, as in {arg}"),
            None => "give a value".to_owned(),
        },
    }
}

fn instead(meant: Option<String>, what: &str) -> String {
    match meant {
        Some(meant) => format!("is {meant} meant?"),
        None => format!("--help lists the {what}"),
    }
}

/// The name of an option without its value: `--depth` for `--depth <N>`.
fn name_of(arg: &str) -> String {
    arg.split([' ', '=']).next().unwrap_or_default().to_owned()
}

fn first(fault: &clap::Error, kind: ContextKind) -> Option<String> {
    all(fault, kind).into_iter().next()
}

fn all(fault: &clap::Error, kind: ContextKind) -> Vec<String> {
    match fault.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// Whether a name is another with a typing error: at most one wrong, missing, additional or swapped character for every
/// four. Clap suggests every name that shares enough letters, such as `--train` for `--metric`.
pub(crate) fn is_typing_error(given: &str, meant: &str) -> bool {
    strsim::damerau_levenshtein(given, meant) <= (given.chars().count() / 4).max(1)
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::*;

    fn message(words: &[&str]) -> String {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let command = Command::new("program")
            .args_conflicts_with_subcommands(true)
            .arg(Arg::new("train").long("train").value_name("FILE"))
            .arg(Arg::new("how").long("how").value_parser(["fast", "well"]))
            .arg(flag("once").conflicts_with("next"))
            .arg(flag("next"))
            .subcommands(["run", "prune", "verify"].map(Command::new))
            .subcommand(Command::new("cut").arg(Arg::new("of").long("of").value_name("N").required(true)));
        let words = ["program"].iter().chain(words);
        error(&command.try_get_matches_from(words).unwrap_err()).to_string()
    }

    #[test]
    fn a_fault_is_one_line_with_the_option_and_what_to_do() {
        for (words, expected) in [
            (&["--how=badly"][..], "--how cannot be badly: give one of fast, well"),
            (&["--train"], "--train cannot be empty: give a value, as in --train <FILE>"),
            (&["--train=a", "--train=b"], "--train is given more than once; give it once"),
            (&["--once", "--next"], "--once and --next exclude each other; give one of them"),
            (&["--train=a", "run"], "--train is given before the command run; give it behind it"),
            (&["cut"], "the command needs --of <N>; --help describes its options"),
            (&["--metric=x"], "there is no option --metric; --help lists the options"),
            (&["--trian=x"], "there is no option --trian; is --train meant?"),
            (&["tune"], "there is no command tune; --help lists the commands"),
            (&["verfy"], "there is no command verfy; is verify meant?"),
        ] {
            assert_eq!(message(words), expected);
        }
    }
}
