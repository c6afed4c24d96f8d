//! Values that are not allowed: refused with code 2, by the option, the line and key, or the variable.

use std::process::Command;

use harness::{Ended, World, program, sample};
use serde_json::Value;

/// Values of which an option accepts some, and refuses the others by its name.
const VALUES: [&str; 10] = ["0", "-1", "nan", "inf", "-inf", "1e300", "", "%$#", "many", "half past two"];

/// A command with what it needs besides the option under test. None of them changes anything with these arguments.
struct Commands {
    program: &'static str,
    command: &'static str,
    needs: &'static [&'static str],
}

const COMMANDS: [Commands; 12] = [
    // `config` takes the options of `run`, `schedule` and `prune`.
    Commands { program: "pipeline", command: "config", needs: &[] },
    Commands { program: "pipeline", command: "evaluate", needs: &["--ratings=absent.csv"] },
    Commands { program: "pipeline", command: "verify", needs: &["--output=absent"] },
    Commands { program: "pipeline", command: "diff", needs: &["20261123T023000.125Z", "--output=absent"] },
    Commands { program: "pipeline", command: "generations", needs: &["--output=absent"] },
    Commands { program: "pipeline", command: "rollback", needs: &["--output=absent"] },
    Commands { program: "pipeline", command: "pin", needs: &["20261123T023000.125Z", "--output=absent"] },
    Commands {
        program: "pipeline",
        command: "partition",
        needs: &["--ratings=absent.csv", "--shards=2", "--out=absent"],
    },
    Commands { program: "pipeline", command: "shard", needs: &["--index=0", "--output=absent"] },
    Commands {
        program: "pipeline",
        command: "sample",
        needs: &["--users=1", "--movies=40", "--ratings=20", "--out=made"],
    },
    Commands { program: "server", command: "config", needs: &[] },
    Commands { program: "server", command: "healthcheck", needs: &["--listen=127.0.0.1:1"] },
];

impl Commands {
    fn command(&self, world: &World) -> Command {
        let mut command = program(self.program);
        command.current_dir(world.path("")).arg(self.command);
        command
    }

    /// The command with what it needs, but without the option `but`.
    fn without(&self, world: &World, but: &str) -> Command {
        let mut command = self.command(world);
        command.args(self.needs.iter().filter(|word| !word.starts_with(&format!("{but}="))));
        command
    }

    /// The options that take a value, from the help.
    fn options(&self, world: &World) -> Vec<String> {
        let help = Ended::of(self.command(world).arg("--help")).stdout;
        let options = help.lines().filter_map(|line| {
            let (name, _) = line.trim_start().split_once(" <")?;
            name.starts_with("--").then(|| name.to_owned())
        });
        options.collect()
    }
}

/// Checks that a command has accepted a value, or refused it by a name.
fn accepted_or_refused(ended: &Ended, names: &[&str], what: &str) -> bool {
    match ended.status.code() {
        // An option that needs another one is not refused for its value.
        Some(2) if ended.stderr.contains("the command needs --") => true,
        Some(2) => {
            assert!(names.iter().all(|name| ended.stderr.contains(name)), "{what}: {}", ended.stderr);
            let says = [" cannot be ", "cannot read", "exclude each other"];
            assert!(says.iter().any(|says| ended.stderr.contains(says)), "{what}: {ended:?}");
            // One object, in one line, as all errors of the log.
            let error: Value = serde_json::from_str(&ended.stderr).unwrap();
            let message = error["message"].as_str().unwrap();
            for foreign in
                ["invalid digit", "invalid float", "invalid value", "For more information", "non-zero"]
            {
                assert!(!message.contains(foreign), "{what}: {message}");
            }
            false
        }
        Some(0 | 1) => {
            assert!(!ended.stderr.contains("cannot be"), "{what}: {}", ended.stderr);
            true
        }
        _ => panic!("{what}: {ended:?}"),
    }
}

/// Tries all options of a command, and returns how many values were accepted and refused.
fn try_options(command: &Commands) -> (usize, usize) {
    let world = World::new();
    let (mut n_accepted, mut n_refused) = (0, 0);
    let options = command.options(&world);
    assert!(options.iter().any(|option| option == "--config"), "{} {options:?}", command.command);
    // The options of all commands are tried with one.
    let of_all = ["--config", "--threads", "--log-format"];
    for option in
        options.iter().filter(|option| command.command == "config" || !of_all.contains(&option.as_str()))
    {
        for value in VALUES {
            let (in_one_word, in_two) = ([format!("{option}={value}")], [option.clone(), value.to_owned()]);
            let mut forms = vec![&in_one_word[..]];
            // Only what looks like an option is parsed in another way.
            forms.extend(value.starts_with('-').then_some(&in_two[..]));
            for words in forms {
                let ended = Ended::of(command.without(&world, option).args(words));
                let what = format!("{} {} {words:?}", command.program, command.command);
                match accepted_or_refused(&ended, &[option], &what) {
                    true => n_accepted += 1,
                    false => n_refused += 1,
                }
            }
        }
    }
    (n_accepted, n_refused)
}

#[test]
fn every_option_accepts_a_value_or_refuses_it_by_its_name() {
    let tried = std::thread::scope(|scope| {
        let threads: Vec<_> = COMMANDS.iter().map(|command| scope.spawn(|| try_options(command))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let n_accepted: usize = tried.iter().map(|(accepted, _)| accepted).sum();
    let n_refused: usize = tried.iter().map(|(_, refused)| refused).sum();
    assert!(n_accepted > 200 && n_refused > 500, "{n_accepted} {n_refused}");
}

#[test]
fn every_key_of_the_file_and_every_variable_accepts_a_value_or_refuses_it_by_its_origin() {
    let world = World::new();
    let defaults = Ended::of(program("pipeline").args(["config", "--default"])).stdout;
    let mut section = "";
    let mut n_keys = 0;
    for line in defaults.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let key = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        let Some((key, _)) = key.and_then(|rest| rest.split_once(" =")) else { continue };
        n_keys += 1;
        let of = if section == "server" { "server" } else { "pipeline" };
        let config = |file: &str| {
            world.write("recommender.toml", file);
            let mut command = program(of);
            command.current_dir(world.path("")).arg("config");
            command
        };
        let name = format!("{section}.{key}");
        for value in VALUES {
            let plain = ["0", "-1", "nan", "inf", "-inf", "1e300"].contains(&value);
            let literal = if plain { value.to_owned() } else { format!("\"{value}\"") };
            let file = format!("[{section}]\n{key} = {literal}\n");
            let ended = Ended::of(&mut config(&file));
            accepted_or_refused(&ended, &["line 2 of recommender.toml", &name], &file);
            let variable = format!("RECOMMENDER__{}", name.to_uppercase().replace('.', "__"));
            let ended = Ended::of(config("").env(&variable, value));
            accepted_or_refused(&ended, &[&variable, &name], &format!("{variable}={value}"));
        }
    }
    assert!(n_keys > 50, "{n_keys}");
}

#[test]
fn settings_that_contradict_each_other_are_named_with_the_origins_of_both() {
    let world = World::new();
    let [ratings, movies] = ["ratings.csv", "movies.csv"].map(|name| sample(name).display().to_string());
    let input = format!("[input]\nratings = \"{ratings}\"\nmovies = \"{movies}\"\n");
    for (file, args, says) in [
        (
            "min_rating = 7",
            &[][..],
            "line 4 of recommender.toml: input.min_rating cannot be 7 with --max-rating 5 (default)",
        ),
        (
            "min_rating = 7\nmax_rating = 3",
            &[],
            "input.min_rating cannot be 7 with input.max_rating 3 (line 5 of recommender.toml)",
        ),
        (
            "max_rating = 0.1",
            &[],
            "line 4 of recommender.toml: input.max_rating cannot be 0.1 with --min-rating 0.5",
        ),
        (
            "min_rating = 7",
            &["--max-rating", "6"],
            "input.min_rating cannot be 7 with --max-rating 6 (the command line)",
        ),
        ("", &["--min-rating", "5"], "--min-rating cannot be 5 with --max-rating 5 (default)"),
        ("min_rating = -3e38\nmax_rating = 3e38", &[], "both finite"),
        ("", &["--relevant-at", "9"], "--relevant-at cannot be 9 with --max-rating 5 (default)"),
        (
            "train_shards = 9\n[scoring]\nshards = 4",
            &[],
            "line 4 of recommender.toml: input.train_shards cannot be 9 with scoring.shards 4 (line 6 of",
        ),
        ("[gate]\nmax_loss = nan", &[], "line 5 of recommender.toml: gate.max_loss cannot be nan"),
    ] {
        world.write("recommender.toml", format!("{input}{file}\n"));
        for command in ["config", "run", "schedule"] {
            let mut pipeline = program("pipeline");
            let ended = Ended::of(pipeline.current_dir(world.path("")).arg(command).args(args));
            assert_eq!(ended.status.code(), Some(2), "{file}: {ended:?}");
            assert!(ended.stderr.contains(says), "{file}: no `{says}` in {}", ended.stderr);
        }
    }
    assert!(!world.path("output").exists());
}

#[test]
fn a_default_that_does_not_fit_the_data_is_not_the_fault_of_the_usage() {
    let world = World::new();
    // No user has rated two movies, so that there is no newest rating to hold out beside another.
    let rows: String = (1..30).map(|n| format!("{n},{},4,{n}\n", 1 + n % 2)).collect();
    let ratings = world.write("few.csv", format!("userId,movieId,rating,timestamp\n{rows}"));
    let evaluate = |args: &[&str]| {
        let mut command = program("pipeline");
        Ended::of(command.args(["evaluate", "--split=newest", "--k=1", "--ratings"]).arg(&ratings).args(args))
    };
    let ended = evaluate(&[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("--test-fraction cannot be 0.2, the default: "), "{}", ended.stderr);
    let ended = evaluate(&["--test-fraction=0.3"]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--test-fraction cannot be 0.3: "), "{}", ended.stderr);
}

#[test]
fn an_error_of_the_command_line_has_the_format_of_the_log() {
    let error = |words: &[&str]| Ended::of(program("pipeline").args(words)).stderr;
    for words in [&["--depth=0"][..], &["verfy"], &["--nothing"], &["sample"], &["--once", "--depth"]] {
        let event: Value = serde_json::from_str(&error(words)).unwrap();
        assert_eq!((&event["level"], &event["target"]), (&"ERROR".into(), &"pipeline".into()), "{event}");
        let text = error(&[words, &["--log-format=text"]].concat());
        assert!(text.starts_with("error: ") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn ratings_on_another_scale_get_the_advice_to_state_it_and_no_other() {
    let world = World::new();
    let text = std::fs::read(sample("ratings.csv")).unwrap();
    let text = String::from_utf8_lossy(&text);
    let rows = text.lines().skip(1).filter_map(|line| {
        let [user, movie, stars, time] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        Some(format!("{user},{movie},{},{time}\n", 2.0 * stars.parse::<f64>().ok()?))
    });
    let rows: String = rows.collect();
    let ten = world.write("ten.csv", format!("userId,movieId,rating,timestamp\n{rows}"));
    let mut command = world.pipeline("run");
    command.arg("--ratings").arg(ten).arg("--movies").arg(sample("movies.csv"));
    let ended = Ended::of(command.args(["--factors=16", "--epochs=2", "--rating-sweeps=2"]));
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert!(ended.stdout.contains("state the scale of the ratings"), "{}", ended.stdout);
    assert!(
        !ended.stdout.contains("try another") && !ended.stdout.contains("lower --min-lift"),
        "{}",
        ended.stdout
    );

    let high = "1,1,9,0\n1,2,8,0\n2,1,7,0\n";
    let high = world.write("high.csv", format!("userId,movieId,rating,timestamp\n{high}"));
    for command in ["run", "evaluate"] {
        let mut pipeline = program("pipeline");
        pipeline.current_dir(world.path("")).arg(command).arg("--ratings").arg(&high);
        let ended = Ended::of(pipeline.arg("--movies").arg(sample("movies.csv")));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let says = "state the scale of the ratings with --min-rating and --max-rating";
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}
