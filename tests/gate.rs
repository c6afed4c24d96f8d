//! A run that would make serving worse is kept and not published; the exit code and the report say why.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use harness::{Ended, MEASURED, World, eventually, program, sample};
use serde_json::Value;
use store::manifest::Verdict;

/// A world in which the sample was published.
fn published() -> World {
    let world = World::new();
    world.run_sample(&MEASURED);
    world
}

/// Runs on files with further arguments; see [`MEASURED`].
fn run(world: &World, ratings: &Path, movies: &Path, args: &[&str]) -> Ended {
    Ended::of(world.run_command(ratings, movies).args(MEASURED).args(args))
}

/// Panics unless the gate refuses a run because of at least the checks `failed`, and `CURRENT` stays.
fn refused(world: &World, ratings: &Path, movies: &Path, args: &[&str], failed: &[&str]) {
    let before = world.current();
    let ended = run(world, ratings, movies, &[args, &["--json"]].concat());
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert_eq!(world.current(), before);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["outcome"], "refused");
    assert_eq!(report["gate"]["verdict"], "refused");
    assert_eq!(report["gate"]["baseline"], before.as_str());
    let checks = report["gate"]["checks"].as_array().unwrap();
    let names: Vec<_> = checks
        .iter()
        .filter(|check| check["outcome"] == "failed")
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    for name in failed {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
    assert!(ended.stderr.contains("refused by the gate"), "{}", ended.stderr);
    // The generation is kept, and its manifest has the verdict.
    let id = report["generation"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.repository().manifest(&id).unwrap().account.gate.verdict, Verdict::Refused);
}

/// The sample's ratings as rows of four cells, without the rows that have another number of cells.
fn rows() -> Vec<Vec<String>> {
    let bytes = fs::read(sample("ratings.csv")).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let cells = text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    cells.filter(|cells| cells.len() == 4).collect()
}

fn csv(rows: &[Vec<String>]) -> String {
    let lines: Vec<_> = rows.iter().map(|cells| cells.join(",") + "\n").collect();
    format!("userId,movieId,rating,timestamp\n{}", lines.concat())
}

/// The sample's ratings with the cells of a column permuted, as by a join on the wrong key.
fn shuffled(column: usize) -> String {
    let mut rows = rows();
    let cells: Vec<_> = rows.iter().map(|row| row[column].clone()).collect();
    let n = cells.len();
    for (place, row) in rows.iter_mut().enumerate() {
        row[column].clone_from(&cells[(place * 7_919 + 13) % n]);
    }
    csv(&rows)
}

#[test]
fn truncated_ratings_are_refused_for_a_large_and_for_a_small_loss() {
    let world = published();
    let whole = fs::read(sample("ratings.csv")).unwrap();
    let half = world.write("half.csv", &whole[..whole.len() / 2]);
    refused(&world, &half, &sample("movies.csv"), &[], &["ratings", "users"]);
    // A loss within all bounds on amounts.
    let all_but_a_few_bytes = world.write("almost.csv", &whole[..whole.len() - 8]);
    refused(&world, &all_but_a_few_bytes, &sample("movies.csv"), &[], &["end of ratings"]);
}

#[test]
fn ratings_with_permuted_movies_or_stars_are_refused_by_the_quality_checks() {
    let world = published();
    let movies = world.write("movies-shuffled.csv", shuffled(1));
    refused(&world, &movies, &sample("movies.csv"), &[], &["ndcg@100", "rmse"]);
    let stars = world.write("stars-shuffled.csv", shuffled(2));
    refused(&world, &stars, &sample("movies.csv"), &[], &["ndcg@100", "rmse"]);
}

#[test]
fn a_file_with_few_movies_is_refused_and_an_empty_one_is_an_error() {
    let world = published();
    let before = world.current();
    for (name, content) in [("empty.csv", ""), ("header.csv", "movieId,title,genres\n")] {
        let ended = run(&world, &sample("ratings.csv"), &world.write(name, content), &[]);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains("no rows"), "{}", ended.stderr);
        assert_eq!(world.current(), before);
    }
    let few = fs::read_to_string(sample("movies.csv")).unwrap();
    let few: String = few.split_inclusive('\n').take(500).collect();
    let few = world.write("few.csv", few);
    let failed = ["movies described", "movies without metadata"];
    refused(&world, &sample("ratings.csv"), &few, &[], &failed);
}

#[test]
fn a_run_with_too_few_factors_is_refused() {
    let world = published();
    let mut command = world.pipeline("run");
    command.current_dir(sample("../..")).args(["--factors", "1"]).args(&MEASURED[2..]);
    let ended = Ended::of(&mut command);
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    for says in ["REFUSED", "failed: ndcg@100", "stays published", "pipeline diff", "pipeline rollback"] {
        assert!(ended.stdout.contains(says), "no `{says}` in\n{}", ended.stdout);
    }
}

#[test]
fn a_refused_generation_can_be_forced_with_a_reason_or_published_by_id() {
    let world = published();
    let whole = fs::read_to_string(sample("movies.csv")).unwrap();
    let few = world.write("few.csv", whole.split_inclusive('\n').take(500).collect::<String>());
    let ended = run(&world, &sample("ratings.csv"), &few, &["--force", "a new catalogue", "--json"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let gate = world.repository().manifest(&world.current()).unwrap().account.gate;
    assert_eq!((gate.verdict, gate.reason.as_deref()), (Verdict::Forced, Some("a new catalogue")));
    assert!(gate.failed().next().is_some());

    // The forced generation is now the baseline, and a further loss is refused.
    let fewer = world.write("fewer.csv", whole.split_inclusive('\n').take(100).collect::<String>());
    refused(&world, &sample("ratings.csv"), &fewer, &[], &["movies described"]);
    let id = world.repository().generations().unwrap().pop().unwrap();
    Ended::of(world.pipeline("rollback").arg(id.as_str())).assert_success();
    assert_eq!(world.current(), id);
}

#[test]
fn bounds_from_the_command_line_replace_the_defaults() {
    let world = published();
    let few = csv(&rows()[..30_000]);
    let few = world.write("few.csv", few);
    let movies = sample("movies.csv");
    refused(&world, &few, &movies, &[], &["ratings", "users"]);
    refused(&world, &few, &movies, &["--max-loss", "0.2"], &["ratings", "users"]);
    let bounds = ["--max-loss", "0.4", "--max-quality-loss", "0.5"];
    let ended = run(&world, &few, &movies, &bounds);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn a_run_with_unchanged_input_publishes_only_with_the_option_always() {
    let world = published();
    let before = world.current();
    let again = |ratings: &Path, args: &[&str]| {
        let ended = run(&world, ratings, &sample("movies.csv"), &[args, &["--json"]].concat());
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()["outcome"].clone()
    };
    assert_eq!(again(&sample("ratings.csv"), &[]), "unchanged");
    // A file with the same content and another name is unchanged input.
    let copy = world.write("copy.csv", fs::read(sample("ratings.csv")).unwrap());
    assert_eq!(again(&copy, &[]), "unchanged");
    assert_eq!(world.current(), before);
    assert_eq!(world.repository().generations().unwrap().len(), 1);

    // The file has the same length; one rating differs.
    let mut changed = rows();
    changed[0][2] = if changed[0][2] == "4.0" { "3.0" } else { "4.0" }.to_owned();
    let changed = world.write("changed.csv", csv(&changed));
    assert_eq!(again(&changed, &[]), "published");
    assert_eq!(again(&changed, &["--seed", "3", "--max-quality-loss", "1"]), "published");
    assert_eq!(again(&changed, &["--seed", "3", "--always"]), "published");
    assert_eq!(world.repository().generations().unwrap().len(), 4);

    // A run replaces a published generation with a missing file.
    let dir = store::layout::generation_dir(&world.output(), &world.current());
    fs::remove_file(dir.join("records/db")).unwrap();
    assert_eq!(again(&changed, &["--seed", "3"]), "published");
    world.open_current();
}

#[test]
fn a_withdrawn_generation_is_not_published_again_by_a_run() {
    let world = published();
    let good = world.current();
    let mut other = rows();
    other.truncate(39_000);
    let other = world.write("other.csv", csv(&other));
    let run_on_other = || run(&world, &other, &sample("movies.csv"), &[]);
    assert_eq!(run_on_other().status.code(), Some(0));
    assert_ne!(world.current(), good);
    Ended::of(&mut world.pipeline("rollback")).assert_success();
    assert_eq!(world.current(), good);

    let ended = run_on_other();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for says in ["Unchanged", "withdrawn"] {
        assert!(ended.stdout.contains(says), "no `{says}` in\n{}", ended.stdout);
    }
    assert_eq!(world.current(), good);
}

#[test]
fn a_second_run_names_the_process_of_the_first_and_a_kill_releases_the_lock() {
    let world = World::new();
    let mut first = world.pipeline("run");
    first.current_dir(sample("../..")).args(["--epochs", "5000"]).stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    eventually("the first run holds the lock", || {
        fs::read_to_string(world.output().join("LOCK")).is_ok_and(|holder| holder.contains("process"))
    });
    let ended = run(&world, &sample("ratings.csv"), &sample("movies.csv"), &[]);
    assert_eq!(ended.status.code(), Some(4), "{ended:?}");
    let holder = format!("process {}", first.id());
    assert!(ended.stderr.contains(&holder) && ended.stderr.contains("LOCK"), "{}", ended.stderr);

    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(run(&world, &sample("ratings.csv"), &sample("movies.csv"), &[]).status.code(), Some(0));
}

#[test]
fn a_run_reports_that_current_has_moved_and_keeps_its_generation() {
    let world = published();
    let first = world.current();
    world.run_sample(&[&MEASURED[..], &["--seed", "2", "--max-quality-loss", "1"]].concat());
    let mut slow = program("pipeline");
    slow.args(["run", "--output"]).arg(world.output()).current_dir(sample("../.."));
    slow.args(["--factors", "32", "--epochs", "100", "--rating-sweeps", "6", "--max-quality-loss", "1"]);
    let log = world.path("log");
    let mut slow = slow.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    eventually("the run has read its input", || {
        fs::read_to_string(&log).unwrap().contains("read and cleaned")
    });
    // A rollback does not wait for the run, and the run does not undo it.
    Ended::of(&mut world.pipeline("rollback")).assert_success();
    assert_eq!(world.current(), first);
    let code = slow.wait().unwrap().code();
    let log = fs::read_to_string(&log).unwrap();
    assert_eq!(code, Some(4), "{log}");
    assert!(log.contains("CURRENT was moved by another") && log.contains("pipeline rollback"), "{log}");
    assert_eq!(world.current(), first);
    assert_eq!(world.repository().generations().unwrap().len(), 3);
}

#[test]
fn lists_shorter_than_a_hundred_are_judged_by_the_gate() {
    let world = published();
    let movies = world.write("movies-shuffled.csv", shuffled(1));
    let short = ["--depth", "20"];
    refused(&world, &movies, &sample("movies.csv"), &short, &["ndcg@10", "rmse"]);
    // A first run has no published generation to be compared with. Its lists are in the order of popularity, since such
    // ratings say nothing else; so they are refused if they must be better.
    let first = World::new();
    let ended = run(&first, &movies, &sample("movies.csv"), &[&short[..], &["--min-lift", "0.1"]].concat());
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert!(ended.stdout.contains("failed: ndcg@20"), "{}", ended.stdout);
}

#[test]
fn a_first_run_on_ratings_of_ten_stars_is_refused_with_the_option_to_set() {
    let world = World::new();
    let mut ratings = rows();
    ratings.iter_mut().for_each(|row| {
        if let Ok(stars) = row[2].parse::<f32>() {
            row[2] = (2.0 * stars).to_string();
        }
    });
    let ratings = world.write("ten.csv", csv(&ratings));
    let ended = run(&world, &ratings, &sample("movies.csv"), &[]);
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert!(ended.stdout.contains("rating out of range"), "{}", ended.stdout);
    assert!(ended.stdout.contains("--max-rating"), "{}", ended.stdout);
    let ended = run(&world, &ratings, &sample("movies.csv"), &["--min-rating", "1", "--max-rating", "10"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}
