//! Credentials, buckets, variables and bytes that are not what they should be.

use std::cmp::Reverse;
use std::process::Stdio;

use harness::{Ended, LIST, Server, eventually};

use super::site::Site;
use super::store::Credentials;

#[test]
fn wrong_credentials_end_a_run_and_a_server_keeps_what_it_has() {
    let site = Site::new();
    let id = site.run(&[]);
    let server = site.serve();
    let list = server.list_of(&id);
    let right = site.store.check_credentials();

    // The server's key has become invalid.
    let says = "cannot read s3://recs/site/CURRENT: InvalidAccessKeyId";
    eventually("it has noticed", || server.log().contains(says));
    let n_looks = site.servers.n_connections();
    eventually("it has looked again", || site.servers.n_connections() > n_looks + 5);
    assert_eq!(server.log().matches(says).count(), 1, "{}", server.log());
    assert_eq!(server.list_of(&id), list);

    let wrong_secret = Credentials { secret: "wrong".to_owned(), ..right.clone() };
    let unknown = Credentials { id: "AKIAUNKNOWN".to_owned(), ..right.clone() };
    for (wrong, says) in [(unknown, "InvalidAccessKeyId"), (wrong_secret, "SignatureDoesNotMatch")] {
        let ended = Ended::of(wrong.to(&mut site.another_run(&[])));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let error = ended.stderr.lines().last().unwrap();
        for says in ["cannot read s3://recs/site/CURRENT", says, "check AWS_ACCESS_KEY_ID"] {
            assert!(error.contains(says) && error.len() < 400, "{}", ended.stderr);
        }
        let server = Server::start(wrong.to(&mut site.server()));
        eventually("it has noticed", || server.log().contains(says));
        assert!(server.log().contains("check AWS_ACCESS_KEY_ID"));
        assert_eq!(server.get(LIST).status, 503);
    }
    // With the right ones it works: shown by a server, for moto takes the signature of a listing, which runs need, for
    // wrong.
    let server = Server::start(right.to(&mut site.server()));
    server.wait_until_ready(Some(&id));
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let site = Site::new();
    let location = "s3://elsewhere/site";
    let error = ": NoSuchBucket: The specified bucket does not exist; check that the bucket exists";
    for command in ["run", "generations", "rollback", "prune", "verify"] {
        let ended = Ended::of(&mut site.pipeline_on(location, command));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(error) && ended.stderr.contains(location), "{command}: {ended:?}");
    }
    let server = Server::start(&mut site.server_on(location));
    eventually("it has noticed", || server.log().contains(&format!("cannot read {location}/CURRENT{error}")));
    assert_eq!(server.get(LIST).status, 503);
}

#[test]
fn an_environment_that_leads_to_no_store_is_an_error_that_says_what_would() {
    let site = Site::new();
    for (variable, value, says) in [
        ("AWS_ENDPOINT", "127.0.0.1:9000", "such as http://127.0.0.1:9000"),
        ("AWS_ENDPOINT", "localhost:9000", "such as http://127.0.0.1:9000"),
        ("AWS_ENDPOINT", "", "AWS_ENDPOINT"),
        ("AWS_ENDPOINT_URL_S3", "http://", "AWS_ENDPOINT"),
        ("AWS_ALLOW_HTTP", "no", "AWS_ALLOW_HTTP=true"),
        ("AWS_ACCESS_KEY_ID", "key\n", "AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "secret\n", "AWS_SECRET_ACCESS_KEY"),
    ] {
        for command in [&mut site.pipeline("generations"), &mut site.server()] {
            let ended = Ended::of(command.env(variable, value).stderr(Stdio::piped()));
            assert_eq!(ended.status.code(), Some(1), "{variable}={value}: {ended:?}");
            assert!(ended.stderr.contains(says) && !ended.stderr.contains("panicked"), "{}", ended.stderr);
        }
    }
    let mut command = site.pipeline("generations");
    let ended = Ended::of(command.env_remove("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"), "{}", ended.stderr);
}

#[test]
fn a_bit_flipped_in_any_object_is_refused_by_its_url_and_the_old_generation_stays() {
    let site = Site::new();
    let first = site.run(&[]);
    let second = site.run(&["--seed", "2"]);
    site.prints("rollback", &[&first]);
    let server = site.serve();
    let list = server.list_of(&first);
    // The files of the manifest are looked at in order, so that the last that was damaged is the first that is found.
    let mut keys = site.store.keys(&format!("generations/{second}"));
    keys.retain(|key| !key.ends_with("/claim"));
    keys.sort_by_key(|key| (key.ends_with("manifest.json"), Reverse(key.clone())));
    assert!(keys.len() >= 4, "{keys:?}");
    let mut originals = Vec::new();
    for key in keys {
        let original = site.store.get(&key);
        let mut flipped = original.clone();
        flipped[original.len() / 2] ^= 4;
        site.store.put(&key, flipped);
        site.store.put("CURRENT", format!("{second}\n"));
        let says = format!("s3://recs/site/{key} is damaged");
        eventually("it has noticed", || server.log().contains(&says));
        assert_eq!(server.list_of(&first), list);
        let ended = Ended::of(&mut site.pipeline("verify"));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&says), "{}", ended.stderr);
        originals.push((key, original));
    }
    for (key, original) in originals {
        site.store.put(&key, original);
    }
    server.wait_until_ready(Some(&second));
}
