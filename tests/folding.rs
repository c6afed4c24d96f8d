//! A fold-in of a user's ratings gives the list of the batch.

use std::collections::HashSet;

use harness::{Server, World};
use serde_json::json;
use store::Tables;

/// The share of a user's stored list that a fold-in of the user's ratings gives, as a mean over all users.
pub(crate) fn overlap(server: &Server, tables: &Tables, n: usize) -> f64 {
    let users: Vec<_> = tables.users().collect::<Result<_, _>>().unwrap();
    let share = |&user| {
        let history = tables.history(user).unwrap().unwrap();
        let rated = history.movies.iter().zip(&history.stars);
        let ratings: Vec<_> = rated.map(|(id, stars)| json!({ "id": id, "rating": stars })).collect();
        let answer = server.post("/recommendations", &json!({ "ratings": ratings, "n": n }).to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["unknown"], json!([]));
        let folded: HashSet<u64> = answer.ids().into_iter().collect();
        let stored = tables.top_n(user).unwrap().unwrap();
        let stored = &stored.movies[..n.min(stored.movies.len())];
        stored.iter().filter(|id| folded.contains(&id.get().into())).count() as f64 / stored.len() as f64
    };
    users.iter().map(share).sum::<f64>() / users.len() as f64
}

#[test]
fn a_fold_in_of_a_trained_users_ratings_gives_nearly_the_stored_list() {
    let world = World::new();
    world.run_sample(&["--test-fraction=0", "--rating-sweeps", "2"]);
    let server = world.serve_when_ready();
    let generation = world.open_current();
    let overlap = overlap(&server, generation.tables(), 100);
    assert!(overlap > 0.99, "{overlap}");
}
