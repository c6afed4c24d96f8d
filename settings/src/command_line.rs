//! The command line over the environment over the file.
//!
//! What the file says becomes the default of the option, so that clap does the rest as ever.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, Parser};

use crate::error::{Error, Origin, Result};
use crate::file::{File, unknown};
use crate::suggestion;
use crate::{PREFIX, USUAL_FILE, is_key, key_of, variable_of};

/// The option that names the file, and the variable that does.
const CONFIG: &str = "config";
const CONFIG_VARIABLE: &str = "RECOMMENDER_CONFIG";

/// Where the settings of a program come from: what [`effective`](crate::effective) reads.
#[derive(Debug)]
pub struct Sources {
    pub(crate) file: File,
    pub(crate) environment: BTreeMap<String, OsString>,
    /// As the program has it.
    pub(crate) command: Command,
    pub(crate) matches: ArgMatches,
}

/// Reads the command line of this process, the environment and the file. Ends the process, as clap does, where the
/// command line is wrong or asks for help.
///
/// # Errors
/// What is wrong with the file or the environment.
pub fn parse<P: Parser>() -> Result<(P, Sources)> {
    let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    parse_from(std::env::args_os().collect(), environment.collect(), Path::new(USUAL_FILE))
        .map(|parsed| parsed.unwrap_or_else(|error| suggestion::keep_likely(error).exit()))
}

/// The same for a command line and an environment that are given, and a file that is read where no other is named.
///
/// # Errors
/// What is wrong with the file or the environment; within, what is wrong with the command line.
pub fn parse_from<P: Parser>(
    words: Vec<OsString>,
    environment: BTreeMap<String, OsString>,
    usual: &Path,
) -> Result<clap::error::Result<(P, Sources)>> {
    let command = P::command();
    let (file, filled) = match put_together(&command, &words, &environment, usual) {
        Ok(both) => both,
        // Who asks for help, or what there is to set, is answered whatever is wrong.
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

/// The file, and a command whose defaults are what is given.
fn put_together(
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

/// Whether a command was given the option that asks for [`DEFAULTS`](crate::DEFAULTS).
fn asks_for_defaults(matches: &ArgMatches) -> bool {
    let flag = |below: &ArgMatches| below.try_get_one("default").ok().flatten() == Some(&true);
    matches.subcommand().is_some_and(|(_, below)| flag(below))
}

/// The file that the command line or the environment names. What else is wrong with the command line is told later.
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

/// What is given beside the command line.
struct Given<'a> {
    file: &'a File,
    environment: &'a BTreeMap<String, OsString>,
}

/// A command with what is given as the defaults of its options, and of those of the commands below it.
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
        // A variable without a value sets nothing, and takes away what the file sets.
        let value = match from_environment {
            Some(value) if value.is_empty() => None,
            Some(value) => {
                check(&arg, &key, value, Origin::Environment(variable))?;
                Some(value.clone())
            }
            None => from_file.map(|value| OsString::from(&value.text)),
        };
        command = command.mut_arg(arg.get_id(), |arg| {
            // Read here, so that what is wrong with it is told by its name.
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

/// Whether an option can have a value, by the option's own parser.
fn check(arg: &Arg, key: &str, value: &OsStr, origin: Origin) -> Result<()> {
    let mut word = OsString::from(format!("--{}=", arg.get_long().unwrap_or_default()));
    word.push(value);
    let alone = arg.clone().required(false).global(false).env(None::<&'static str>);
    // What it requires or excludes is the matter of a command line.
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
