//! The start of the program: addresses, hints and warnings.

use harness::{eventually, program};

use crate::editions::Output;
use crate::servers::Program;

/// Runs the program with arguments with which it exits at once. Returns its exit code and its standard error.
fn ended(arguments: &[&str]) -> (i32, String) {
    let output = program("server").args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_address_without_a_host_is_refused_with_examples() {
    for (listen, example) in [(":19212", "127.0.0.1:19212"), ("example.com:80", "127.0.0.1:8080")] {
        let (code, message) = ended(&["--listen", listen]);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(listen) && message.contains(example), "{message}");
    }
}

#[test]
fn a_port_and_localhost_are_addresses_on_loopback() {
    for listen in ["1", "localhost:1"] {
        let (code, message) = ended(&["healthcheck", "--listen", listen]);
        assert_eq!(code, 1, "{message}");
        assert!(message.contains("127.0.0.1:1"), "{message}");
    }
}

#[test]
fn a_hint_names_the_pipeline_beside_this_program_and_the_store() {
    let output = Output::empty();
    let server = Program::start(output.path(), &[]);
    let pipeline = std::path::PathBuf::from(program("server").get_program()).with_file_name("pipeline");
    let hint = format!(
        "`{} run --ratings RATINGS.csv --movies MOVIES.csv --output {}`",
        pipeline.display(),
        output.path().display()
    );
    eventually("the hint is logged", || server.log().contains(&hint));
}

#[test]
fn a_variable_that_looks_like_a_setting_and_is_none_is_named_in_a_warning() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = program("server");
    command.env("RECOMMENDER_SERVER_LISTEN", "127.0.0.1:1").args(["--listen", &address]);
    let log = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let warning = "RECOMMENDER_SERVER_LISTEN has no effect; set RECOMMENDER__SERVER__LISTEN instead";
    assert!(log.contains("WARN") && log.contains(warning), "{log}");
}
