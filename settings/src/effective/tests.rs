//! Tests of the sources of settings, from a command line to the list of effective values.

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
        let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
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
    let words =
        ["a b", "007", "infinity", "nan", "1.", "C:\\x", "\"so\"", "two\nlines", "5", "-inf", "1e3", "true"];
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
    assert!(error.ends_with("scoring.n cannot be 9 with --lift 2 (the command line): it is above the lift"));
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
    assert_eq!(format("", &[("RECOMMENDER__LOG__FORMAT", "json")], "--x --log-format text"), LogFormat::Text);
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
