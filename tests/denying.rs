//! A run leaves out the entries of a deny list, and its gate checks that. A changed deny list is changed input.

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Ended, SMALL_MODEL, World, sample};
use serde_json::Value;
use store::layout;
use store::{MovieId, Tables, UserId};

/// A user with many ratings, and with rows that are rejected for several reasons.
const DELETED: UserId = UserId::new(26);
/// The movie that most users have rated.
const HIDDEN: MovieId = MovieId::new(27);

/// A run on the sample with a deny list and further arguments, which must succeed.
fn run(world: &World, deny: &Path, args: &[&str]) -> Value {
    world.run_quickly(&[&["--deny-list", deny.to_str().unwrap()], args].concat())
}

/// A world with a generation of the sample without [`DELETED`] and [`HIDDEN`], its deny list and its account.
fn denied() -> (World, PathBuf, Value) {
    let world = World::new();
    let list = world.write("deny.txt", format!("# asked on Monday\nuser {DELETED}\nmovie {HIDDEN}\n"));
    let account = run(&world, &list, &[]);
    (world, list, account)
}

/// The numbers of lists, histories and rows of similar movies that have a movie.
fn occurrences(tables: &Tables, movie: MovieId) -> [usize; 3] {
    let users: Vec<_> = tables.users().map(Result::unwrap).collect();
    let with = |holds: &dyn Fn(UserId) -> bool| users.iter().filter(|&&user| holds(user)).count();
    let lists = with(&|user| tables.top_n(user).unwrap().unwrap().movies.contains(&movie));
    let histories = with(&|user| tables.history(user).unwrap().unwrap().movies.contains(&movie));
    let candidates = tables.candidate_ids().map(Result::unwrap);
    let similar = candidates.filter_map(|other| tables.similar(other).unwrap());
    [lists, histories, similar.filter(|similar| similar.movies.contains(&movie)).count()]
}

#[test]
fn a_generation_has_no_record_of_a_deleted_user_or_a_hidden_movie() {
    let world = World::new();
    world.run_quickly(&[]);
    let before = world.open_current();
    assert!(before.tables().history(DELETED).unwrap().unwrap().movies.len() > 100);
    assert!(occurrences(before.tables(), HIDDEN).iter().all(|&n| n > 20));
    assert!(before.tables().fallback().movies.contains(&HIDDEN));

    let (world, ..) = denied();
    let after = world.open_current();
    let tables = after.tables();
    assert_eq!(tables.users().count() + 1, before.tables().users().count());
    assert!(tables.users().all(|user| user.unwrap() != DELETED));
    assert!(tables.top_n(DELETED).unwrap().is_none() && tables.history(DELETED).unwrap().is_none());
    assert!(tables.user_factors(DELETED).unwrap().is_none());
    assert_eq!(occurrences(tables, HIDDEN), [0; 3]);
    assert!(!tables.fallback().movies.contains(&HIDDEN));
    assert!(tables.movie(HIDDEN).unwrap().is_none() && tables.similar(HIDDEN).unwrap().is_none());
    assert!(tables.item_factors(HIDDEN).unwrap().is_none());
}

#[test]
fn the_account_adds_up_and_does_not_name_deleted_users() {
    let (world, _, account) = denied();
    let count = |rows: &str, name: &str| account[rows][name].as_u64().unwrap();
    let [read, kept, merged, rejected, denied] =
        ["read", "kept", "merged", "rejected", "denied"].map(|name| count("rows", name));
    assert_eq!(read, kept + merged + rejected + denied);
    assert_eq!(kept, account["counts"]["ratings"].as_u64().unwrap());
    assert!(denied > 200, "{denied}");
    let [read, kept, rejected, denied] =
        ["read", "kept", "rejected", "denied"].map(|name| count("movie_rows", name));
    assert_eq!((read, denied), (kept + rejected + denied, 1));

    let checks = account["gate"]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "denied").unwrap();
    assert_eq!(check["outcome"], "passed");
    assert_eq!(check["detail"], "nothing is stored of 1 hidden movies and 1 deleted users");

    // Rejected rows of the user are listed with line and reasons, without their text.
    let dir = layout::generation_dir(&world.output(), &world.current());
    let rejects = fs::read_to_string(dir.join("rejects.csv")).unwrap();
    assert_eq!(rejects.lines().count() as u64, 1 + rejected + count("rows", "rejected"));
    let of_user =
        |line: &&str| line.contains(&format!("\"{DELETED},")) || line.contains(&format!("\"{DELETED}.0,"));
    assert_eq!(rejects.lines().find(of_user), None);
    assert!(rejects.lines().any(|line| line.ends_with("too_many_columns,")), "{rejects}");
}

#[test]
fn a_run_is_repeated_only_if_the_entries_of_the_deny_list_change() {
    let (world, list, account) = denied();
    assert_eq!(account["outcome"], "published");
    assert_eq!(run(&world, &list, &[])["outcome"], "unchanged");
    // The order of the entries and comments are no change.
    let same = world.write("same.txt", format!("movie {HIDDEN}\nuser {DELETED} # and again\n"));
    assert_eq!(run(&world, &same, &[])["outcome"], "unchanged");
    let more = world.write("more.txt", format!("movie {HIDDEN}\nuser {DELETED}\nuser 18\n"));
    let account = run(&world, &more, &[]);
    assert_eq!(account["outcome"], "published");
    assert!(world.open_current().tables().top_n(UserId::new(18)).unwrap().is_none());
    let digest = account["parameters"]["deny_list"].as_str().unwrap();
    assert_eq!(digest, store::DenyList::read(&more).unwrap().digest());
    let account = world.run_quickly(&[]);
    assert_eq!(
        (&account["outcome"], &account["parameters"]["deny_list"]),
        (&"published".into(), &Value::Null)
    );
}

#[test]
fn the_summary_counts_denied_rows_and_names_no_user() {
    let world = World::new();
    let list = world.write("deny.txt", "user 301\nmovie 27\n");
    let mut command = world.run_command(&sample("ratings.csv"), &sample("movies.csv"));
    let ended = Ended::of(command.args(SMALL_MODEL).arg("--deny-list").arg(&list)).assert_success();
    assert!(ended.stdout.contains(" denied  (their user or movie is on the deny list)"), "{}", ended.stdout);
    assert!(!ended.stderr.contains("user 301") && !ended.stdout.contains("user 301"), "{ended:?}");
}

#[test]
fn verify_accepts_a_generation_without_denied_entries_and_refuses_one_with_them() {
    let (world, list, _) = denied();
    let verify = |args: &[&str]| {
        let mut command = world.pipeline("verify");
        command.arg("--work-dir").arg(world.path("verified")).arg("--deny-list").arg(&list);
        Ended::of(command.args(["--users", "5"]).args(args))
    };
    let ended = verify(&[]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let says = "Denied    nothing is stored of 1 hidden movies and 1 deleted users";
    assert!(ended.stdout.contains(says), "{}", ended.stdout);

    world.run_quickly(&[]);
    let ended = verify(&[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let says = "Wrong     deleted user no. 1 of the deny list (by ascending id) still has a list";
    assert!(ended.stdout.contains(says), "{}", ended.stdout);
    let json: Value = serde_json::from_str(&verify(&["--json"]).stdout).unwrap();
    assert_eq!((&json["ok"], &json["denied"]["users"]), (&false.into(), &1.into()), "{json}");
}

#[test]
fn a_run_does_not_start_with_an_unreadable_deny_list() {
    let world = World::new();
    let refused = |list: &Path, says: &[&str]| {
        for command in ["run", "verify"] {
            let ended = Ended::of(world.pipeline(command).arg("--deny-list").arg(list));
            assert_eq!(ended.status.code(), Some(1), "{ended:?}");
            for text in says {
                assert!(ended.stderr.contains(text), "no `{text}` in `{}`", ended.stderr);
            }
            assert!(ended.stdout.is_empty());
        }
    };
    refused(&world.write("bad.txt", "movie 27\nfilm 28\n"), &["line 2 of ", "bad.txt", "film 28"]);
    refused(&world.path("absent.txt"), &["cannot open", "absent.txt"]);
    assert!(!world.output().exists());
    let everybody: String = (0..1_000).map(|user| format!("user {user}\n")).collect();
    let mut command = world.pipeline("run");
    command.current_dir(sample("../..")).arg("--deny-list").arg(world.write("all.txt", everybody));
    let ended = Ended::of(&mut command);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("0 ratings") && ended.stderr.contains(" denied, "), "{}", ended.stderr);
}
