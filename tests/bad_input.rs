//! What is refused, in which words, and that nothing is touched by it.

use std::fs;
use std::path::Path;

use store::layout;

use crate::harness::{Ended, World, sample};

const HEADER: &str = "userId,movieId,rating,timestamp\n";

/// Runs on files that cannot give a generation: must fail with a message that says all of `says`.
fn refused(world: &World, ratings: &Path, movies: &Path, says: &[&str]) {
    let mut command = world.pipeline("run");
    let ended = Ended::of(command.arg("--ratings").arg(ratings).arg("--movies").arg(movies));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let last = ended.stderr.lines().last().unwrap_or_default();
    for text in says {
        assert!(last.contains(text), "no `{text}` in `{last}`");
    }
    assert!(ended.stdout.is_empty());
}

#[test]
fn input_that_cannot_be_used_is_refused_by_name_and_the_output_is_not_even_made() {
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
    assert!(!world.output().exists());
}

#[test]
fn a_failed_run_leaves_the_published_generation_as_it_was() {
    let world = World::new();
    world.run_sample(&["--test-fraction", "0"]);
    let before = layout::current(&world.output()).unwrap();
    let n_generations = || fs::read_dir(layout::generations_dir(&world.output())).unwrap().count();

    let torn = world.write("torn.csv", format!("{HEADER}1,2"));
    refused(&world, &torn, &sample("movies.csv"), &["0 ratings", "1 rows were rejected"]);

    assert_eq!(layout::current(&world.output()).unwrap(), before);
    assert_eq!(n_generations(), 1);
}

#[test]
fn settings_out_of_range_are_refused_by_the_name_of_the_option() {
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
    ] {
        let mut command = world.pipeline("run");
        let ended = Ended::of(command.current_dir(sample("../..")).arg(format!("{option}={value}")));
        assert_eq!(ended.status.code(), Some(1), "{option} {value}: {ended:?}");
        assert!(ended.stderr.contains(option), "{option} {value}: {}", ended.stderr);
    }
    assert!(!world.output().exists());
}
