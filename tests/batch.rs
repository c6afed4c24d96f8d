//! A run, from its input to its records, and evaluations.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use harness::{Ended, MEASURED, SMALL_MODEL, World, member, program, sample};
use serde_json::Value;
use store::layout;

/// Panics unless a text has a line.
fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|other| other == line), "no line `{line}` in\n{text}");
}

#[test]
fn a_run_prints_a_summary_and_the_command_that_serves_its_lists() {
    let world = World::new();
    let mut command = program("pipeline");
    command.current_dir(sample("../..")).arg("--output").arg(world.output());
    let ended = Ended::of(&mut command).assert_success();
    let (generation, output) = (world.current(), world.output());
    let server = PathBuf::from(program("server").get_program());
    let account = world.repository().manifest(&generation).unwrap().account;
    let figure = |name: &str| account.metrics[name];
    let (rmse, mae) = (figure("rmse"), figure("mae"));
    assert!(rmse < 0.9, "{rmse}");
    let lists = ["ndcg@10", "popularity_ndcg@10", "recall@20", "popularity_recall@20"].map(figure);
    for line in [
        "Read      40,800 rows of data/sample/ratings.csv",
        "                40,000 kept",
        "                   114 merged  (of a movie rated twice, the later rating counts)",
        "                   686 rejected",
        "                   124   missing user",
        "                 1,990 movies described",
        "Trained   on 40,000 ratings of 600 users and 2,000 movies",
        &format!("          RMSE {rmse:.4}, MAE {mae:.4} stars on held-out ratings"),
        &format!(
            "          NDCG@10 {:.3} (most popular {:.3}), Recall@20 {:.3} (most popular {:.3})",
            lists[0], lists[1], lists[2], lists[3]
        ),
        &format!("Published {generation} in {}", output.display()),
        &format!("Serve it: {} --store {}", server.display(), output.display()),
    ] {
        assert_line(&ended.stdout, line);
    }
    let took = ended.stdout.lines().find(|line| line.starts_with("Took ")).unwrap();
    for phase in ["write ", "upload ", "publish "] {
        assert!(took.contains(phase), "no {phase}in {took}");
    }
    let scored = ended.stdout.lines().find(|line| line.starts_with("Scored ")).unwrap();
    let (scored, per_second) = scored.split_once("; ").unwrap();
    assert_eq!(scored, "Scored    600 users, the best 100 of each");
    let per_second = per_second.strip_suffix(" candidates/s").unwrap().replace(',', "");
    assert_eq!(per_second, (account.candidates_per_second as u64).to_string());
}

#[test]
fn the_account_is_printed_as_json_and_stored_in_the_manifest() {
    let world = World::new();
    let mut account = world.run_sample(&MEASURED);
    let generation = world.current();
    let stored = layout::generation_dir(&world.output(), &generation).join(layout::MANIFEST);
    let mut stored: Value = serde_json::from_slice(&fs::read(stored).unwrap()).unwrap();
    // Only the account has the outcome, the report and the phases after sealing; only the manifest has its digest.
    assert!(stored.as_object_mut().unwrap().remove("digest").unwrap().is_string());
    stored["outcome"] = "published".into();
    assert!(account.as_object_mut().unwrap().remove("report").unwrap().is_string());
    for phase in ["upload", "publish"] {
        let usage = account["phases"].as_object_mut().unwrap().remove(phase).unwrap();
        assert!(usage["seconds"].as_f64().unwrap() > 0.0 && usage["peak_rss_bytes"].is_u64(), "{phase}");
    }
    assert_eq!(account, stored);

    let rows = &account["rows"];
    let count = |name: &str| rows[name].as_u64().unwrap();
    assert_eq!(count("read"), count("kept") + count("merged") + count("rejected"));
    let by_reason = rows["rejected_by_reason"].as_object().unwrap();
    assert_eq!(by_reason.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), count("rejected"));
    for phase in ["ingest", "evaluate", "train", "score", "gate", "write"] {
        assert!(account["phases"][phase]["seconds"].as_f64().unwrap() > 0.0, "{phase}");
        assert!(account["phases"][phase]["peak_rss_bytes"].is_u64(), "{phase}");
    }
    assert!(account["candidates_per_second"].as_f64().unwrap() > 0.0);
    assert!(account["metrics"]["rmse"].as_f64().unwrap() < 1.0);
    for name in ["recall@20", "ndcg@10", "ndcg@100", "coverage@10"] {
        assert!(account["metrics"][name].as_f64().unwrap() > 0.0, "{name}");
        assert!(account["metrics"][format!("popularity_{name}")].as_f64().unwrap() > 0.0, "{name}");
    }
}

#[test]
fn every_rejected_row_is_listed_with_its_line_number() {
    let world = World::new();
    let account = world.run_quickly(&[]);
    let generation = world.current();
    let rejects = layout::generation_dir(&world.output(), &generation).join("rejects.csv");
    let rejects = fs::read_to_string(rejects).unwrap();
    let rejected =
        account["rows"]["rejected"].as_u64().unwrap() + account["movie_rows"]["rejected"].as_u64().unwrap();
    assert!(rejected > 0, "the sample has unusable rows");
    assert_eq!(rejects.lines().count() as u64, rejected + 1);

    let ratings = fs::read(sample("ratings.csv")).unwrap();
    let lines: Vec<_> = ratings.split(|&byte| byte == b'\n').map(String::from_utf8_lossy).collect();
    let without_user: Vec<_> = rejects.lines().filter(|line| line.contains("missing_user")).collect();
    assert_eq!(
        without_user.len() as u64,
        member(&account, "/rows/rejected_by_reason/missing_user").as_u64().unwrap()
    );
    for reject in without_user {
        let line: usize = reject.split(',').nth(1).unwrap().parse().unwrap();
        assert!(lines[line - 1].starts_with(','), "line {line} is `{}`", lines[line - 1]);
    }
}

#[test]
fn every_list_is_complete_and_sorted_and_has_no_seen_movie() {
    let world = World::new();
    let account = world.run_quickly(&["--depth", "50"]);
    let generation = world.open_current();
    let generation = generation.tables();
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
fn the_same_input_gives_the_same_records_for_any_number_of_threads_and_any_order_of_rows() {
    let world = World::new();
    let one = world.run_quickly(&["--threads", "1"]);
    let two = world.run_quickly(&["--threads", "2", "--always"]);
    assert_ne!(member(&one, "/generation"), member(&two, "/generation"));
    let digest = |account: &Value| member(account, "/content_digest").as_str().unwrap().to_owned();
    assert_eq!(digest(&one), digest(&two));

    let ratings = fs::read(sample("ratings.csv")).unwrap();
    let mut lines: Vec<&[u8]> = ratings.split_inclusive(|&byte| byte == b'\n').collect();
    lines[1..].reverse();
    let reversed = world.write("reversed.csv", lines.concat());
    let reversed = world.run(&reversed, &sample("movies.csv"), &SMALL_MODEL);
    assert_eq!(member(&reversed, "/rows"), member(&one, "/rows"));
    assert_eq!(digest(&reversed), digest(&one));

    let other_seed = world.run_quickly(&["--seed", "2"]);
    assert_ne!(digest(&other_seed), digest(&one));
}

#[test]
fn a_rated_movie_without_metadata_is_ranked_and_named_by_its_id() {
    let world = World::new();
    let movies = world.write("movies.csv", "movieId,title,genres\n999999,\"Unrated, The (1999)\",Drama\n");
    let args = [&SMALL_MODEL[..], &["--max-unnamed", "1"]].concat();
    let account = world.run(&sample("ratings.csv"), &movies, &args);
    assert_eq!(member(&account, "/counts/movies_without_metadata"), member(&account, "/counts/movies"));
    let generation = world.open_current();
    let generation = generation.tables();
    let movie = generation.fallback().movies[0];
    assert_eq!(generation.movie(movie).unwrap().unwrap().title, format!("Movie {movie}"));
}

/// The standard output of an evaluation, by default on the sample. It must succeed.
fn evaluate(args: &[&str]) -> String {
    let mut command = program("pipeline");
    Ended::of(command.current_dir(sample("../..")).arg("evaluate").args(args)).assert_success().stdout
}

/// The figures of an evaluation as JSON. See [`evaluate`].
fn evaluate_json(args: &[&str]) -> Value {
    serde_json::from_str(&evaluate(&[args, &["--json"]].concat())).unwrap()
}

/// A number below a million with a separator of thousands, as in the table.
fn grouped(n: u64) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) }
}

/// The metrics of lists: the titles of their rows in the table, and their names in JSON.
const LIST_METRICS: [(&str, &str); 7] = [
    ("Recall", "recall"),
    ("NDCG", "ndcg"),
    ("MAP", "map"),
    ("Hit rate", "hit_rate"),
    ("Coverage", "coverage"),
    ("Gini", "gini"),
    ("Top 1 % share", "top_1_percent_share"),
];

#[test]
fn an_evaluation_prints_the_model_and_the_most_popular_movies_as_a_table_or_as_json() {
    let args = [&MEASURED[..], &["--splits", "2", "--k", "5,10"]].concat();
    let (table, json) = (evaluate(&args), evaluate_json(&args));
    let number = |pointer: &str| member(&json, pointer).as_f64().unwrap();
    for line in [
        "Read      40,800 rows of data/sample/ratings.csv: 40,000 kept, 114 merged, 686 rejected",
        "Held out  8,000 ratings (0.2 of all, at random); trained on 32,000",
        "          600 users, 2,000 movies, seed 1 to 2",
        &format!(
            "Relevant  held-out ratings of 4 stars or more: {} users have one, {} do not, over all splits",
            grouped(number("/users/evaluated") as u64),
            grouped(number("/users/without_relevant") as u64)
        ),
        "                                model      most popular",
    ] {
        assert_line(&table, line);
    }
    // Each row of the table has the figures of the JSON, and there is a row for every figure.
    let cell = |side: &str, name: &str| {
        format!(
            "{:.4} ± {:.4}",
            number(&format!("/{side}/{name}")),
            number(&format!("/spread/{side}/{name}"))
        )
    };
    for (title, name) in [("RMSE", "rmse"), ("MAE", "mae")] {
        assert_line(&table, &format!("{title:<19} {:>17} {:>17}", cell("model", name), "-"));
        assert!(json["popularity"].get(name).is_none());
    }
    for (title, name) in LIST_METRICS {
        for k in [5, 10] {
            let (title, name) = (format!("{title}@{k}"), format!("{name}@{k}"));
            let (model, popularity) = (cell("model", &name), cell("popularity", &name));
            assert_line(&table, &format!("{title:<19} {model:>17} {popularity:>17}"));
        }
    }
    assert!(number("/model/rmse") > number("/model/mae"));
    let splits = json["splits"].as_array().unwrap();
    assert_eq!(splits.iter().map(|split| split["seed"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(json["split"], "random");
}

#[test]
fn the_figures_of_an_evaluation_depend_on_the_split_and_not_on_the_number_of_threads() {
    let evaluate_json = |args: &[&str]| evaluate_json(&[&MEASURED[..], args].concat());
    let newest = evaluate_json(&["--split", "newest", "--threads", "1"]);
    assert_eq!(newest, evaluate_json(&["--split", "newest", "--threads", "3"]));
    let random = evaluate_json(&[]);
    for k in [10, 20, 100] {
        for (_, name) in LIST_METRICS {
            for side in ["model", "popularity"] {
                let figure = member(&random, &format!("/{side}/{name}@{k}")).as_f64().unwrap();
                assert!((0.0..=1.0).contains(&figure), "{side} {name}@{k}");
            }
        }
    }
    assert_eq!(newest["split"], "newest");
    assert_ne!(member(&newest, "/model"), member(&random, "/model"));
    let any = evaluate_json(&["--relevant-at", "any"]);
    assert_eq!(any["relevant_at"], "any");
    let without = |evaluation: &Value| member(evaluation, "/users/without_relevant").as_u64().unwrap();
    assert!(without(&any) < without(&random));
    assert_eq!(member(&any, "/model/rmse"), member(&random, "/model/rmse"));
}

#[test]
fn an_evaluation_of_two_files_accounts_for_the_rows_of_both() {
    let world = World::new();
    let part = |name: &str, held_out: bool| {
        let cells = (0..20).flat_map(|user| (0..12).map(move |movie| (user, movie)));
        let cells = cells.filter(|(user, movie)| ((7 * user + movie) % 5 == 0) == held_out);
        let rows = cells.map(|(user, movie)| format!("{user},{movie},{}.5,9\n", (user + movie) % 4 + 1));
        let header = "userId,movieId,rating,timestamp\n";
        world.write(name, format!("{header}{},3,4.0,9\n", rows.collect::<String>())).display().to_string()
    };
    let (train, test) = (part("train.csv", false), part("test.csv", true));
    let json = evaluate_json(&["--train", &train, "--test", &test, "--k", "2,12"]);
    assert_eq!(json["split"], "files");
    assert_eq!((&json["n_users"], &json["n_items"]), (&20.into(), &12.into()));
    for (path, kept) in [(train, "n_train"), (test, "n_test")] {
        let rows = &json["rows"][&path];
        assert_eq!(rows["rejected_by_reason"], serde_json::json!({ "missing_user": 1 }));
        assert_eq!(member(rows, "/kept"), member(&json, &format!("/splits/0/{kept}")), "{path}");
    }
    assert_eq!(json["model"]["recall@12"], 1.0, "a list of all movies has all that are relevant");
}

#[test]
fn generated_data_has_the_requested_users_and_unusable_rows() {
    let world = World::new();
    let out = world.path("generated");
    let mut command = program("pipeline");
    command.args(["sample", "--users", "100", "--movies", "300", "--ratings", "5000", "--seed", "9"]);
    Ended::of(command.args(["--dirt", "0.05", "--out"]).arg(&out)).assert_success();
    let account = world.run(&out.join("ratings.csv"), &out.join("movies.csv"), &SMALL_MODEL);
    assert_eq!(account["counts"]["users"], 100);
    let reasons = account["rows"]["rejected_by_reason"].as_object().unwrap();
    for reason in
        ["missing_user", "rating_out_of_range", "torn_row", "too_many_columns", "bad_utf8", "bad_rating"]
    {
        assert!(reasons.contains_key(reason), "no {reason} in {reasons:?}");
    }
    assert!(account["rows"]["merged"].as_u64().unwrap() > 0);
}
