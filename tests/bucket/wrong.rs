//! Wrong credentials, buckets and variables, and damaged objects.

use std::cmp::Reverse;
use std::process::Stdio;

use harness::{Ended, LIST, Server, eventually};

use super::deployment::Deployment;
use super::store::Credentials;

#[test]
fn a_run_fails_with_wrong_credentials_and_a_server_continues_to_serve_its_copy() {
    let (deployment, server, id, list) = Deployment::with_server();
    let right = deployment.store.check_credentials();

    // The server's key has become invalid.
    let says = "cannot read s3://recs/site/CURRENT: InvalidAccessKeyId";
    eventually("the server logs it", || server.log().contains(says));
    let n_polls = deployment.servers.n_connections();
    eventually("the server has polled again", || deployment.servers.n_connections() > n_polls + 5);
    assert_eq!(server.log().matches(says).count(), 1, "{}", server.log());
    assert_eq!(server.list_of(&id), list);

    let wrong_secret = Credentials { secret: "wrong".to_owned(), ..right.clone() };
    let unknown = Credentials { id: "AKIAUNKNOWN".to_owned(), ..right.clone() };
    for (wrong, says) in [(unknown, "InvalidAccessKeyId"), (wrong_secret, "SignatureDoesNotMatch")] {
        let ended = Ended::of(wrong.to(&mut deployment.run_always(&[])));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let error = ended.stderr.lines().last().unwrap();
        for says in ["cannot list s3://recs/site/generations", says, "check AWS_ACCESS_KEY_ID"] {
            assert!(error.contains(says) && error.len() < 400, "{}", ended.stderr);
        }
        let server = Server::start(wrong.to(&mut deployment.server()));
        eventually("the server logs it", || server.log().contains(says));
        assert!(server.log().contains("check AWS_ACCESS_KEY_ID"));
        assert_eq!(server.get(LIST).status, 503);
    }
    // The right credentials work. A server shows it, since moto rejects the signature of a listing, which runs need.
    let server = Server::start(right.to(&mut deployment.server()));
    server.wait_until_ready(Some(&id));
}

#[test]
fn a_missing_bucket_is_an_error_that_names_it() {
    let deployment = Deployment::new();
    let location = "s3://elsewhere/site";
    let error = ": NoSuchBucket: The specified bucket does not exist; check that the bucket exists";
    for command in ["run", "generations", "rollback", "prune", "verify"] {
        let ended = Ended::of(&mut deployment.pipeline_on(location, command));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(error) && ended.stderr.contains(location), "{command}: {ended:?}");
    }
    let server = Server::start(&mut deployment.server_on(location));
    eventually("the server logs it", || {
        server.log().contains(&format!("cannot read {location}/CURRENT{error}"))
    });
    assert_eq!(server.get(LIST).status, 503);
}

#[test]
fn an_unusable_variable_is_an_error_that_names_it_and_shows_a_valid_value() {
    let deployment = Deployment::new();
    for (variable, value, says) in [
        ("AWS_ENDPOINT", "127.0.0.1:9000", "such as http://127.0.0.1:9000"),
        ("AWS_ENDPOINT", "localhost:9000", "such as http://127.0.0.1:9000"),
        ("AWS_ENDPOINT", "", "AWS_ENDPOINT"),
        ("AWS_ENDPOINT_URL_S3", "http://", "AWS_ENDPOINT"),
        ("AWS_ALLOW_HTTP", "no", "AWS_ALLOW_HTTP=true"),
        ("AWS_ACCESS_KEY_ID", "key\n", "AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "secret\n", "AWS_SECRET_ACCESS_KEY"),
    ] {
        for command in [&mut deployment.pipeline("generations"), &mut deployment.server()] {
            let ended = Ended::of(command.env(variable, value).stderr(Stdio::piped()));
            assert_eq!(ended.status.code(), Some(1), "{variable}={value}: {ended:?}");
            assert!(ended.stderr.contains(says) && !ended.stderr.contains("panicked"), "{}", ended.stderr);
        }
    }
    let mut command = deployment.pipeline("generations");
    let ended = Ended::of(command.env_remove("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"), "{}", ended.stderr);
}

#[test]
fn an_object_with_a_flipped_bit_is_refused_with_its_url_and_the_old_generation_is_served() {
    let deployment = Deployment::new();
    let first = deployment.run(&[]);
    let second = deployment.run(&["--seed", "2"]);
    deployment.prints("rollback", &[&first]);
    let server = deployment.serve();
    let list = server.list_of(&first);
    // The files of the manifest are checked in order, so the file that was damaged last is the first error.
    let mut keys = deployment.store.keys(&format!("generations/{second}"));
    keys.retain(|key| !key.ends_with("/claim"));
    keys.sort_by_key(|key| (key.ends_with("manifest.json"), Reverse(key.clone())));
    assert!(keys.len() >= 4, "{keys:?}");
    let mut originals = Vec::new();
    for key in keys {
        let original = deployment.store.get(&key);
        let mut flipped = original.clone();
        flipped[original.len() / 2] ^= 4;
        deployment.store.put(&key, flipped);
        deployment.store.put("CURRENT", format!("{second}\n"));
        let says = format!("s3://recs/site/{key} is damaged");
        eventually("the server logs it", || server.log().contains(&says));
        assert_eq!(server.list_of(&first), list);
        let ended = Ended::of(&mut deployment.pipeline("verify"));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&says), "{}", ended.stderr);
        originals.push((key, original));
    }
    for (key, original) in originals {
        deployment.store.put(&key, original);
    }
    server.wait_until_ready(Some(&second));
}
