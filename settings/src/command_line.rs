//! The command line, with the environment and the file below it.
//!
//! Input: the words of the command line, the environment and the file. Output: the parsed command line. A value of the
//! environment or the file becomes the default of its option, and clap does the rest.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Parser, ValueEnum};
use limits::{Limits, Number};

use crate::effective::deepest;
use crate::error::{Error, Failed, Given, Origin, Result};
use crate::file::{File, unknown};
use crate::log::LogFormat;
use crate::usage;
use crate::variables::CONFIG_VARIABLE;
use crate::{PREFIX, USUAL_FILE, is_key, key_of, variable_of};

/// The option that names the file.
const CONFIG: &str = "config";
/// The option, and the key, of the format of the log, in which a fault of the settings is printed too.
const LOG_FORMAT: (&str, &str) = ("--log-format", "log.format");

/// The sources of a program's settings, from which [`effective`](crate::effective) lists them.
#[derive(Debug)]
pub struct Sources {
    pub(crate) file: File,
    pub(crate) environment: BTreeMap<String, OsString>,
    /// The command line as the program defines it.
    pub(crate) command: Command,
    pub(crate) matches: ArgMatches,
}

/// Reads the command line of this process, the environment and the file. Prints the help or the version and ends the
/// process where the command line asks for it.
///
/// # Errors
/// [`Failed`], with [`Error::Unreadable`] and [`Error::Syntax`] for the file, [`Error::Unknown`] for a key of the file or
/// the environment, [`Error::Unfit`] for a value of any source, and [`Error::Usage`] for other faults of the command line.
pub fn parse<P: Parser>() -> Result<(P, Sources), Failed> {
    let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    parse_from(std::env::args_os().collect(), environment.collect(), Path::new(USUAL_FILE))
        .map(|parsed| parsed.unwrap_or_else(|help| print_and_exit(&help)))
}

/// Does the same for a given command line and environment. `usual` is the file that is read where no other is named.
///
/// # Errors
/// [`Failed`], with [`Error::Unreadable`], [`Error::Syntax`], [`Error::Unknown`], [`Error::Unfit`] and [`Error::Usage`]. The
/// inner error is the help or the version.
pub fn parse_from<P: Parser>(
    words: Vec<OsString>,
    environment: BTreeMap<String, OsString>,
    usual: &Path,
) -> Result<clap::error::Result<(P, Sources)>, Failed> {
    let command = with_hyphens(P::command());
    let mut file = File::default();
    let filled = merge(&command, &words, &environment, usual, &mut file);
    let format = log_format(&words, &environment, &file);
    let filled = match filled {
        Ok(filled) => filled,
        // Help and the list of settings are printed despite such a fault.
        Err(error) => match command.clone().try_get_matches_from(&words) {
            Err(help) if !help.use_stderr() => return Ok(Err(help)),
            Ok(matches) if asks_for_defaults(&matches) => {
                file = File::default();
                command.clone()
            }
            _ => return Err(Failed { error, format }),
        },
    };
    let parsed = filled.try_get_matches_from(words).and_then(|matches| {
        let parsed = P::from_arg_matches(&matches)?;
        Ok((parsed, Sources { file, environment, command, matches }))
    });
    let failed = |error| Failed { error, format };
    match parsed {
        Err(fault) if fault.use_stderr() => Err(failed(usage::error(&fault))),
        Err(help) => Ok(Err(help)),
        Ok(parsed) => check_no_option_is_a_value(&parsed.1).map(|()| Ok(parsed)).map_err(failed),
    }
}

/// Returns the parser of an option whose value is a number within limits.
pub fn within<T: Number>(
    limits: Limits<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text: &str| limits.parse(text)
}

/// Prints the help or the version, which contains values of the environment and of the file.
fn print_and_exit(help: &clap::Error) -> ! {
    let text = help.render().to_string();
    let printable = printable::lines(&text);
    // A reader that has closed the pipe is no failure.
    let _ = if printable == text { help.print() } else { write!(io::stdout(), "{printable}") };
    std::process::exit(help.exit_code())
}

/// Lets values begin with a hyphen, so that `--depth -1` is refused as a value of `--depth`.
fn with_hyphens(command: Command) -> Command {
    let takes_value = |arg: &Arg| arg.get_long().is_some() && arg.get_action().takes_values();
    command
        .mut_args(|arg| if takes_value(&arg) { arg.allow_hyphen_values(true) } else { arg })
        .mut_subcommands(with_hyphens)
}

/// Refuses an option that stands where the value of another is missing, as in `--output --quiet`.
fn check_no_option_is_a_value(sources: &Sources) -> Result<()> {
    let (arguments, matches) = deepest(sources);
    let is_option = |word: &str| {
        let name = word.split('=').next().and_then(|word| word.strip_prefix("--"));
        matches!(word, "-h" | "--help" | "-V" | "--version")
            || name.is_some_and(|name| arguments.iter().any(|arg| arg.get_long() == Some(name)))
    };
    for arg in arguments.iter().filter(|arg| arg.get_long().is_some()) {
        let id = arg.get_id().as_str();
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten().filter_map(OsStr::to_str);
        if let Some(value) = values.into_iter().find(|value| is_option(value)) {
            let name = format!("--{}", arg.get_long().unwrap_or_default());
            let what = arg.get_value_names().and_then(|names| names.first()).map_or("VALUE", |name| name);
            let detail = format!("that is an option; give a value, as in {name} <{what}>");
            let given = Given { name, value: value.to_owned(), origin: Origin::CommandLine };
            return Err(Error::Unfit { given: given.into(), against: None, detail });
        }
    }
    Ok(())
}

/// Returns the format of the log that the sources ask for, whatever else is wrong with them.
fn log_format(words: &[OsString], environment: &BTreeMap<String, OsString>, file: &File) -> LogFormat {
    let (option, key) = LOG_FORMAT;
    let mut words = words.iter().filter_map(|word| word.to_str());
    let mut of_words = None;
    while let Some(word) = words.next() {
        match word.strip_prefix(option) {
            Some("") => of_words = words.next(),
            Some(value) => of_words = value.strip_prefix('=').or(of_words),
            None => {}
        }
    }
    let of_environment = || environment.get(&variable_of(key))?.to_str();
    let text = of_words.or_else(of_environment).or_else(|| file.value(key).map(|value| value.text.as_str()));
    text.and_then(|text| LogFormat::from_str(text, false).ok()).unwrap_or(LogFormat::Auto)
}

/// Reads the file, and returns the command with the values of the file and the environment as defaults.
fn merge(
    command: &Command,
    words: &[OsString],
    environment: &BTreeMap<String, OsString>,
    usual: &Path,
    file: &mut File,
) -> Result<Command> {
    match named_file(command, words, environment) {
        Some(path) => *file = File::read(&path)?,
        None if usual.exists() => *file = File::read(usual)?,
        None => {}
    }
    for variable in environment.keys() {
        if let Some(key) = key_of(variable)
            && !is_key(&key)
        {
            return Err(unknown(Origin::Environment(variable.clone()), &key));
        }
    }
    filled(command.clone(), &Below { file, environment })
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
struct Below<'a> {
    file: &'a File,
    environment: &'a BTreeMap<String, OsString>,
}

/// Returns a command with the given values as the defaults of its options, and of those of its subcommands.
fn filled(mut command: Command, below: &Below<'_>) -> Result<Command> {
    let with_variables: Vec<_> = command
        .get_arguments()
        .filter_map(|arg| Some((arg.clone(), arg.get_env()?.to_str()?.to_owned())))
        .collect();
    for (arg, variable) in with_variables {
        let key = setting(&arg);
        let name = key.clone().unwrap_or_else(|| format!("--{}", arg.get_long().unwrap_or_default()));
        let from_file = key.and_then(|key| below.file.value(&key));
        if let Some(value) = from_file {
            check(&arg, &name, OsStr::new(&value.text), below.file.origin(value))?;
        }
        let from_environment = below.environment.get(&variable);
        // An empty variable restores the default, also over a value of the file.
        let value = match from_environment {
            Some(value) if value.is_empty() => None,
            Some(value) => {
                check(&arg, &name, value, Origin::Environment(variable))?;
                Some(value.clone())
            }
            None => from_file.map(|value| OsString::from(&value.text)),
        };
        command = command.mut_arg(arg.get_id(), |arg| {
            // The variable is read here rather than by clap, so that its faults are reported with its name.
            let arg = arg.env(None::<&'static str>);
            match value {
                Some(value) => arg.required(false).default_value(value),
                None => arg,
            }
        });
    }
    let names: Vec<_> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        let mut outcome = Ok(());
        command = command.mut_subcommand(name, |subcommand| match filled(subcommand.clone(), below) {
            Ok(filled) => filled,
            Err(error) => {
                outcome = Err(error);
                subcommand
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
fn check(arg: &Arg, name: &str, value: &OsStr, origin: Origin) -> Result<()> {
    let mut word = OsString::from(format!("--{}=", arg.get_long().unwrap_or_default()));
    word.push(value);
    let alone = arg.clone().required(false).global(false).env(None::<&'static str>);
    // The options that it requires or excludes concern the command line alone.
    let command = Command::new("settings").no_binary_name(true).arg(alone);
    let Err(error) = command.try_get_matches_from([word]) else { return Ok(()) };
    if error.kind() == ErrorKind::ArgumentConflict || error.kind() == ErrorKind::MissingRequiredArgument {
        return Ok(());
    }
    let given = Given { name: name.to_owned(), value: value.to_string_lossy().into_owned(), origin };
    Err(Error::Unfit { given: given.into(), against: None, detail: usage::allowed(&error) })
}
