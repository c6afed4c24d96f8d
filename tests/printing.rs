//! Hostile titles, notes, ids, file names and directory names: no output of either program has a character that a terminal
//! obeys, and no line that another one forges.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Ended, SMALL_MODEL, Server, World, program, sample};

/// Text that clears a screen, moves to the begin of a line, begins a line of its own, and reverses what follows.
const HOSTILE: &str =
    "x\u{1b}[2J\u{9b}31m\r\nPublished 2099\u{85}\u{2028}\u{202e}\u{2066}\u{200b}\u{7}\u{7f}y";

/// Fails if text has a character that does not print, or a line that begins with a forged word.
fn assert_printable(text: &str, what: &str) {
    for c in text.chars().filter(|&c| c != '\n') {
        let is_safe = !c.is_control()
            && !matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(is_safe, "{what} prints {c:?}: {text:?}");
    }
    assert!(!text.lines().any(|line| line.starts_with("Published 2099")), "{what} has a forged line: {text}");
}

/// Runs a command and checks both outputs, with the log as text and as JSON.
fn prints_safely(mut command: impl FnMut() -> Command, what: &str) {
    for format in ["text", "json"] {
        let ended = Ended::of(command().args(["--log-format", format]));
        assert!(ended.status.code().is_some(), "{what}: {ended:?}");
        assert_printable(&ended.stdout, what);
        assert_printable(&ended.stderr, what);
    }
}

/// A world below a directory with a hostile name, with hostile titles, genres and rows.
struct Site {
    _world: World,
    dir: PathBuf,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let dir = world.path(HOSTILE);
        fs::create_dir(&dir).unwrap();
        let movies = fs::read_to_string(sample("movies.csv")).unwrap();
        let mut table = movies.lines().map(str::to_owned).collect::<Vec<_>>();
        // A line break inside a title may be refused; the other characters may not stop a run.
        let title = HOSTILE.replace(['\r', '\n'], "");
        for (place, line) in table.iter_mut().enumerate().skip(1) {
            let id = line.split(',').next().unwrap().to_owned();
            *line = format!("{id},\"{title} {place}\",Drama|{title}");
        }
        fs::write(dir.join("movies.csv"), table.join("\n") + "\n").unwrap();
        let ratings = fs::read(sample("ratings.csv")).unwrap();
        let ratings = String::from_utf8_lossy(&ratings);
        let rows = format!("=cmd|'/c calc'!A0,1,5,0\n+1,{title},5,0\n-1,1,5,0\n@x,1,{title},0\n");
        fs::write(dir.join("ratings.csv"), format!("{ratings}{rows}")).unwrap();
        Self { _world: world, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn pipeline(&self, words: &[&str]) -> Command {
        let mut command = program("pipeline");
        command.current_dir(&self.dir).args(words);
        command
    }

    fn on_output(&self, words: &[&str]) -> Command {
        let mut command = self.pipeline(words);
        command.arg("--output").arg(self.path("output"));
        command
    }

    fn run(&self, args: &[&str]) -> Command {
        let mut command = self.on_output(&["run"]);
        command.args(SMALL_MODEL).args(args).arg("--ratings").arg(self.path("ratings.csv"));
        command.arg("--movies").arg(self.path("movies.csv"));
        command.arg("--metrics-file").arg(self.path("batch.prom"));
        command
    }

    fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("output/generations")).unwrap();
        let mut ids: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        ids.sort();
        ids
    }
}

/// All files below a directory with an extension.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_output_of_the_pipeline_has_a_character_that_a_terminal_obeys() {
    let site = Site::new();
    for args in [&["--seed=1"][..], &["--seed=2", "--verbose"], &["--seed=3", "--json"]] {
        prints_safely(|| site.run(args), "run");
    }
    let force = ["--seed=4", "--max-rejected=0", "--force", HOSTILE];
    prints_safely(|| site.run(&force), "run --force");
    let ids = site.ids();
    assert!(ids.len() >= 4, "{ids:?}");
    let (first, last) = (&ids[0], &ids[ids.len() - 1]);

    prints_safely(|| site.on_output(&["pin", first, "--reason", HOSTILE]), "pin");
    prints_safely(|| site.on_output(&["rollback", first, "--reason", HOSTILE]), "rollback");
    prints_safely(|| site.on_output(&["rollback", last]), "rollback");
    for json in [&[][..], &["--json"]] {
        prints_safely(|| site.on_output(&[&["generations"], json].concat()), "generations");
        prints_safely(|| site.on_output(&[&["diff", first, last], json].concat()), "diff");
        prints_safely(|| site.on_output(&[&["verify", "--users=5"], json].concat()), "verify");
        prints_safely(|| site.on_output(&[&["prune", "--dry-run"], json].concat()), "prune");
    }
    let listed = Ended::of(&mut site.on_output(&["generations"])).stdout;
    assert!(listed.contains("x\\u{1b}[2J\\u{9b}31m\\r\\nPublished 2099"), "{listed}");
    let differences = Ended::of(&mut site.on_output(&["diff", first, last])).stdout;
    assert!(differences.contains("x\\u{1b}[2J\\u{9b}31mPublished 2099"), "{differences}");
    prints_safely(|| site.on_output(&["unpin", first]), "unpin");

    prints_safely(|| site.on_output(&["config"]), "config");
    prints_safely(|| site.pipeline(&["run", "--help"]), "help");
    fs::write(site.path("recommender.toml"), "[scoring]\nn = 7\n").unwrap();
    let named = |words: &[&str]| {
        let mut command = site.pipeline(words);
        command.arg("--config").arg(site.path("recommender.toml"));
        command
    };
    prints_safely(|| named(&["config"]), "config");
    fs::write(site.path("hostile.toml"), "[batch]\nwork_dir = \"a\\u001b\\u202e\\nb\"\n").unwrap();
    prints_safely(|| site.pipeline(&["config", "--config", "hostile.toml"]), "config");
    prints_safely(|| site.pipeline(&["run", "--help", "--config", "hostile.toml"]), "help");
    let mut evaluate = site.pipeline(&["evaluate", "--factors=8", "--epochs=1", "--rating-sweeps=1"]);
    evaluate.arg("--ratings").arg(site.path("ratings.csv"));
    let ended = Ended::of(&mut evaluate);
    assert_printable(&(ended.stdout + &ended.stderr), "evaluate");
    let shape = ["sample", "--users=2", "--movies=40", "--ratings=40", "--out"];
    prints_safely(|| site.pipeline(&[&shape[..], &[HOSTILE]].concat()), "sample");
    let cut = |out: &str| {
        let mut command = site.pipeline(&["partition", "--shards=2", "--out", out]);
        command.arg("--ratings").arg(site.path("ratings.csv"));
        command
    };
    prints_safely(|| cut(HOSTILE), "partition");

    for (extension, least) in [("html", 2), ("csv", 2), ("prom", 1)] {
        let files = files(&site.dir, extension);
        let written: Vec<_> = files
            .iter()
            .filter(|path| !["ratings.csv", "movies.csv"].iter().any(|name| path.ends_with(name)))
            .collect();
        assert!(written.len() >= least, "{extension}: {written:?}");
        for path in written {
            let mut text = fs::read_to_string(path).unwrap();
            // HTML has no lines: a line break is a space.
            if extension == "html" {
                text = text.replace('\n', " ");
            }
            assert_printable(&text, &format!("{path:?}"));
        }
    }
}

#[test]
fn no_cell_of_rejected_rows_is_a_formula() {
    let site = Site::new();
    assert!(Ended::of(&mut site.run(&["--max-rejected=1"])).status.success());
    let rejects = &files(&site.path("output"), "csv")[0];
    let text = fs::read_to_string(rejects).unwrap();
    assert!(text.contains("'=cmd|'/c calc'!A0"), "{text}");
    for cell in text.lines().flat_map(|line| line.split(",\"")) {
        let cell = cell.trim_start_matches('"');
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{cell}");
    }
}

#[test]
fn errors_show_hostile_names_values_and_headers_escaped() {
    let site = Site::new();
    fs::write(site.path("header.csv"), format!("{}\n1,2,3,4\n", HOSTILE.replace('\n', ""))).unwrap();
    fs::write(site.path("list.txt"), "movie \u{1b}[2J\u{202e}\n").unwrap();
    let absent = format!("absent{HOSTILE}");
    for words in [
        &["run", "--ratings", &absent][..],
        &["run", "--ratings", "header.csv", "--movies", "movies.csv"],
        &["run", "--deny-list", "list.txt"],
        &["run", "--deny-list", &absent],
        &["run", "--config", &absent],
        &["run", "--depth", HOSTILE],
        &["run", HOSTILE],
        &[HOSTILE],
        &["run", &format!("--{HOSTILE}")],
        &["run", "--log-format", HOSTILE],
        &["schedule", "--cron", HOSTILE],
        &["schedule", "--time-zone", HOSTILE],
        &["diff", HOSTILE],
        &["generations", "--output", &absent],
        &["verify", "--output", &absent],
        &["partition", "--ratings", &absent, "--shards=2", "--out=x"],
    ] {
        let ended = Ended::of(&mut site.pipeline(words));
        assert_printable(&(ended.stdout + &ended.stderr), &format!("{words:?}"));
    }
    // The holder of a lock names itself; another program may have written anything.
    fs::create_dir_all(site.path("output")).unwrap();
    for (holder, says) in [("", "by an unknown process;"), (HOSTILE, "is locked by x\\u{1b}")] {
        let lock = fs::File::create(site.path("output/LOCK")).unwrap();
        fs::write(site.path("output/LOCK"), holder).unwrap();
        lock.lock().unwrap();
        let ended = Ended::of(site.run(&["--log-format=text"]).args(["--seed", "9"]));
        assert_eq!(ended.status.code(), Some(4), "{ended:?}");
        assert_printable(&ended.stderr, "a lock");
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}

#[test]
fn no_output_of_the_server_has_a_character_that_a_terminal_obeys() {
    let site = Site::new();
    assert!(Ended::of(&mut site.run(&["--max-rejected=1"])).status.success());
    for format in ["text", "json"] {
        for store in ["output", "absent"] {
            let mut command = program("server");
            command.current_dir(&site.dir).args(["--listen", "127.0.0.1:0", "--log-format", format]);
            command.arg("--store").arg(site.path(store)).arg("--work-dir").arg(site.path("work"));
            fs::write(site.path("list.txt"), "movie 27\n").unwrap();
            command.arg("--deny-list").arg(site.path("list.txt"));
            let server = Server::start(command.env("RUST_LOG", "debug"));
            server.address();
            if store == "output" {
                server.wait_until_ready(None);
            }
            server.signal("TERM");
            harness::eventually("the server stops", || server.log().contains("stopping"));
            assert_printable(&server.log(), format);
            assert!(format == "json" || !server.log().contains("log.target"), "{}", server.log());
        }
    }
    let absent = format!("absent{HOSTILE}");
    for words in [
        &["config", "--store", &absent][..],
        &["config", "--deny-list", &absent],
        &["--deny-list", &absent],
        &["--config", &absent],
        &["--listen", HOSTILE],
        &["--shards", HOSTILE],
        &["--shards-redirect", HOSTILE],
        &["--poll-interval", HOSTILE],
        &[HOSTILE],
        &["--work-dir", "/dev/null/\u{1b}[2J\u{202e}"],
        &["healthcheck", "--listen", "127.0.0.1:1"],
    ] {
        for format in ["text", "json"] {
            let mut command = program("server");
            command.current_dir(&site.dir).args(words).args(["--log-format", format]);
            let ended = Ended::of(command.env("RECOMMENDER__STORE__LOCATION", site.path("output")));
            assert_printable(&(ended.stdout + &ended.stderr), &format!("{words:?}"));
        }
    }
}
