//! The help of the program: the commands in groups, the options of all commands, and the exit codes.

use std::fmt::Write;

use clap::{ArgAction, Args, Subcommand};
use pipeline::ExitCode;

use super::{Command, GlobalArgs};

/// The commands in the order of the help. A command of a feature that is switched off is left out.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Make lists", &["run", "schedule", "sample"]),
    ("Check and measure", &["evaluate", "verify"]),
    ("Manage generations", &["generations", "diff", "rollback", "pin", "unpin", "prune"]),
    ("Use several machines", &["partition", "shard", "cluster"]),
    ("Settings", &["config"]),
];

const EXAMPLES: &str = "\
Examples:
  pipeline                                run on data/sample, publish to output
  pipeline run --ratings r.csv --movies m.csv --output out
  pipeline evaluate --ratings r.csv --splits 5
  pipeline generations --output out
  pipeline help run                       all options of a command, with an example";

const SETTINGS: &str = "\
Settings: recommender.toml, or the file that --config names; over it the
environment (RECOMMENDER__SCORING__N=50 for n in [scoring]); over both the
options. `pipeline config` prints the values in effect and where they come from.

Object stores (s3://bucket/prefix): AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION; AWS_ENDPOINT for another provider than Amazon, with
AWS_ALLOW_HTTP=true if it has no TLS.";

/// The template of the help, without the options of `run`, which the program takes without a command.
pub(super) const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}";

/// Returns the help below the usage.
pub(super) fn overview() -> String {
    let mut text = "Without a command, the options are those of `run`.\n".to_owned();
    let commands = Command::augment_subcommands(clap::Command::new("pipeline"));
    for (heading, names) in GROUPS {
        let commands = names.iter().filter_map(|name| commands.find_subcommand(name));
        let rows = commands.map(|command| (command.get_name().to_owned(), command.get_about()));
        table(&mut text, heading, 13, rows);
    }
    let options = GlobalArgs::augment_args(clap::Command::new("pipeline"));
    let rows = options.get_arguments().filter_map(|arg| {
        let name = arg.get_long()?;
        let value = arg.get_value_names().filter(|_| matches!(arg.get_action(), ArgAction::Set));
        let value = value.and_then(|names| names.first()).map(|name| format!(" <{name}>"));
        Some((format!("--{name}{}", value.unwrap_or_default()), arg.get_help()))
    });
    table(&mut text, "Options of all commands", 24, rows);
    let _ = write!(text, "\n{EXAMPLES}\n\n{SETTINGS}\n\n{}", ExitCode::help());
    text
}

fn table<T: std::fmt::Display>(
    text: &mut String,
    heading: &str,
    width: usize,
    rows: impl Iterator<Item = (String, Option<T>)>,
) {
    // A `String` accepts every write.
    let _ = writeln!(text, "\n{heading}:");
    for (name, help) in rows {
        let help = help.map(|help| help.to_string()).unwrap_or_default();
        let _ = writeln!(text, "  {name:width$}{help}");
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_its_help_has_an_example() {
        for mut command in Cli::command().get_subcommands().cloned() {
            let name = command.get_name().to_owned();
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&name.as_str()));
            assert_eq!(groups.count(), 1, "{name}");
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example") && help.contains(&format!("\n  pipeline {name}")), "{help}");
        }
    }

    #[test]
    fn the_help_of_the_program_fits_a_screen_and_names_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.lines().count() < 70, "{help}");
        assert!(!help.contains("--factors"), "{help}");
        for says in ["--config <FILE>", "--quiet\u{20}", "Check and measure:"] {
            assert!(help.contains(says), "no `{says}` in {help}");
        }
        for code in ExitCode::ALL {
            assert!(help.contains(&format!("\n  {}  ", code.number())), "{help}");
        }
    }
}
