//! The commands that the program prints as hints. A hint works when it is pasted into the shell that printed it: it
//! names the program as it was started, and quotes what a shell would split.

use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::path::Path;

use settings::quoted;
use store::Location;

/// The file name of the server's program.
const SERVER: &str = "server";

/// The command that started this program, and the one that starts the server beside it.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pipeline: String,
    server: String,
}

impl Invocation {
    /// Returns the invocation of this process.
    pub(crate) fn of_process() -> Self {
        // Cargo sets this variable for the programs that it runs, here to the name of their package.
        let by_cargo = env::var_os("CARGO_PKG_NAME").is_some_and(|name| name == env!("CARGO_PKG_NAME"));
        Self::new(&env::args_os().next().unwrap_or_else(|| env!("CARGO_PKG_NAME").into()), by_cargo)
    }

    fn new(program: &OsStr, by_cargo: bool) -> Self {
        if by_cargo {
            let release = if cfg!(debug_assertions) { "" } else { "--release " };
            let features = if cfg!(feature = "cluster") { "--features cluster " } else { "" };
            return Self {
                pipeline: format!("cargo run {release}-p {} {features}--", env!("CARGO_PKG_NAME")),
                server: format!("cargo run {release}-p {SERVER} --"),
            };
        }
        let beside = Path::new(program).with_file_name(SERVER);
        let server = if beside.is_file() { beside.display().to_string() } else { SERVER.to_owned() };
        Self { pipeline: quoted(&program.to_string_lossy()), server: quoted(&server) }
    }

    /// Returns a command of this program with its arguments.
    pub(crate) fn pipeline<const N: usize>(&self, arguments: [&dyn Display; N]) -> String {
        with_arguments(&self.pipeline, arguments)
    }
}

/// Hints about one repository, which every command repeats.
#[derive(Debug, Clone)]
pub(crate) struct Hints {
    invocation: Invocation,
    output: Location,
}

impl Hints {
    /// Returns the hints of this process about a repository.
    pub(crate) fn about(output: Location) -> Self {
        Self { invocation: Invocation::of_process(), output }
    }

    /// Returns the command that started this program.
    pub(crate) fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// Returns the repository.
    pub(crate) fn output(&self) -> &Location {
        &self.output
    }

    /// Returns a command of this program on the repository.
    pub(crate) fn command<const N: usize>(&self, arguments: [&dyn Display; N]) -> String {
        format!("{} --output {}", self.invocation.pipeline(arguments), quoted(&self.output.to_string()))
    }

    /// Returns the command that publishes from files. The names in capitals are for the user to replace: without them the
    /// command would read the sample.
    pub(crate) fn run_on_files(&self) -> String {
        self.command([&"run", &"--ratings", &"RATINGS.csv", &"--movies", &"MOVIES.csv"])
    }

    /// Returns the command that serves the repository.
    pub(crate) fn serve(&self) -> String {
        with_arguments(&self.invocation.server, [&"--store", &self.output])
    }
}

fn with_arguments<const N: usize>(program: &str, arguments: [&dyn Display; N]) -> String {
    let arguments = arguments.map(|argument| format!(" {}", quoted(&argument.to_string())));
    format!("{program}{}", arguments.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Invocation {
        /// A program on the search path.
        pub(crate) fn installed() -> Self {
            Self::new("pipeline".as_ref(), false)
        }
    }

    impl Hints {
        /// The hints of a program on the search path about a repository whose name needs quotes.
        pub(crate) fn installed() -> Self {
            Self { invocation: Invocation::installed(), output: "my lists".parse().unwrap() }
        }
    }

    #[test]
    fn a_hint_names_the_program_as_it_was_started() {
        let hint = |invocation: &Invocation| invocation.pipeline([&"pin", &1]);
        assert_eq!(hint(&Invocation::installed()), "pipeline pin 1");
        assert_eq!(
            hint(&Invocation::new("../my bin/pipeline".as_ref(), false)),
            "'../my bin/pipeline' pin 1"
        );
        let by_cargo = Invocation::new("target/release/pipeline".as_ref(), true);
        let hint = hint(&by_cargo);
        assert!(hint.starts_with("cargo run ") && hint.ends_with(" -- pin 1"), "{hint}");
        let server = by_cargo.server;
        assert!(server.starts_with("cargo run ") && server.ends_with("-p server --"), "{server}");
    }

    #[test]
    fn the_server_is_the_one_beside_the_program_or_the_one_on_the_search_path() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("pipeline");
        assert_eq!(Invocation::new(program.as_os_str(), false).server, "server");
        let beside = dir.path().join("server");
        std::fs::write(&beside, "").unwrap();
        let server = Invocation::new(program.as_os_str(), false).server;
        assert_eq!(server, quoted(&beside.display().to_string()));
    }
}
