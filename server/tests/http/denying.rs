//! Hidden movies and deleted users.

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Answer, eventually};

use crate::editions::{Edition, Output};
use crate::servers::{InProcess, Program};

/// A server with a deny list, and the list's file.
fn sample(list: &str) -> (Output, InProcess, PathBuf) {
    let output = Output::with(&Edition::sample());
    let path = output.path().join("deny.txt");
    fs::write(&path, list).unwrap();
    let server = InProcess::ready_with(&output, |settings| settings.deny_list = Some(path.clone()));
    (output, server, path)
}

/// Puts another list in the place of one, whole: a server that looks every five milliseconds could otherwise find an empty
/// file twice.
fn replace(path: &Path, list: &str) {
    let new = path.with_extension("new");
    fs::write(&new, list).unwrap();
    fs::rename(new, path).unwrap();
}

/// The number of times that the list could not be read.
fn failures(server: &InProcess) -> u64 {
    let metrics = server.get("/metrics").body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("recommender_deny_list_failures_total "));
    count.unwrap().parse().unwrap()
}

/// Whether an answer contains a movie.
fn shows(answer: &Answer, id: u32) -> bool {
    let body = &answer.body;
    body.contains(&format!("\"id\":{id},")) || body.contains(&format!("\"id\":{id}}}"))
}

#[test]
fn a_hidden_movie_is_in_no_answer_and_the_next_takes_its_place() {
    let (_output, server, _path) = sample("movie 750\nmovie 6\n");
    assert_eq!(server.get("/recommendations?user_id=18").ids(), [3451, 1]);
    assert_eq!(server.get("/recommendations?user_id=7&n=3").ids(), [1, 2, 3]);
    assert_eq!(server.get("/features?user_id=18").body, r#"{"features":[{"histories":[1,2]}]}"#);
    let folded =
        server.post("/recommendations", r#"{"ratings":[{"id":3,"rating":5},{"id":6,"rating":5}],"n":9}"#);
    assert_eq!(folded.json()["unknown"], serde_json::json!([6]));
    assert_eq!(folded.ids(), [2, 1]);
    for target in ["/movies/750", "/movies/750/similar", "/users/18/because?movie=750"] {
        assert_eq!(server.get(target).status, 404, "{target}");
    }
    for target in ["/recommendations?user_id=18,0,7&n=5", "/users/18/because?movie=3&n=9"] {
        let answer = server.get(target);
        assert!(answer.status == 200 && !shows(&answer, 750) && !shows(&answer, 6), "{answer:?}");
    }
}

#[test]
fn a_deleted_user_is_answered_as_an_unknown_user() {
    let (_output, server, _path) = sample("user 18");
    for (known, unknown) in [
        ("/recommendations?user_id=18&n=5", "/recommendations?user_id=7&n=5"),
        ("/features?user_id=18", "/features?user_id=7"),
    ] {
        let (known, unknown) = (server.get(known), server.get(unknown));
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
        assert_eq!(known.header("x-recommendation-source"), unknown.header("x-recommendation-source"));
    }
    assert_eq!(server.get("/recommendations?user_id=18").header("x-recommendation-source"), "popular");
    assert_eq!(server.get("/recommendations?user_id=18&fallback=none").status, 404);
    assert_eq!(server.get("/users/18/because?movie=750").status, 404);
    let users = server.get("/recommendations?user_id=18,0").json()["users"].clone();
    assert_eq!((&users[0]["source"], &users[1]["source"]), (&"popular".into(), &"personal".into()));
}

#[test]
fn a_change_is_followed_at_once_and_no_cached_answer_outlives_it() {
    let (_output, server, path) = sample("");
    let target = "/recommendations?user_id=18";
    let tag = server.get(target).header("etag").to_owned();
    replace(&path, "movie 3451\n");
    eventually("the movie is hidden", || server.get(target).ids() == [750, 1]);
    assert_eq!(server.get_with(target, "if-none-match", &tag).status, 200);
    // A list that cannot be read changes nothing.
    replace(&path, "movies: 3451\n");
    eventually("it is counted", || failures(&server) > 0);
    assert_eq!(server.get(target).ids(), [750, 1]);
    fs::remove_file(&path).unwrap();
    let before = failures(&server);
    eventually("it is counted again", || failures(&server) > before + 1);
    assert_eq!(server.get(target).ids(), [750, 1]);
    replace(&path, "# nothing any more\n");
    eventually("the movie is back", || server.get(target).ids() == [3451, 750]);
    // Nothing else has changed, so the first answer holds again.
    assert_eq!(server.get_with(target, "if-none-match", &tag).status, 304);
}

#[test]
fn a_list_that_is_wrong_from_the_start_is_code_1_and_named() {
    let output = Output::with(&Edition::sample());
    let path = output.path().join("deny.txt");
    for (content, named) in [(None, "cannot open"), (Some("movie 1\nmovie x\n"), "line 2 of ")] {
        content.into_iter().for_each(|content| fs::write(&path, content).unwrap());
        let mut server = Program::start(output.path(), &["--deny-list", path.to_str().unwrap()]);
        assert_eq!(server.wait().code(), Some(1));
        assert!(server.log().contains(named) && server.log().contains("deny.txt"), "{}", server.log());
    }
}
