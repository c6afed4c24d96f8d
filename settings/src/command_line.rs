//! The command line, with the environment and the file below it.
//!
//! Input: the words of the command line, the environment and the file. Output: the parsed command line. A value of the
//! environment or the file becomes the default of its option, and clap does the rest.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, Parser};

use crate::error::{Error, Origin, Result};
use crate::file::{File, unknown};
use crate::variables::CONFIG_VARIABLE;
use crate::{PREFIX, USUAL_FILE, is_key, key_of, variable_of};

/// The option that names the file.
const CONFIG: &str = "config";

/// The sources of a program's settings, from which [`effective`](crate::effective) lists them.
#[derive(Debug)]
pub struct Sources {
    pub(crate) file: File,
    pub(crate) environment: BTreeMap<String, OsString>,
    /// The command line as the program defines it.
    pub(crate) command: Command,
    pub(crate) matches: ArgMatches,
}

/// Reads the command line of this process, the environment and the file. Ends the process, as clap does, where the
/// command line is wrong or asks for help.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Syntax`], [`Error::Unknown`] and [`Error::Unfit`] for faults of the file or the
/// environment.
pub fn parse<P: Parser>() -> Result<(P, Sources)> {
    let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    parse_from(std::env::args_os().collect(), environment.collect(), Path::new(USUAL_FILE))
        .map(|parsed| parsed.unwrap_or_else(|error| error.exit()))
}

/// Does the same for a given command line and environment. `usual` is the file that is read where no other is named.
///
/// # Errors
/// As [`parse`]. The inner result has the faults of the command line.
pub fn parse_from<P: Parser>(
    words: Vec<OsString>,
    environment: BTreeMap<String, OsString>,
    usual: &Path,
) -> Result<clap::error::Result<(P, Sources)>> {
    let command = P::command();
    let (file, filled) = match merge(&command, &words, &environment, usual) {
        Ok(both) => both,
        // Help and the list of settings are printed despite such a fault.
        Err(error) => match command.clone().try_get_matches_from(&words) {
            Err(help) if !help.use_stderr() => return Ok(Err(help)),
            Ok(matches) if asks_for_defaults(&matches) => (File::default(), command.clone()),
            _ => return Err(error),
        },
    };
    let parsed = filled.try_get_matches_from(words).and_then(|matches| {
        let parsed = P::from_arg_matches(&matches)?;
        Ok((parsed, Sources { file, environment, command, matches }))
    });
    Ok(parsed)
}

/// Returns the file, and the command with the values of the file and the environment as defaults.
fn merge(
    command: &Command,
    words: &[OsString],
    environment: &BTreeMap<String, OsString>,
    usual: &Path,
) -> Result<(File, Command)> {
    let file = match named_file(command, words, environment) {
        Some(path) => File::read(&path)?,
        None if usual.exists() => File::read(usual)?,
        None => File::default(),
    };
    for variable in environment.keys() {
        if let Some(key) = key_of(variable)
            && !is_key(&key)
        {
            return Err(unknown(Origin::Environment(variable.clone()), &key));
        }
    }
    let filled = filled(command.clone(), &Given { file: &file, environment })?;
    Ok((file, filled))
}

/// Whether a subcommand has the option that prints [`DEFAULTS`](crate::DEFAULTS).
fn asks_for_defaults(matches: &ArgMatches) -> bool {
    let flag = |below: &ArgMatches| below.try_get_one("default").ok().flatten() == Some(&true);
    matches.subcommand().is_some_and(|(_, below)| flag(below))
}

/// The file that the command line or the environment names. Other faults of the command line are reported later.
fn named_file(
    command: &Command,
    words: &[OsString],
    environment: &BTreeMap<String, OsString>,
) -> Option<PathBuf> {
    let matches = command.clone().ignore_errors(true).try_get_matches_from(words).ok();
    let deepest = |matches: &ArgMatches| {
        let below = matches.subcommand().and_then(|(_, below)| below.get_one::<PathBuf>(CONFIG).cloned());
        below.or_else(|| matches.get_one::<PathBuf>(CONFIG).cloned())
    };
    matches.as_ref().and_then(deepest).or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from))
}

/// The sources below the command line.
struct Given<'a> {
    file: &'a File,
    environment: &'a BTreeMap<String, OsString>,
}

/// Returns a command with the given values as the defaults of its options, and of those of its subcommands.
fn filled(mut command: Command, given: &Given<'_>) -> Result<Command> {
    let settings: Vec<_> =
        command.get_arguments().filter_map(|arg| Some((arg.clone(), setting(arg)?))).collect();
    for (arg, key) in settings {
        let variable = variable_of(&key);
        let from_file = given.file.value(&key);
        if let Some(value) = from_file {
            check(&arg, &key, OsStr::new(&value.text), given.file.origin(value))?;
        }
        let from_environment = given.environment.get(&variable);
        // An empty variable restores the default, also over a value of the file.
        let value = match from_environment {
            Some(value) if value.is_empty() => None,
            Some(value) => {
                check(&arg, &key, value, Origin::Environment(variable))?;
                Some(value.clone())
            }
            None => from_file.map(|value| OsString::from(&value.text)),
        };
        command = command.mut_arg(arg.get_id(), |arg| {
            // The variable is read here rather than by clap, so that its faults are reported with its name.
            let arg = arg.env(None::<&'static str>);
            match value {
                Some(value) => arg.default_value(value),
                None => arg,
            }
        });
    }
    let below: Vec<_> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in below {
        let mut outcome = Ok(());
        command = command.mut_subcommand(name, |below| match filled(below.clone(), given) {
            Ok(filled) => filled,
            Err(error) => {
                outcome = Err(error);
                below
            }
        });
        outcome?;
    }
    Ok(command)
}

/// The key of an option that is a setting.
pub(crate) fn setting(arg: &Arg) -> Option<String> {
    arg.get_env()?.to_str().filter(|variable| variable.starts_with(PREFIX)).and_then(key_of)
}

/// Checks a value with the option's own parser.
fn check(arg: &Arg, key: &str, value: &OsStr, origin: Origin) -> Result<()> {
    let mut word = OsString::from(format!("--{}=", arg.get_long().unwrap_or_default()));
    word.push(value);
    let alone = arg.clone().required(false).global(false).env(None::<&'static str>);
    // The options that it requires or excludes concern the command line alone.
    let command = Command::new("settings").no_binary_name(true).arg(alone);
    let Err(error) = command.try_get_matches_from([word]) else { return Ok(()) };
    if error.kind() == ErrorKind::ArgumentConflict || error.kind() == ErrorKind::MissingRequiredArgument {
        return Ok(());
    }
    let choices: Vec<_> =
        arg.get_possible_values().iter().map(|choice| choice.get_name().to_owned()).collect();
    let detail = match std::error::Error::source(&error) {
        _ if !choices.is_empty() => format!("give one of {}", choices.join(", ")),
        Some(source) => source.to_string(),
        None => first_line(&error.to_string()),
    };
    let value = value.to_string_lossy().into_owned();
    Err(Error::Unfit { origin, key: key.to_owned(), value, detail })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
