//! The effective settings, each with its origin.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use toml::de::DeValue;

use crate::command_line::{Sources, setting};
use crate::error::Origin;

/// An effective setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key, such as `scoring.n`.
    pub key: String,
    /// Its value as text; `None` where it is not set, and the program decides.
    pub value: Option<String>,
    /// The place where it is set.
    pub origin: Origin,
}

/// Returns the settings of the given command, in the order of its options.
#[must_use]
pub fn effective(sources: &Sources) -> Vec<Setting> {
    let (arguments, matches) = deepest(sources);
    let settings = arguments.into_iter().filter_map(|arg| Some((arg, setting(arg)?)));
    let settings = settings.map(|(arg, key)| {
        let raw = matches.get_raw(arg.get_id().as_str()).map(|values| {
            let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
            values.join(",")
        });
        Setting { key, value: raw, origin: origin_of(sources, matches, arg) }
    });
    settings.collect()
}

/// Returns the options of the given command, with those that it shares with all others, and their values.
pub(crate) fn deepest(sources: &Sources) -> (Vec<&Arg>, &ArgMatches) {
    let (mut command, mut matches) = (&sources.command, &sources.matches);
    let mut above = Vec::new();
    while let Some((name, below)) = matches.subcommand() {
        let Some(named) = command.find_subcommand(name) else { break };
        above.extend(command.get_arguments().filter(|arg| arg.is_global_set()));
        (command, matches) = (named, below);
    }
    (command.get_arguments().chain(above).collect(), matches)
}

/// Returns where the value of an option is set.
pub(crate) fn origin_of(sources: &Sources, matches: &ArgMatches, arg: &Arg) -> Origin {
    let variable = arg.get_env().and_then(|variable| variable.to_str()).unwrap_or_default();
    if matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
        Origin::CommandLine
    } else if sources.environment.contains_key(variable) {
        Origin::Environment(variable.to_owned())
    } else {
        let value = setting(arg).and_then(|key| sources.file.value(&key));
        value.map_or(Origin::Default, |value| sources.file.origin(value))
    }
}

/// Writes settings as a TOML file, each with its origin in a comment.
#[must_use]
pub fn show(settings: &[Setting]) -> String {
    let mut settings: Vec<_> = settings.iter().collect();
    // The settings of a section stand together, in their order.
    let sections: Vec<_> = settings.iter().map(|setting| section(&setting.key).to_owned()).collect();
    settings.sort_by_key(|setting| sections.iter().position(|name| name == section(&setting.key)));
    let mut lines = Vec::new();
    let mut current = "";
    for Setting { key, value, origin } in settings {
        if section(key) != current {
            current = section(key);
            let gap = if lines.is_empty() { "" } else { "\n" };
            lines.push(format!("{gap}[{current}]"));
        }
        let name = &key[key.rfind('.').map_or(0, |dot| dot + 1)..];
        lines.push(match value {
            Some(value) => {
                let setting = format!("{name} = {}", literal(value));
                // A line break in the name of the file would end the comment.
                format!("{setting:<40} # {}", printable::line(&origin.to_string()))
            }
            None => format!("{:<40} # not set", format!("#{name} =")),
        });
    }
    lines.join("\n")
}

fn section(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(section, _)| section)
}

/// Writes a value as TOML: numbers and booleans as they are, all others in quotes.
fn literal(text: &str) -> String {
    let is_plain =
        |value: &DeValue<'_>| matches!(value, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_));
    match DeValue::parse(text) {
        Ok(value) if is_plain(value.get_ref()) => text.to_owned(),
        _ => printable::toml_string(text),
    }
}

#[cfg(test)]
mod tests;
