//! Something else in the place of each file that the programs read: a pipe, a device, a directory, a gigabyte of nothing,
//! a file that may not be read. No program hangs, panics or grows; it says what is wrong, or goes on.

#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness::{Client, Ended, SMALL_MODEL, Server, World, eventually, program, sample};
use store::layout;

use crate::crashes::run_always;

/// The thing in the place of a file, and a word of the message about it.
#[derive(Debug, Clone, Copy)]
enum Odd {
    Pipe,
    Device,
    Directory,
    Gigabyte,
    Unreadable,
}

const ALL: [Odd; 5] = [Odd::Pipe, Odd::Device, Odd::Directory, Odd::Gigabyte, Odd::Unreadable];
const GIGABYTE: u64 = 1 << 30;
/// A program that reads a gigabyte into memory fails with this limit of its address space, in KiB.
const MEMORY_KIB: u64 = 900 << 10;

impl Odd {
    /// The words that say what is wrong.
    fn says(self) -> &'static str {
        match self {
            Self::Pipe => "it is a pipe|is a pipe, not",
            Self::Device => "it is a device|is a device, not|is a symbolic link, not",
            Self::Directory => {
                "it is a directory|is a directory, not|Is a directory|shards.json does not exist"
            }
            Self::Gigabyte => "1073741824 bytes|is binary data",
            Self::Unreadable => "Permission denied",
        }
    }

    fn is_said_in(self, text: &str) -> bool {
        self.says().split('|').any(|words| text.contains(words))
    }

    fn create(self, path: &Path) {
        match self {
            Self::Pipe => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Self::Device => symlink("/dev/zero", path).unwrap(),
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::Gigabyte => File::create(path).unwrap().set_len(GIGABYTE).unwrap(),
            Self::Unreadable => {
                // With the content that belongs there, where there is one.
                if fs::copy(saved(path), path).is_err() {
                    fs::write(path, "x").unwrap();
                }
                fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
            }
        }
    }
}

/// Something odd in the place of a file, until it is dropped.
struct Swapped {
    path: PathBuf,
}

/// Where a file is kept meanwhile.
fn saved(path: &Path) -> PathBuf {
    path.with_extension("saved")
}

impl Swapped {
    fn new(path: &Path, odd: Odd) -> Self {
        if path.exists() {
            fs::rename(path, saved(path)).unwrap();
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        odd.create(path);
        Self { path: path.to_path_buf() }
    }
}

impl Drop for Swapped {
    fn drop(&mut self) {
        // A program may have replaced it.
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_dir_all(&self.path));
        if saved(&self.path).exists() {
            fs::rename(saved(&self.path), &self.path).unwrap();
        }
    }
}

/// The same command as an ordinary user runs it: for root without the right to read every file.
fn as_ordinary_user(command: &Command) -> Command {
    if !rustix::process::geteuid().is_root() {
        return again(command.get_program(), command);
    }
    let dropped = "-dac_override,-dac_read_search";
    let mut plain = Command::new("setpriv");
    plain.args(["--bounding-set", dropped, "--inh-caps", dropped]);
    plain.arg(command.get_program()).args(command.get_args());
    with_environment(plain, command)
}

fn again(program: &OsStr, command: &Command) -> Command {
    let mut same = Command::new(program);
    same.args(command.get_args());
    with_environment(same, command)
}

fn with_environment(mut same: Command, command: &Command) -> Command {
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => same.env(name, value),
            None => same.env_remove(name),
        };
    }
    same.stdin(Stdio::null());
    same
}

/// Runs a command with a bounded memory to its end, which must come by itself.
fn ends(command: &Command) -> Ended {
    let command = as_ordinary_user(command);
    let mut bounded = Command::new("bash");
    bounded.arg("-c").arg(format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\""));
    bounded.arg(command.get_program()).args(command.get_args());
    let mut bounded = with_environment(bounded, &command);
    let child = Hanging(Some(bounded.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()));
    child.ended(&format!("{command:?} ends"))
}

/// A process that is killed if the test fails.
struct Hanging(Option<Child>);

impl Hanging {
    fn ended(mut self, what: &str) -> Ended {
        let mut has_ended = false;
        let child = self.0.as_mut().unwrap();
        // Its output is short enough for the pipes.
        eventually(what, || {
            has_ended = child.try_wait().unwrap().is_some();
            has_ended
        });
        Ended::after(self.0.take().unwrap())
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A file that a command of the batch reads.
struct Row {
    name: &'static str,
    path: PathBuf,
    command: Command,
    fails: Fails,
}

/// Whether a command cannot go on without a file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fails {
    Always,
    /// The content does not matter, only the kind of file and the permission.
    UnlessLong,
    /// With the exit code of a wrong setting.
    AsSetting,
    /// It goes on, or ends with an error: both are right.
    Perhaps,
}

#[test]
fn the_batch_ends_with_an_error_or_goes_on_whatever_stands_in_the_place_of_a_file() {
    let world = World::new();
    let copied = |name: &str| {
        let path = world.path(name);
        fs::copy(sample(name), &path).unwrap();
        path
    };
    let (ratings, movies) = (copied("ratings.csv"), copied("movies.csv"));
    let deny_list = world.write("deny.txt", "user 1\n");
    let metrics = world.write("batch.prom", "");
    let run = |more: &[&str]| {
        let mut run = world.pipeline("run");
        run.arg("--ratings").arg(&ratings).arg("--movies").arg(&movies).args(SMALL_MODEL).args(more);
        run.arg("--work-dir").arg(world.path("work")).args(["--no-report", "--force", "a test"]);
        run
    };
    assert!(Ended::of(&mut run(&["--seed", "1"])).status.success());
    let first = world.current();
    assert!(Ended::of(&mut run(&["--seed", "2"])).status.success());
    let (current, output) = (world.current(), world.output());
    let command = |words: &[&str]| {
        let mut command = world.pipeline(words[0]);
        command.args(&words[1..]);
        command
    };
    let settings = world.write("recommender.toml", "");
    let config = |name: &str| {
        let mut config = program(name);
        config.arg("config").arg("--config").arg(&settings);
        config
    };
    let of_current = |name: &str| layout::generation_dir(&output, &current).join(name);
    let row = |name, path: PathBuf, command, fails| Row { name, path, command, fails };
    let deny = ["--deny-list", deny_list.to_str().unwrap()];
    let metrics_file = ["--metrics-file", metrics.to_str().unwrap(), "--seed", "2"];
    let rows = [
        row("the ratings", ratings.clone(), run(&[]), Fails::Always),
        row("the movies", movies.clone(), run(&[]), Fails::UnlessLong),
        row("the deny list", deny_list.clone(), run(&deny), Fails::Always),
        row("the settings", settings.clone(), config("pipeline"), Fails::AsSetting),
        row("the settings of a server", settings.clone(), config("server"), Fails::AsSetting),
        row("the metrics", metrics.clone(), run(&metrics_file), Fails::Perhaps),
        row("LOCK", output.join("LOCK"), run(&[]), Fails::UnlessLong),
        row("CURRENT", output.join("CURRENT"), run(&["--seed", "2"]), Fails::Always),
        row("CURRENT, listed", output.join("CURRENT"), command(&["generations"]), Fails::Perhaps),
        row(
            "CURRENT.lock",
            output.join("CURRENT.lock"),
            command(&["rollback", first.as_str()]),
            Fails::UnlessLong,
        ),
        row("a temporary file", output.join(".CURRENT.1-1-1.draft"), run(&["--seed", "2"]), Fails::Perhaps),
        row("a published manifest", of_current("manifest.json"), run(&["--seed", "3"]), Fails::Perhaps),
        row("a manifest, verified", of_current("manifest.json"), command(&["verify"]), Fails::Always),
        row("a record file", of_current("records/db"), command(&["verify"]), Fails::Always),
        row("a record file, repeated", of_current("records/db"), run(&["--seed", "2"]), Fails::Perhaps),
        row(
            "a record file, going back",
            of_current("records/db"),
            command(&["rollback", current.as_str()]),
            Fails::Perhaps,
        ),
        row(
            "a note, listed",
            output.join("pinned").join(first.as_str()),
            command(&["generations"]),
            Fails::Perhaps,
        ),
        row(
            "a note, pruning",
            output.join("pinned").join(first.as_str()),
            command(&["prune"]),
            Fails::Perhaps,
        ),
        row(
            "a note of a withdrawal",
            output.join("withdrawn/20010101T000000.000Z"),
            run(&["--seed", "2"]),
            Fails::Perhaps,
        ),
        row("a claim", of_current("claim"), command(&["generations"]), Fails::Perhaps),
        row(
            "a plan",
            output.join("jobs/20010101T000000.000Z/plan.json"),
            run(&["--seed", "4"]),
            Fails::Perhaps,
        ),
        row("a report", output.join("reports/latest.html"), command(&["prune"]), Fails::Perhaps),
    ];
    let pointer = fs::read(output.join("CURRENT")).unwrap();
    for Row { name, path, command, fails } in &rows {
        for odd in ALL {
            let swapped = Swapped::new(path, odd);
            let ended = ends(command);
            drop(swapped);
            let context = format!("{odd:?} in the place of {name}: {ended:?}");
            assert!(!ended.stderr.contains("panicked"), "{context}");
            let code = match fails {
                Fails::Always => Some(1),
                Fails::UnlessLong => (!matches!(odd, Odd::Gigabyte)).then_some(1),
                Fails::AsSetting => Some(2),
                Fails::Perhaps => None,
            };
            if let Some(code) = code {
                assert_eq!(ended.status.code(), Some(code), "{context}");
                let file = path.file_name().unwrap().to_str().unwrap();
                assert!(odd.is_said_in(&ended.stderr) && ended.stderr.contains(file), "{context}");
            } else {
                assert!(matches!(ended.status.code(), Some(0 | 1)), "{context}");
            }
            fs::write(output.join("CURRENT"), &pointer).unwrap();
        }
    }
    drop(world.open_current());
}

#[test]
fn a_server_answers_whatever_stands_in_the_place_of_a_file_that_it_reads() {
    let world = World::new();
    world.run_quickly(&["--seed", "1"]);
    let first = world.current();
    world.run_quickly(&["--seed", "2"]);
    let (second, output) = (world.current(), world.output());
    let current = output.join("CURRENT");
    let point_at = |id: &store::GenerationId| fs::write(&current, format!("{id}\n")).unwrap();
    point_at(&first);
    let deny_list = world.write("deny.txt", "");
    let mut command = program("server");
    command.arg("--store").arg(&output).args(["--listen", "127.0.0.1:0", "--poll-interval", "10ms"]);
    command.arg("--work-dir").arg(world.path("work")).arg("--deny-list").arg(&deny_list);
    let server = Server::start(&mut as_ordinary_user(&command));
    server.wait_until_ready(None);
    let (list, memory) = (server.list_of(first.as_str()), server.resident_bytes());
    let of_second = |name: &str| layout::generation_dir(&output, &second).join(name);
    for (path, is_of_second) in [
        (current.clone(), false),
        (deny_list, false),
        (of_second("manifest.json"), true),
        (of_second("records/db"), true),
    ] {
        let file = path.file_name().unwrap().to_str().unwrap();
        for odd in ALL {
            let context = format!("{odd:?} in the place of {file}");
            let n_logged = server.log().len();
            let swapped = Swapped::new(&path, odd);
            if is_of_second {
                point_at(&second);
            }
            eventually(&format!("the server names {context}"), || {
                let log = server.log();
                log[n_logged..].lines().any(|line| line.contains(file) && odd.is_said_in(line))
            });
            // Each client has a connection of its own.
            assert_eq!(Client::of(server.address()).get("/livez").status, 200, "{context}");
            assert_eq!(server.list_of(first.as_str()), list, "{context}");
            assert!(server.resident_bytes() < memory + GIGABYTE / 4, "{context}");
            drop(swapped);
            point_at(&first);
        }
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    point_at(&second);
    server.wait_until_ready(Some(second.as_str()));
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn links_in_the_output_are_not_followed_to_write() {
    let world = World::new();
    world.run_quickly(&[]);
    let (victim, output) = (world.write("victim", "precious\n"), world.output());
    let precious = || assert_eq!(fs::read_to_string(&victim).unwrap(), "precious\n");
    for name in ["LOCK", "CURRENT.lock"] {
        let path = output.join(name);
        fs::remove_file(&path).unwrap();
        symlink(&victim, &path).unwrap();
        let ended = Ended::of(run_always(&world).stderr(Stdio::piped()));
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains("a symbolic link"), "{}", ended.stderr);
        precious();
        fs::remove_file(&path).unwrap();
        // A second name is not written to either, and locks all the same.
        fs::hard_link(&victim, &path).unwrap();
        world.run_quickly(&["--always"]);
        precious();
        fs::remove_file(&path).unwrap();
        world.run_quickly(&["--always"]);
    }
    // These are replaced, and what they lead to stays.
    for name in ["CURRENT", "reports/latest.html"] {
        let path = output.join(name);
        let before = fs::read_to_string(&path).unwrap();
        fs::rename(&path, &victim).unwrap();
        symlink(&victim, &path).unwrap();
        world.run_quickly(&["--always"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), before);
        assert!(path.symlink_metadata().unwrap().is_file());
    }
}
