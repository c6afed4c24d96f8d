//! Measures and lists where ratings are few, of one time, or on another scale.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use harness::{Ended, World, member, program, sample};
use serde_json::{Value, json};
use store::manifest::Outcome;

/// Options of a model that is trained in a moment and measured.
const MEASURED: [&str; 6] = ["--factors", "32", "--epochs", "8", "--rating-sweeps", "2"];

/// A rating: user, movie, stars, time.
type Rating = (u32, u32, f32, i64);

/// The ratings of the sample, by user and movie. Unreadable rows are left out.
fn rows() -> Vec<Rating> {
    let bytes = fs::read(sample("ratings.csv")).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let row = |line: &str| -> Option<Rating> {
        let cells: Vec<&str> = line.split(',').collect();
        let [user, movie, stars, time] = cells[..] else { return None };
        let stars: f32 = stars.parse().ok()?;
        let row = (user.parse().ok()?, movie.parse().ok()?, stars, time.parse().ok()?);
        (0.5..=5.0).contains(&stars).then_some(row)
    };
    let by_pair: BTreeMap<(u32, u32), Rating> =
        text.lines().filter_map(row).map(|row| ((row.0, row.1), row)).collect();
    by_pair.into_values().collect()
}

fn csv(rows: &[Rating]) -> String {
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for (user, movie, stars, time) in rows {
        writeln!(text, "{user},{movie},{stars},{time}").unwrap();
    }
    text
}

/// Runs `evaluate` and returns its JSON and its log.
fn evaluate(args: &[&str]) -> (Value, String) {
    let ended = Ended::of(program("pipeline").arg("evaluate").args(["--json"]).args(MEASURED).args(args));
    assert!(ended.status.success(), "{}", ended.stderr);
    (serde_json::from_str(&ended.stdout).unwrap(), ended.stderr)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// 200 whole users, and users with one rating to train on and one held out, cut from the ratings of the other users.
fn many_single_users() -> (Vec<Rating>, Vec<Rating>) {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    let all = rows();
    for of_user in all.chunk_by(|one, next| one.0 == next.0) {
        if of_user[0].0 <= 200 {
            train.extend_from_slice(of_user);
            continue;
        }
        // A step that has no factor in common with most lengths mixes popular and obscure movies.
        let n = of_user.len();
        let mixed: Vec<Rating> = (0..n).map(|place| of_user[place * 37 % n]).collect();
        for (number, pair) in (0..).zip(mixed.chunks_exact(2)) {
            let user = of_user[0].0 * 1_000 + number;
            if pair[0].1 != pair[1].1 {
                train.push((user, pair[0].1, pair[0].2, pair[0].3));
                test.push((user, pair[1].1, pair[1].2, pair[1].3));
            }
        }
    }
    (train, test)
}

#[test]
fn users_with_one_rating_are_served_no_worse_than_by_popularity_and_are_not_measured_by_it() {
    let world = World::new();
    let (train, test) = many_single_users();
    let (ratings, test) = (world.write("train.csv", csv(&train)), world.write("test.csv", csv(&test)));
    let (measured, _) = evaluate(&["--train", path(&ratings), "--test", path(&test), "--k", "10,100"]);
    let slice = member(&measured, "/slices/0");
    assert_eq!((&slice["min_ratings"], &slice["max_ratings"]), (&1.into(), &1.into()), "{slice}");
    assert!(slice["users"].as_u64().unwrap() > 1_000, "{slice}");
    for name in ["ndcg@10", "ndcg@100"] {
        let figure = |of: &str| slice["metrics"][name][of].as_f64().unwrap();
        let noise = 3.0 * figure("standard_error");
        assert!(figure("model") >= figure("popularity") - noise, "{name}: {slice}");
    }

    // A run of these ratings measures the whole users, and says that it cannot measure the others.
    let account = world.run(&ratings, &sample("movies.csv"), &MEASURED);
    let measurement = &account["measurement"];
    let n_single = test_users(&train);
    assert_eq!(measurement["users"]["not_measurable"], n_single, "{measurement}");
    let slices = measurement["slices"].as_array().unwrap();
    assert!(slices.iter().all(|slice| slice["min_ratings"].as_u64().unwrap() > 1), "{measurement}");
    // The list of a user is that of the user's ratings in a request.
    let server = world.serve_when_ready();
    for &(user, movie, stars, _) in train.iter().filter(|row| row.0 > 1_000).step_by(997) {
        let stored = server.get(&format!("/recommendations?user_id={user}&n=20")).ids();
        let ratings = json!({ "ratings": [{ "id": movie, "rating": stars }], "n": 20 });
        let folded_in = server.post("/recommendations", &ratings.to_string()).ids();
        assert_eq!(stored, folded_in, "user {user}");
    }
}

/// The number of users with one rating.
fn test_users(train: &[Rating]) -> usize {
    let mut n_ratings = BTreeMap::<u32, usize>::new();
    train.iter().for_each(|row| *n_ratings.entry(row.0).or_default() += 1);
    n_ratings.values().filter(|&&n| n == 1).count()
}

#[test]
fn where_every_user_has_one_rating_the_lists_are_in_the_order_of_popularity() {
    let world = World::new();
    // Movie m of ten has 2 m + 11 raters.
    let movies = (0..10u32).flat_map(|movie| std::iter::repeat_n(movie + 1, 11 + 2 * movie as usize));
    let ratings: Vec<Rating> =
        (1..).zip(movies).map(|(user, movie)| (user, movie, 3.0 + (user % 3) as f32, 0)).collect();
    assert_eq!(ratings.len(), 200);
    let file = world.write("ones.csv", csv(&ratings));
    let account = world.run(&file, &sample("movies.csv"), &MEASURED);
    assert_eq!(account["metrics"], json!({}));
    assert!(account.get("measurement").is_none(), "{account}");
    let quality = account["gate"]["checks"].as_array().unwrap().iter();
    let quality: Vec<_> = quality.filter(|check| check["name"] == "quality").collect();
    assert!(quality[0]["detail"].as_str().unwrap().contains("one rating each"), "{quality:?}");
    let generation = world.open_current();
    for &(user, seen, ..) in &ratings {
        let list = generation.tables().top_n(store::UserId::new(user)).unwrap().unwrap();
        let ids: Vec<u32> = list.movies.iter().map(|movie| movie.get()).collect();
        let expected: Vec<u32> = (1..=10).rev().filter(|&movie| movie != seen).collect();
        assert_eq!(ids, expected, "user {user}");
    }
    let ended = Ended::of(program("pipeline").args(["evaluate", "--k", "5", "--ratings"]).arg(&file));
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("one rating, which cannot be held out"), "{}", ended.stderr);
}

#[test]
fn a_split_by_time_of_equal_times_is_about_as_hard_as_one_at_random_and_warns() {
    let world = World::new();
    let rows = rows();
    let at = |time: fn(usize) -> i64| -> Vec<Rating> {
        rows.iter().enumerate().map(|(place, row)| (row.0, row.1, row.2, time(place))).collect()
    };
    let equal = world.write("equal.csv", csv(&at(|_| 1_500_000_000)));
    let halves = world.write("halves.csv", csv(&at(|place| 1_500_000_000 + (place % 2) as i64)));
    let different =
        world.write("different.csv", csv(&at(|place| 1_500_000_000 + (place * 7_919 % 40_009) as i64)));
    let newest = |file: &Path| evaluate(&["--ratings", path(file), "--split", "newest"]);
    let (random, _) = evaluate(&["--ratings", path(&equal)]);
    for (file, is_drawn) in [(&equal, true), (&halves, true), (&different, false)] {
        let (found, log) = newest(file);
        assert_eq!(
            log.contains("drawn at random among ratings of the same user and time"),
            is_drawn,
            "{log}"
        );
        assert_eq!(found["splits"][0]["n_drawn"].as_u64().unwrap() > 0, is_drawn);
        for side in ["model", "popularity"] {
            let [found, random] = [&found, &random].map(|json| json[side]["ndcg@10"].as_f64().unwrap());
            assert!((found / random - 1.0).abs() < 0.25, "{side}: {found} by time, {random} at random");
        }
    }
    assert_eq!(newest(&equal).0, newest(&equal).0);
    assert_ne!(
        newest(&equal).0,
        evaluate(&["--ratings", path(&equal), "--split", "newest", "--seed", "2"]).0
    );
}

#[test]
fn the_relevant_ratings_follow_the_scale_and_are_recorded_by_a_run() {
    let world = World::new();
    let rows: Vec<Rating> = rows().into_iter().filter(|row| row.0 <= 150).collect();
    let on = |name: &str, stars: fn(f32) -> f32| {
        let rows: Vec<Rating> = rows.iter().map(|row| (row.0, row.1, stars(row.2), row.3)).collect();
        world.write(name, csv(&rows))
    };
    let is_high = |stars: f32| f32::from(u8::from(stars >= 4.0));
    for (name, file, min, max, relevant_at) in [
        ("stars", on("a.csv", |stars| stars), "0.5", "5", 4.0),
        ("points", on("b.csv", |stars| 2.0 * stars), "1", "10", 8.0),
        ("percent", on("c.csv", |stars| 20.0 * stars), "0", "100", 75.0),
        ("likes", on("d.csv", is_high), "0", "1", 0.75),
        ("likes and dislikes", on("e.csv", |stars| if stars >= 4.0 { 1.0 } else { -1.0 }), "-1", "1", 0.5),
        ("events", on("f.csv", |_| 1.0), "0.5", "5", 1.0),
        ("events on a large scale", on("g.csv", |_| 1.0), "0", "100", 1.0),
    ] {
        let args = ["--ratings", path(&file), "--min-rating", min, "--max-rating", max, "--k", "10"];
        let (found, _) = evaluate(&args);
        assert_eq!(found["relevant_at"], relevant_at, "{name}");
        assert!(found["model"]["ndcg@10"].as_f64().unwrap() > 0.0, "{name}: {found}");
        if name.starts_with("events") {
            assert_eq!(found["users"]["without_relevant"], 0, "{name}: all are relevant");
        }
    }
    let points = world.path("b.csv");
    let on_points = ["--min-rating", "1", "--max-rating", "10"];
    let run = |args: &[&str]| {
        world.run(&points, &sample("movies.csv"), &[&MEASURED, &on_points[..], args].concat())
    };
    let auto = run(&[]);
    assert_eq!(
        (&auto["parameters"]["relevant_at"], &auto["measurement"]["relevant_at"]),
        (&"auto".into(), &8.0.into())
    );
    let checks = &world.repository().manifest(&world.current()).unwrap().account.gate.checks;
    let lift = checks.iter().find(|check| check.name == "lift over popularity").unwrap();
    assert_ne!(lift.outcome, Outcome::Skipped, "{lift:?}");
    let stated = run(&["--relevant-at", "6", "--force", "test"]);
    assert_eq!(stated["measurement"]["relevant_at"], 6.0);
    let any = run(&["--relevant-at", "any", "--force", "test"]);
    assert_eq!(
        (&any["parameters"]["relevant_at"], &any["measurement"]["relevant_at"]),
        (&"any".into(), &Value::Null)
    );
}
