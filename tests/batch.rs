//! A run, whole.

use std::collections::HashSet;
use std::fs;

use serde_json::Value;
use store::layout;

use crate::harness::{Ended, World, program, sample};

#[test]
fn a_run_ends_with_a_summary_that_says_what_was_done_and_how_to_serve_it() {
    let world = World::new();
    let mut command = program("pipeline");
    command.current_dir(sample("../..")).arg("--output").arg(world.output());
    let ended = Ended::of(&mut command);
    assert!(ended.status.success(), "{}", ended.stderr);
    let generation = layout::current(&world.output()).unwrap().unwrap();
    for says in
        ["rows of data/sample/ratings.csv", "kept", "rejected", "missing user", "RMSE", "scores/s", "server"]
    {
        assert!(ended.stdout.contains(says), "no `{says}` in\n{}", ended.stdout);
    }
    assert!(ended.stdout.contains(generation.as_str()));
}

#[test]
fn the_account_is_printed_as_json_and_stored_in_the_manifest() {
    let world = World::new();
    let account = world.run_sample(&[]);
    let generation = layout::current(&world.output()).unwrap().unwrap();
    let stored = layout::generation_dir(&world.output(), &generation).join(layout::MANIFEST);
    assert_eq!(account, serde_json::from_slice::<Value>(&fs::read(stored).unwrap()).unwrap());

    let rows = &account["rows"];
    let count = |name: &str| rows[name].as_u64().unwrap();
    assert_eq!(count("read"), count("kept") + count("merged") + count("rejected"));
    let by_reason = rows["rejected_by_reason"].as_object().unwrap();
    assert_eq!(by_reason.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), count("rejected"));
    for phase in ["ingest", "evaluate", "train", "score", "publish"] {
        assert!(account["phases"][phase]["seconds"].as_f64().unwrap() > 0.0, "{phase}");
        assert!(account["phases"][phase]["peak_rss_bytes"].is_u64(), "{phase}");
    }
    assert!(account["scores_per_second"].as_f64().unwrap() > 0.0);
    assert!(account["metrics"]["rmse"].as_f64().unwrap() < 1.0);
}

#[test]
fn every_rejected_row_is_listed_with_its_line() {
    let world = World::new();
    let account = world.run_sample(&[]);
    let generation = layout::current(&world.output()).unwrap().unwrap();
    let rejects = layout::generation_dir(&world.output(), &generation).join("rejects.csv");
    let rejects = fs::read_to_string(rejects).unwrap();
    let rejected =
        account["rows"]["rejected"].as_u64().unwrap() + account["movie_rows"]["rejected"].as_u64().unwrap();
    assert!(rejected > 0, "the sample has dirt");
    assert_eq!(rejects.lines().count() as u64, rejected + 1);

    let ratings = fs::read(sample("ratings.csv")).unwrap();
    let lines: Vec<_> = ratings.split(|&byte| byte == b'\n').map(String::from_utf8_lossy).collect();
    let mut n_checked = 0;
    for reject in rejects.lines().filter(|line| line.contains("missing_user")) {
        let line: usize = reject.split(',').nth(1).unwrap().parse().unwrap();
        assert!(lines[line - 1].starts_with(','), "line {line} is `{}`", lines[line - 1]);
        n_checked += 1;
    }
    assert!(n_checked > 0);
}

#[test]
fn every_list_is_as_long_as_it_can_be_in_order_and_free_of_what_the_user_has_seen() {
    let world = World::new();
    let account = world.run_sample(&["--depth", "50"]);
    let generation = world.open_current();
    let n_movies = account["counts"]["movies"].as_u64().unwrap() as usize;
    let mut n_users = 0;
    for user in generation.users() {
        let user = user.unwrap();
        let list = generation.top_n(user).unwrap().unwrap();
        let history = generation.history(user).unwrap().unwrap();
        assert!(history.movies.is_sorted_by(|a, b| a < b), "{user}");
        assert_eq!(list.movies.len(), 50.min(n_movies - history.movies.len()), "{user}");
        let seen: HashSet<_> = history.movies.iter().collect();
        assert!(list.movies.iter().all(|movie| !seen.contains(movie)), "{user}");
        assert_eq!(list.movies.iter().collect::<HashSet<_>>().len(), list.movies.len(), "{user}");
        let entries: Vec<_> = list.scores.iter().zip(&list.movies).collect();
        assert!(entries.is_sorted_by(|a, b| a.0 > b.0 || (a.0 == b.0 && a.1 < b.1)), "{user}");
        for &movie in &list.movies {
            assert!(generation.movie(movie).unwrap().is_some(), "{movie}");
        }
        n_users += 1;
    }
    assert_eq!(account["counts"]["users"].as_u64().unwrap(), n_users);
}

#[test]
fn the_same_input_gives_the_same_records_whatever_the_threads_and_the_order_of_the_rows() {
    let world = World::new();
    let one = world.run_sample(&["--threads", "1"]);
    let three = world.run_sample(&["--threads", "3"]);
    assert_ne!(one["generation"], three["generation"]);
    assert_eq!(one["content_digest"], three["content_digest"]);

    let ratings = fs::read(sample("ratings.csv")).unwrap();
    let mut lines: Vec<&[u8]> = ratings.split_inclusive(|&byte| byte == b'\n').collect();
    lines[1..].reverse();
    let reversed = world.write("reversed.csv", lines.concat());
    let reversed = world.run(&reversed, &sample("movies.csv"), &[]);
    assert_eq!(reversed["rows"], one["rows"]);
    assert_eq!(reversed["content_digest"], one["content_digest"]);

    let other_seed = world.run_sample(&["--seed", "2"]);
    assert_ne!(other_seed["content_digest"], one["content_digest"]);
}

#[test]
fn a_rated_movie_without_metadata_is_ranked_and_named_by_its_id() {
    let world = World::new();
    let movies = world.write("movies.csv", "movieId,title,genres\n999999,\"Unrated, The (1999)\",Drama\n");
    let account = world.run(&sample("ratings.csv"), &movies, &[]);
    assert_eq!(account["counts"]["movies_without_metadata"], account["counts"]["movies"]);
    let generation = world.open_current();
    let movie = generation.fallback().movies[0];
    assert_eq!(generation.movie(movie).unwrap().unwrap().title, format!("Movie {movie}"));
}

#[test]
fn an_evaluation_prints_one_line_a_split_or_json_and_publishes_nothing() {
    let world = World::new();
    let evaluate = |args: &[&str]| {
        let mut command = program("pipeline");
        let ended =
            Ended::of(command.current_dir(sample("../..")).args(["evaluate", "--splits", "2"]).args(args));
        assert!(ended.status.success(), "{}", ended.stderr);
        ended.stdout
    };
    let table = evaluate(&[]);
    assert_eq!(table.lines().count(), 4, "{table}");
    let json: Value = serde_json::from_str(&evaluate(&["--json"])).unwrap();
    assert_eq!(json["splits"].as_array().unwrap().len(), 2);
    assert!(json["mean"]["rmse"].as_f64().unwrap() > json["mean"]["mae"].as_f64().unwrap());
    assert!(!world.output().exists());
}

#[test]
fn made_data_has_the_shape_and_the_dirt_it_was_asked_for() {
    let world = World::new();
    let out = world.path("made");
    let mut command = program("pipeline");
    command.args(["sample", "--users", "100", "--movies", "300", "--ratings", "5000", "--seed", "9"]);
    let ended = Ended::of(command.args(["--dirt", "0.05", "--out"]).arg(&out));
    assert!(ended.status.success(), "{}", ended.stderr);
    let account = world.run(&out.join("ratings.csv"), &out.join("movies.csv"), &[]);
    assert_eq!(account["counts"]["users"], 100);
    let reasons = account["rows"]["rejected_by_reason"].as_object().unwrap();
    for reason in
        ["missing_user", "rating_out_of_range", "torn_row", "too_many_columns", "bad_utf8", "bad_rating"]
    {
        assert!(reasons.contains_key(reason), "no {reason} in {reasons:?}");
    }
    assert!(account["rows"]["merged"].as_u64().unwrap() > 0);
}
