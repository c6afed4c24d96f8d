//! Refused input: the message, the exit code, and nothing is written.

use std::fs;
use std::path::Path;

use harness::{Ended, World, program, sample};
use store::layout;

const HEADER: &str = "userId,movieId,rating,timestamp\n";

/// Panics unless a run on two files fails and the last line of its log has all of `says`.
fn refused(world: &World, ratings: &Path, movies: &Path, says: &[&str]) {
    let ended = Ended::of(&mut world.run_command(ratings, movies));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let last = ended.stderr.lines().last().unwrap_or_default();
    for text in says {
        assert!(last.contains(text), "no `{text}` in `{last}`");
    }
    assert!(ended.stdout.is_empty());
}

#[test]
fn unusable_input_is_refused_with_the_name_of_its_file_and_nothing_is_written() {
    let world = World::new();
    let movies = sample("movies.csv");
    let case = |name: &str, content: &str, says: &[&str]| {
        let path = world.write(name, content);
        let mut says = says.to_vec();
        says.push(name);
        refused(&world, &path, &movies, &says);
    };
    refused(&world, &world.path("absent.csv"), &movies, &["absent.csv", "cannot open"]);
    refused(&world, &sample("ratings.csv"), &world.path("no-movies.csv"), &["no-movies.csv"]);
    case("empty.csv", "", &["no rows"]);
    case("header.csv", HEADER, &["no rows"]);
    case(
        "column.csv",
        "userId,movieId,stars,timestamp\n1,2,3,4\n",
        &["column `rating`", "userId,movieId,stars"],
    );
    case(
        "few.csv",
        &format!("{HEADER}1,2,3.5,9\n1,3,4.0,9\n,9,4.0,9\n"),
        &["2 ratings of 1 users", "at least 20"],
    );
    let bad_movies = world.write("bad-movies.csv", "id,title,genres\n1,One,Drama\n");
    refused(&world, &sample("ratings.csv"), &bad_movies, &["bad-movies.csv", "column `movieId`"]);
    for (name, content) in [("empty-movies.csv", ""), ("headed-movies.csv", "movieId,title,genres\n")] {
        let movies = world.write(name, content);
        refused(&world, &sample("ratings.csv"), &movies, &[name, "no rows"]);
    }
    let made: Vec<_> =
        fs::read_dir(world.output()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(made, ["LOCK"]);
}

#[test]
fn a_failed_run_leaves_the_published_generation_unchanged() {
    let world = World::new();
    world.run_quickly(&[]);
    let before = world.current();
    let n_generations = || fs::read_dir(layout::generations_dir(&world.output())).unwrap().count();

    let torn = world.write("torn.csv", format!("{HEADER}1,2"));
    refused(&world, &torn, &sample("movies.csv"), &["0 ratings", "1 rows were rejected"]);

    assert_eq!(world.current(), before);
    assert_eq!(n_generations(), 1);
}

#[test]
fn settings_out_of_range_are_refused_with_the_name_of_the_option() {
    let world = World::new();
    for (option, value) in [
        ("--depth", "0"),
        ("--test-fraction", "1"),
        ("--test-fraction", "-0.1"),
        ("--factors", "0"),
        ("--epochs", "0"),
        ("--regularization", "0"),
        ("--regularization", "NaN"),
        ("--min-rating", "6"),
        ("--max-loss", "-0.1"),
        ("--max-quality-loss", "NaN"),
    ] {
        let mut command = world.pipeline("run");
        let ended = Ended::of(command.current_dir(sample("../..")).arg(format!("{option}={value}")));
        assert_eq!(ended.status.code(), Some(2), "{option} {value}: {ended:?}");
        assert!(ended.stderr.contains(option), "{option} {value}: {}", ended.stderr);
    }
    assert!(!world.output().exists());
}

/// Panics unless an evaluation fails with an exit code and its log has all of `says`.
fn evaluation_refused(args: &[&str], code: i32, says: &[&str]) {
    let mut command = program("pipeline");
    let ended = Ended::of(command.current_dir(sample("../..")).arg("evaluate").args(args));
    assert_eq!(ended.status.code(), Some(code), "{args:?}: {ended:?}");
    for text in says {
        assert!(ended.stderr.contains(text), "{args:?}: no `{text}` in `{}`", ended.stderr);
    }
    assert!(ended.stdout.is_empty());
}

#[test]
fn an_evaluation_without_a_result_is_refused_with_the_name_of_the_option() {
    for (args, says) in [
        (&["--k", "10,0"][..], "--k cannot be 0"),
        (&["--k", "10,5000"], "--k cannot be 5000: there are only 2000 movies"),
        (&["--test-fraction", "0"], "--test-fraction cannot be 0"),
        (&["--test-fraction=-1"], "--test-fraction cannot be -1"),
        (&["--test-fraction", "1", "--split", "newest"], "--test-fraction cannot be 1"),
        (&["--test-fraction", "0.0000001"], "holds out 0"),
        (&["--splits", "0"], "--splits cannot be 0"),
        (&["--train-users", "0"], "--train-users cannot be 0"),
        (&["--train-users", "1.5"], "--train-users cannot be 1.5"),
        (&["--splits", "2", "--split", "newest"], "--splits cannot be 2"),
        (&["--relevant-at", "5.5"], "--relevant-at cannot be 5.5"),
        (&["--min-rating", "6"], "--min-rating"),
        (&["--relevant-at", "good"][..], "`any`"),
        (&["--k", "ten"], "--k"),
        (&["--split", "oldest"], "newest"),
        (&["--train", "a.csv"], "--test"),
        (&["--test", "b.csv"], "--train"),
        (&["--train", "a.csv", "--test", "b.csv", "--split", "newest"], "--split"),
        (&["--train", "a.csv", "--test", "b.csv", "--ratings", "c.csv"], "--ratings"),
        (&["--train", "a.csv", "--test", "b.csv", "--splits", "2"], "--splits"),
    ] {
        evaluation_refused(args, 2, &[says]);
    }
}

#[test]
fn train_and_test_files_that_do_not_match_are_refused_with_their_names() {
    let world = World::new();
    let write = |name: &str, rows: &str| world.write(name, format!("{HEADER}{rows}")).display().to_string();
    let rows: Vec<_> = (0..30).map(|cell| format!("{},{},4.0,9\n", cell / 6, cell % 6)).collect();
    let train = write("train.csv", &rows.concat());
    let case = |rows: &str, says: &[&str]| {
        let test = write("test.csv", rows);
        let mut says = says.to_vec();
        says.extend(["train.csv", "test.csv"]);
        evaluation_refused(&["--train", &train, "--test", &test], 1, &says);
    };
    case("3,90,4.0,9\n3,4,4.0,9\n", &["both files have the rating of movie 4 by user 3"]);
    case("90,4,4.0,9\n", &["no user in common"]);
    case("3,90,4.0,9\n", &["no movie in common"]);
    case(",90,4.0,9\n", &["none of its ratings", "1 rows were rejected"]);
    let few = write("few.csv", "1,2,3.5,9\n");
    evaluation_refused(&["--train", &few, "--test", &train], 1, &["few.csv", "at least 20"]);
    evaluation_refused(&["--train", &train, "--test", "absent.csv"], 1, &["absent.csv", "cannot open"]);
}
