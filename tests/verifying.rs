//! `pipeline verify` accepts published lists and names the user and movie of wrong ones.

use std::fs;
use std::process::Command;

use harness::{Ended, World, member};
use serde_json::Value;
use store::draft::DraftGeneration;
use store::layout;
use store::records::{Factors, History, TopN};
use store::{GenerationId, MovieId, Tables, UserId};

/// The user whose records are altered.
const ALTERED: UserId = UserId::new(7);

/// `pipeline verify` on a world's output.
fn verify(world: &World) -> Command {
    let mut command = world.pipeline("verify");
    command.arg("--work-dir").arg(world.path("verified"));
    command
}

/// Writes the current generation again with [`ALTERED`]'s records changed, and does not publish it.
fn write_altered(world: &World, alter: impl Fn(&mut TopN, &mut History, &mut Factors)) -> GenerationId {
    let generation = world.open_current();
    let original = generation.tables();
    let mut writer = DraftGeneration::create(&world.output()).unwrap();
    for user in original.users() {
        let user = user.unwrap();
        let mut top_n = original.top_n(user).unwrap().unwrap();
        let mut history = original.history(user).unwrap().unwrap();
        let mut factors = original.user_factors(user).unwrap().unwrap();
        if user == ALTERED {
            alter(&mut top_n, &mut history, &mut factors);
        }
        writer.top_n.put(user, &top_n).unwrap();
        writer.histories.put(user, &history).unwrap();
        writer.user_factors.put(user, &factors).unwrap();
    }
    for candidate in original.candidates() {
        let (movie, factors) = candidate.unwrap();
        writer.item_factors.put(movie, &factors).unwrap();
    }
    writer.put_fallback(original.fallback()).unwrap();
    writer.finish().unwrap().seal(generation.manifest().account.clone()).unwrap().generation
}

/// Changes an entry of a list, its three columns at once.
fn swap(top_n: &mut TopN, a: usize, b: usize) {
    top_n.movies.swap(a, b);
    top_n.scores.swap(a, b);
    top_n.stars.swap(a, b);
}

fn first_candidate(tables: &Tables) -> MovieId {
    tables.candidates().next().unwrap().unwrap().0
}

fn remove(top_n: &mut TopN, place: usize) {
    top_n.movies.remove(place);
    top_n.scores.remove(place);
    top_n.stars.remove(place);
}

#[test]
fn verify_accepts_the_lists_of_a_run_with_either_objective() {
    for objective in ["ranking", "rating"] {
        let world = World::new();
        world.run_quickly(&["--objective", objective, "--depth", "50"]);
        let ended = Ended::of(&mut verify(&world));
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        let lines: Vec<_> = ended.stdout.lines().collect();
        assert_eq!(
            lines[1..3],
            [
                "Scored    200 of 600 users again, 2,000 movies each",
                "Right     all 10,000 entries: unseen, complete and in order;",
            ]
        );
        let json = Ended::of(verify(&world).args(["--users", "9999", "--json"])).json();
        assert_eq!((&json["ok"], &json["users_verified"]), (&true.into(), &600.into()), "{json}");
        assert!(json["largest_rounding"].as_f64().unwrap() < 1e-5, "{json}");
        assert_eq!(fs::read_dir(world.path("verified")).unwrap().count(), 0);
    }
}

#[test]
fn verify_accepts_lists_of_all_unseen_movies() {
    let world = World::new();
    world.run_quickly(&["--depth", "5000"]);
    Ended::of(verify(&world).args(["--users", "20"])).assert_success();
}

#[test]
fn verify_names_the_generation_user_and_movie_of_a_wrong_list() {
    let world = World::new();
    // The same lists with one more entry, which takes the place of a removed one below.
    world.run_quickly(&["--depth", "51"]);
    let longer = world.open_current().tables().top_n(ALTERED).unwrap().unwrap();
    world.run_quickly(&["--depth", "50"]);
    let current = world.open_current();
    let current = current.tables();
    let (list, history) =
        (current.top_n(ALTERED).unwrap().unwrap().movies, current.history(ALTERED).unwrap().unwrap().movies);
    assert_eq!(list, longer.movies[..50]);

    let refused = |id: &GenerationId, args: &[&str]| {
        let ended = Ended::of(verify(&world).args(["--users", "9999", id.as_str()]).args(args));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        ended.stdout
    };
    let case = |alter: &dyn Fn(&mut TopN, &mut History, &mut Factors), movie: Option<MovieId>, says: &str| {
        let id = write_altered(&world, alter);
        let json: Value = serde_json::from_str(&refused(&id, &["--json"])).unwrap();
        let faults = json["faults"].as_array().unwrap();
        assert_eq!((&json["ok"], faults.len(), &faults[0]["user"]), (&false.into(), 1, &7.into()), "{json}");
        assert_eq!(json["generation"], id.as_str());
        assert_eq!(*member(&faults[0], "/movie"), serde_json::to_value(movie).unwrap(), "{json}");
        let fault = faults[0]["fault"].as_str().unwrap().to_owned();
        assert!(fault.contains(says), "no `{says}` in {json}");
        (id, fault)
    };

    let (id, fault) = case(&|list, _, _| swap(list, 2, 3), Some(list[2]), "stands behind");
    let text = refused(&id, &[]);
    for line in [
        format!("Opened    {id}: its files are what its manifest says"),
        format!("Wrong     user 7: {fault}"),
    ] {
        assert!(text.lines().any(|other| other == line), "no line `{line}` in\n{text}");
    }
    case(&|list, _, _| list.movies[3] = history[0], Some(history[0]), "in the list and in the history");
    case(
        &|list, _, _| list.movies[3] = MovieId::new(9_999_999),
        Some(MovieId::new(9_999_999)),
        "has no factors",
    );
    case(&|list, _, _| list.scores[3] = list.scores[3].next_up(), Some(list[3]), "its factors give");
    case(&|_, _, factors| factors.0[0] += 0.5, Some(list[0]), "its factors give");
    case(&|_, _, factors| factors.0.truncate(3), Some(first_candidate(current)), "number of factors");
    case(&|_, history, _| history.movies.swap(0, 1), Some(history[0]), "out of order in the history");
    case(&|list, _, _| remove(list, 0), None, "49 movies instead of 50");
    let better_left_out = |list: &mut TopN, _: &mut History, _: &mut Factors| {
        *list = longer.clone();
        remove(list, 0);
    };
    case(&better_left_out, Some(list[0]), "is left out");
}

#[test]
fn a_generation_that_cannot_be_opened_is_an_error_with_its_reason() {
    let world = World::new();
    let refused = |command: &mut Command, code: i32, says: &str| {
        let ended = Ended::of(command);
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(ended.stdout.is_empty() && ended.stderr.contains(says), "no `{says}` in {}", ended.stderr);
    };
    refused(&mut verify(&world), 1, "nothing was ever published");
    refused(verify(&world).arg("yesterday"), 2, "20261123T023000.125Z");
    refused(verify(&world).args(["--users", "0"]), 2, "--users");
    refused(verify(&world).arg("20010101T000000.000Z"), 1, "there is no generation 20010101T000000.000Z");

    world.run_quickly(&[]);
    let generation = world.current();
    let records = layout::generation_dir(&world.output(), &generation).join("records");
    fs::write(records.join("db"), "torn").unwrap();
    refused(&mut verify(&world), 1, "it has 4 bytes, the manifest says");
}
