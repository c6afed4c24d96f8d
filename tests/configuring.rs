//! Settings: one file for both programs, overridden by the environment, overridden by the options.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Ended, SMALL_MODEL, Server, World, program, sample};

/// Writes settings with all paths in the world's directory, followed by `more`.
fn file(world: &World, more: &str) -> PathBuf {
    let at = |path: &Path| path.display().to_string();
    let (output, work) = (at(&world.output()), at(&world.path("work")));
    let (ratings, movies) = (at(&sample("ratings.csv")), at(&sample("movies.csv")));
    let text = format!(
        "[store]\nlocation = \"{output}\"\n[input]\nratings = \"{ratings}\"\nmovies = \"{movies}\"\n\
         [server]\nlisten = \"127.0.0.1:0\"\nwork_dir = \"{work}\"\n{more}"
    );
    world.write("recommender.toml", text)
}

/// A program whose current directory has the settings file.
fn in_world(world: &World, name: &str) -> Command {
    let mut command = program(name);
    command.current_dir(world.path(""));
    command
}

#[test]
fn a_run_and_a_server_take_their_settings_from_one_file() {
    let world = World::new();
    file(&world, "[scoring]\nn = 7\nsimilar = 3\n");
    let mut run = in_world(&world, "pipeline");
    run.args(["run", "--json", "--similar", "4"]).args(SMALL_MODEL).env("RECOMMENDER__SCORING__N", "9");
    let account = Ended::of(&mut run).json();
    assert_eq!((&account["parameters"]["depth"], &account["parameters"]["similar"]), (&9.into(), &4.into()));

    let server = Server::start(&mut in_world(&world, "server"));
    server.wait_until_ready(None);
    assert_eq!(server.get("/recommendations?user_id=18&n=9").ids().len(), 9);
    assert_eq!(server.get("/recommendations?user_id=18&n=10").status, 400);
}

#[test]
fn an_invalid_settings_file_ends_both_programs_with_code_2_and_the_line_number() {
    let world = World::new();
    for (more, says) in [
        (
            "[scorng]\nn = 7\n",
            "line 9 of recommender.toml: there is no setting scorng.n; is scoring.n meant?",
        ),
        ("cache_mib = 0\n", "line 9 of recommender.toml: server.cache_mib cannot be 0"),
        ("cache_mb = 5\n", "there is no setting server.cache_mb; is server.cache_mib meant?"),
        ("[server]\n", "line 9 of recommender.toml is not TOML"),
    ] {
        file(&world, more);
        // Both programs know all names; only the program that uses a value checks its range.
        let programs: &[&str] =
            if says.contains("cannot be") { &["server"] } else { &["pipeline", "server"] };
        for name in programs {
            let ended = Ended::of(&mut in_world(&world, name));
            assert_eq!(ended.status.code(), Some(2), "{name}: {ended:?}");
            assert!(ended.stderr.contains(says), "{name}: {}", ended.stderr);
        }
    }
    assert!(!world.output().exists());
    // `config --default` does not depend on the invalid file.
    let ended = Ended::of(in_world(&world, "pipeline").args(["config", "--default"]));
    assert!(ended.status.success() && ended.stdout.contains("[scoring]"), "{ended:?}");
    let ended = Ended::of(in_world(&world, "server").args(["--config", "absent.toml"]));
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("absent.toml") && ended.stderr.contains("--config"), "{}", ended.stderr);
}

#[test]
fn the_printed_settings_name_their_origins_and_are_a_valid_settings_file() {
    let world = World::new();
    file(&world, "[gate]\nmin_lift = -inf\n");
    let show =
        |name: &str| Ended::of(in_world(&world, name).args(["config"]).env("RECOMMENDER__SCORING__N", "9"));
    let shown = show("pipeline").stdout;
    for line in [
        "n = 9                                    # the variable RECOMMENDER__SCORING__N",
        "min_lift = -inf                          # line 10 of recommender.toml",
        "seed = 1                                 # default",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(show("server").stdout.contains("listen = \"127.0.0.1:0\"                   # line 7 of"));
    let defaults = Ended::of(in_world(&world, "pipeline").args(["config", "--default"])).stdout;
    for text in [shown, defaults] {
        world.write("recommender.toml", text);
        let again = show("pipeline");
        assert!(again.status.success() && again.stdout.contains("n = 9 "), "{again:?}");
    }
}
