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
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::fs;
    use std::path::{Path, PathBuf};

    use clap::{Parser, Subcommand};
    use limits::{Limits, Refused};

    use super::*;
    use crate::{Failed, LogFormat, parse_from, within};

    /// A program with options that are settings, and one that is not.
    #[derive(Debug, Parser)]
    #[command(args_conflicts_with_subcommands = true)]
    struct Program {
        #[command(subcommand)]
        command: Option<Below>,
        #[command(flatten)]
        everywhere: Everywhere,
        #[command(flatten)]
        list: List,
    }

    #[derive(Debug, clap::Args)]
    struct List {
        #[arg(long, env = "RECOMMENDER__SCORING__N", default_value_t = 100)]
        #[arg(value_parser = within(Limits::of(1_u16, 1000)))]
        depth: u16,
        #[arg(long, value_name = "FILE", env = "RECOMMENDER__INPUT__RATINGS")]
        ratings: Option<PathBuf>,
        #[arg(long, env = "RECOMMENDER__GATE__MIN_LIFT", default_value_t = 0.5)]
        lift: f64,
        #[arg(long, env = "RECOMMENDER__TRAINING__OBJECTIVE", value_parser = ["ranking", "rating"], default_value = "ranking")]
        objective: String,
        #[arg(long)]
        json: bool,
    }

    #[derive(Debug, clap::Args)]
    struct Everywhere {
        #[arg(long, global = true)]
        config: Option<PathBuf>,
        #[arg(long, global = true, env = "RECOMMENDER__BATCH__THREADS")]
        threads: Option<u8>,
    }

    #[derive(Debug, Subcommand)]
    enum Below {
        Run(List),
    }

    struct Case {
        dir: tempfile::TempDir,
        environment: BTreeMap<String, OsString>,
    }

    impl Case {
        fn new(file: &str, environment: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("r.toml"), file).unwrap();
            let environment =
                environment.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
            Self { dir, environment }
        }

        fn parse(&self, words: &str) -> Result<clap::error::Result<(Program, Sources)>, Failed> {
            let words = ["program"].into_iter().chain(words.split_whitespace()).map(OsString::from).collect();
            parse_from(words, self.environment.clone(), &self.dir.path().join("r.toml"))
        }

        fn list(&self, words: &str) -> (List, Vec<Setting>) {
            let (program, sources) = self.parse(words).unwrap().unwrap();
            let list = match program.command {
                Some(Below::Run(list)) => list,
                None => program.list,
            };
            (list, effective(&sources))
        }
    }

    #[test]
    fn the_command_line_overrides_the_environment_and_that_overrides_the_file() {
        let file = "[scoring]\nn = 10\n[gate]\nmin_lift = -inf\n[input]\nratings = \"a b.csv\"\n";
        let case = Case::new(file, &[("RECOMMENDER__SCORING__N", "20"), ("HOME", "/root")]);
        for words in ["--depth 30", "run --depth 30"] {
            let (list, settings) = case.list(words);
            assert_eq!((list.depth, list.lift), (30, f64::NEG_INFINITY));
            let depth = settings.iter().find(|setting| setting.key == "scoring.n");
            assert_eq!(depth.unwrap().origin, Origin::CommandLine);
        }
        let (_, settings) = Case::new("[batch]\nthreads = 2\n", &[]).list("run");
        let threads = settings.iter().find(|setting| setting.key == "batch.threads");
        assert_eq!((settings.len(), threads.unwrap().value.as_deref()), (5, Some("2")));
        let (list, settings) = case.list("run --json");
        assert_eq!((list.depth, list.ratings, list.json), (20, Some(PathBuf::from("a b.csv")), true));
        let shown = show(&settings);
        for line in [
            "[scoring]\nn = 20                                   # the variable RECOMMENDER__SCORING__N",
            "ratings = \"a b.csv\"                      # line 6 of ",
            "min_lift = -inf ",
            "objective = \"ranking\"                    # default",
        ] {
            assert!(shown.contains(line), "{shown}");
        }
        // The output is itself a settings file.
        let shown = Case::new(&shown, &[]);
        assert_eq!(shown.list("").0.depth, 20);
        assert_eq!(Case::new(file, &[]).list("").0.depth, 10);
        assert_eq!(Case::new("", &[]).list("").0.depth, 100);
        assert_eq!(Case::new(file, &[("RECOMMENDER__SCORING__N", "")]).list("").0.depth, 100);
        let unset = |setting: &Setting| setting.key == "input.ratings" && setting.value.is_none();
        assert!(Case::new("", &[]).list("").1.iter().any(unset));
    }

    #[test]
    fn values_are_written_so_that_they_are_read_back() {
        let words = [
            "a b",
            "007",
            "infinity",
            "nan",
            "1.",
            "C:\\x",
            "\"so\"",
            "two\nlines",
            "5",
            "-inf",
            "1e3",
            "true",
        ];
        for text in words {
            let shown = literal(text);
            let read = DeValue::parse(&shown).unwrap_or_else(|e| panic!("{shown}: {e}"));
            let again = match read.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.as_str().to_owned(),
                DeValue::Float(number) => number.as_str().to_owned(),
                DeValue::Boolean(flag) => flag.to_string(),
                other => panic!("{shown}: {other:?}"),
            };
            assert_eq!(again, text);
        }
    }

    #[test]
    fn help_is_printed_despite_faulty_settings() {
        let broken = Case::new("[scorng]\n", &[("RECOMMENDER__NO__SUCH", "1")]);
        assert!(broken.parse("run").is_err());
        let help = broken.parse("run --help").unwrap().unwrap_err();
        assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp);
    }

    #[test]
    fn bad_values_are_named_with_their_origin() {
        let bad = |file: &str, environment: &[(&str, &str)], words: &str| {
            Case::new(file, environment).parse(words).unwrap_err().to_string()
        };
        let allowed = "give a whole number from 1 to 1000";
        for value in ["0", "-1", "nan", "inf", "-inf", "1e300", "1.5", "\"\"", "\"many\"", "true", "70_000"] {
            let error = bad(&format!("\n[scoring]\nn = {value}\n"), &[], "run");
            let text = value.replace(['"', '_'], "");
            let named = format!("scoring.n cannot be {}: {allowed}", Refused::shown(&text));
            assert!(error.starts_with("line 3 of ") && error.ends_with(&named), "{error}");
            let error = bad("", &[], &format!("run --depth {value}"));
            assert!(error.starts_with("--depth cannot be ") && error.ends_with(allowed), "{error}");
        }
        let swallowed = bad("", &[], "run --ratings --json");
        let expected = "--ratings cannot be --json: that is an option; give a value, as in --ratings <FILE>";
        assert_eq!(swallowed, expected);
        let error = bad("", &[("RECOMMENDER__SCORING__N", "-1")], "");
        assert_eq!(error, format!("the variable RECOMMENDER__SCORING__N: scoring.n cannot be -1: {allowed}"));
        let error = bad("[training]\nobjective = \"stars\"", &[], "");
        assert!(error.contains("cannot be stars: give one of ranking, rating"), "{error}");
        let error = bad("", &[("RECOMMENDER__SCORING__M", "1")], "");
        assert!(error.contains("there is no setting scoring.m; is scoring.n meant?"), "{error}");
    }

    #[test]
    fn a_value_that_the_program_refuses_is_named_with_its_origin() {
        let explained = |file: &str, words: &str| {
            let (_, sources) = Case::new(file, &[]).parse(words).unwrap().unwrap();
            let refused = Refused::new("--depth", 9, "it is above the lift").against("--lift", 2);
            sources.explain(&refused).to_string()
        };
        let error = explained("[scoring]\nn = 9\n", "run");
        let says = "scoring.n cannot be 9 with --lift 2 (default): it is above the lift";
        assert!(error.starts_with("line 2 of ") && error.ends_with(says), "{error}");
        let error = explained("[scoring]\nn = 9\n", "--lift=2");
        assert!(
            error.ends_with("scoring.n cannot be 9 with --lift 2 (the command line): it is above the lift")
        );
        // The default is not the fault of the user.
        let error = explained("", "run --lift=2");
        assert_eq!(error, "--lift cannot be 2 with --depth 9 (default): it is above the lift");
    }

    #[test]
    fn a_fault_is_printed_in_the_format_of_the_log_that_any_source_asks_for() {
        let format = |file: &str, environment: &[(&str, &str)], words: &str| {
            Case::new(file, environment).parse(words).unwrap_err().format
        };
        assert_eq!(format("[log]\nformat = \"json\"\n[scoring]\nn = 0\n", &[], ""), LogFormat::Json);
        assert_eq!(format("", &[("RECOMMENDER__LOG__FORMAT", "json")], "--nothing"), LogFormat::Json);
        assert_eq!(
            format("", &[("RECOMMENDER__LOG__FORMAT", "json")], "--x --log-format text"),
            LogFormat::Text
        );
        assert_eq!(format("[scorng]", &[], "run --log-format=json"), LogFormat::Json);
        assert_eq!(format("", &[], "--log-format=xml"), LogFormat::Auto);
    }

    #[test]
    fn the_file_is_named_by_the_option_or_the_variable_or_is_the_usual_one() {
        let case = Case::new("[scoring]\nn = 10\n", &[]);
        let other = case.dir.path().join("other.toml");
        fs::write(&other, "[scoring]\nn = 11\n").unwrap();
        for words in [format!("--config {}", other.display()), format!("run --config={}", other.display())] {
            assert_eq!(case.list(&words).0.depth, 11, "{words}");
        }
        let named = Case::new("", &[("RECOMMENDER_CONFIG", other.to_str().unwrap())]);
        assert_eq!(named.list("").0.depth, 11);
        assert!(case.parse("--config /nowhere.toml").unwrap_err().to_string().contains("/nowhere.toml"));
        let none = parse_from::<Program>(vec!["program".into()], BTreeMap::new(), Path::new("/nowhere.toml"));
        assert_eq!(none.unwrap().unwrap().0.list.depth, 100);
    }
}
