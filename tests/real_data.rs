//! The figures on the real data. `RECOMMENDER_TEST_DATA` names the directory with `seed/` and `ml-latest-small/`. A missing
//! file is a failure.

use std::env;
use std::path::PathBuf;

use harness::{Ended, World, program};
use serde_json::Value;

use crate::folding::overlap;

fn real(name: &str) -> PathBuf {
    // The variable was set when the tests were built. Without it now, the file is missing.
    let dir = env::var_os("RECOMMENDER_TEST_DATA").unwrap_or_default();
    let path = PathBuf::from(dir).join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

/// The figures of an evaluation on a file of the real data.
fn evaluate(name: &str, args: &[&str]) -> Value {
    let mut command = program("pipeline");
    Ended::of(command.args(["evaluate", "--json", "--ratings"]).arg(real(name)).args(args)).json()
}

#[test]
fn the_seed_data_is_read_completely_and_served() {
    let world = World::new();
    let account = world.run(&real("seed/ratings.csv"), &real("seed/movies.csv"), &[]);
    let rows = &account["rows"];
    assert_eq!((&rows["read"], &rows["kept"]), (&100_836.into(), &99_032.into()), "{rows}");
    assert_eq!((&rows["merged"], &rows["rejected"]), (&0.into(), &1_804.into()), "{rows}");
    assert_eq!(rows["rejected_by_reason"], serde_json::json!({ "missing_user": 1_804 }));
    assert_eq!(rows["also"], serde_json::json!({ "rating_out_of_range": 568 }));
    let counts = &account["counts"];
    assert_eq!((&counts["users"], &counts["movies"]), (&590.into(), &9_696.into()), "{counts}");

    let server = world.serve_when_ready();
    let features = server.get("/features?user_id=18").json();
    let history = features["features"][0]["histories"].as_array().unwrap();
    assert_eq!(history.len(), 502);
    assert_eq!(history[..3], [1, 2, 6]);
    let ids = server.get("/recommendations?user_id=18").ids();
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|&id| !history.contains(&id.into())));

    let overlap = overlap(&server, world.open_current().tables(), 10);
    assert!(overlap > 0.995, "fold-ins of the users' ratings give {overlap} of their lists");
    assert!(server.terminate().success());
}

#[test]
fn the_rating_error_on_the_seed_data_is_below_that_of_the_replaced_model() {
    let evaluation = evaluate("seed/ratings.csv", &["--objective", "rating", "--splits", "5"]);
    let rmse = evaluation["model"]["rmse"].as_f64().unwrap();
    // The replaced model has 0.866; splits differ by about 0.002.
    assert!(rmse <= 0.80, "RMSE {rmse}");
}

#[test]
fn lists_of_the_clean_set_are_better_than_the_most_popular_movies_which_have_their_known_quality() {
    let evaluation = evaluate("ml-latest-small/ratings.csv", &["--splits", "3"]);
    // The means of three random splits; splits differ by about 0.006.
    for (name, popular, reached) in
        [("recall@20", 0.178, 0.37), ("ndcg@10", 0.159, 0.328), ("ndcg@100", 0.214, 0.40)]
    {
        let figure = |of: &str| evaluation[of][name].as_f64().unwrap();
        assert!((figure("popularity") - popular).abs() < 0.012, "{name} is {}", figure("popularity"));
        assert!(figure("model") > reached, "{name} is {}", figure("model"));
    }
}

#[test]
fn a_model_trained_on_half_of_the_users_is_nearly_as_good_for_the_other_half() {
    let evaluation = evaluate("ml-latest-small/ratings.csv", &["--train-users", "0.5"]);
    let figure = |name: &str| evaluation["model"][name].as_f64().unwrap();
    // A model of all 610 users has 0.796 and 0.338; a mean and biases alone have an RMSE of 0.87.
    assert!(figure("rmse") < 0.84 && figure("ndcg@10") > 0.28, "{} {}", figure("rmse"), figure("ndcg@10"));
}

#[test]
fn every_row_of_the_clean_set_is_kept() {
    let world = World::new();
    let (ratings, movies) = (real("ml-latest-small/ratings.csv"), real("ml-latest-small/movies.csv"));
    let account = world.run(&ratings, &movies, &["--test-fraction", "0"]);
    let (rows, counts) = (&account["rows"], &account["counts"]);
    assert_eq!((&rows["read"], &rows["kept"]), (&100_836.into(), &100_836.into()), "{rows}");
    assert_eq!((&counts["users"], &counts["movies"]), (&610.into(), &9_724.into()), "{counts}");
    assert_eq!(account["movie_rows"]["kept"], 9_742);
    assert_eq!(account["metrics"], serde_json::json!({}));
}
