//! The work directory: the private root of a process's working copies.
//!
//! Working copies hold users' histories and lists, and a copy that is reused after a restart is not read again in full.
//! So only the user of the process may read the work directory or write to it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The name of the project's directory below the user's state directory.
const PROJECT: &str = "movie-recommender";
/// Access for the owner alone.
const PRIVATE: u32 = 0o700;
/// Write access for the group or for others.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The default work directory of a program: `$STATE_DIRECTORY/<program>` (systemd sets it), else
/// `$XDG_STATE_HOME/movie-recommender/<program>`, else `$HOME/.local/state/movie-recommender/<program>` where the home
/// directory exists and belongs to this user, as it does not for many services and containers; else
/// `movie-recommender-<uid>-<program>` in the directory for temporary files.
#[must_use]
pub fn default_work_dir(program: &str) -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let is_own = |home: &Path| fs::metadata(home).is_ok_and(|found| found.is_dir() && found.uid() == uid);
    default_for(program, |name| std::env::var_os(name), is_own, &std::env::temp_dir(), uid)
}

fn default_for(
    program: &str,
    variable: impl Fn(&str) -> Option<OsString>,
    is_own: impl Fn(&Path) -> bool,
    temporary: &Path,
    uid: u32,
) -> PathBuf {
    // Relative paths are invalid in each of these variables.
    let directory = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // systemd separates several directories by colons.
    let state = variable("STATE_DIRECTORY").and_then(|list| std::env::split_paths(&list).next());
    if let Some(state) = state.filter(|path| path.is_absolute()) {
        return state.join(program);
    }
    let home = || Some(directory("HOME").filter(|home| is_own(home))?.join(".local/state"));
    let state = directory("XDG_STATE_HOME").or_else(home);
    match state {
        Some(state) => state.join(PROJECT).join(program),
        None => temporary.join(format!("{PROJECT}-{uid}-{program}")),
    }
}

/// Creates a work directory with mode 0700, and the directories above it, where it does not exist. An existing one is
/// accepted if it belongs to this user and no other user can write to it.
///
/// # Errors
/// [`Error::UnsafeWorkDir`] for a symbolic link, a directory of another user, or one that others can write to;
/// [`Error::Io`] where it cannot be created or is no directory.
pub fn create_work_dir(path: &Path) -> Result<()> {
    create_private_dir_all(path)?;
    let found = fs::symlink_metadata(path).map_err(Error::io("look at", path))?;
    match problem_with(&found, rustix::process::geteuid().as_raw()) {
        None => Ok(()),
        Some(problem) => Err(Error::UnsafeWorkDir { path: path.to_path_buf(), problem }),
    }
}

fn create_private_dir_all(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(path).map_err(Error::io("create", path))
}

/// The first reason not to use a directory as the work directory of a user.
fn problem_with(found: &Metadata, uid: u32) -> Option<String> {
    let mode = found.mode() & 0o7777;
    if found.is_symlink() {
        Some("it is a symbolic link".to_owned())
    } else if found.uid() != uid {
        Some(format!("it belongs to user {}, and this process runs as user {uid}", found.uid()))
    } else if mode & WRITABLE_BY_OTHERS != 0 {
        Some(format!("its mode {mode:04o} lets other users write to it"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_default_is_the_first_state_directory_that_is_set_and_absolute() {
        let of = |set: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let is_own = |home: &Path| home == Path::new("/home/u");
            default_for("server", variable, is_own, Path::new("/tmp"), 1000).display().to_string()
        };
        let (state, xdg, home) =
            (("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), ("XDG_STATE_HOME", "/x"), ("HOME", "/home/u"));
        assert_eq!(of(&[state, xdg, home]), "/var/lib/a/server");
        assert_eq!(of(&[xdg, home]), "/x/movie-recommender/server");
        assert_eq!(of(&[home]), "/home/u/.local/state/movie-recommender/server");
        assert_eq!(of(&[("XDG_STATE_HOME", "x"), home]), "/home/u/.local/state/movie-recommender/server");
        assert_eq!(of(&[("STATE_DIRECTORY", ""), ("HOME", "")]), "/tmp/movie-recommender-1000-server");
        assert_eq!(of(&[("HOME", "/")]), "/tmp/movie-recommender-1000-server");
        assert_eq!(of(&[]), "/tmp/movie-recommender-1000-server");
    }

    #[test]
    fn a_new_work_directory_is_private_and_is_accepted_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state/movie-recommender/server");
        for _ in 0..2 {
            create_work_dir(&path).unwrap();
            for dir in path.ancestors().take(3) {
                assert_eq!(fs::metadata(dir).unwrap().mode() & 0o777, 0o700, "{}", dir.display());
            }
        }
    }

    #[test]
    fn a_link_or_a_directory_that_others_own_or_can_write_to_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let refused = |path: &Path, says: &str| {
            let error = create_work_dir(path).unwrap_err();
            assert!(matches!(error, Error::UnsafeWorkDir { .. }), "{error}");
            let error = error.to_string();
            for says in [path.to_str().unwrap(), says, "mode 0700"] {
                assert!(error.contains(says), "{error}");
            }
        };
        let own = root.path().join("own");
        fs::create_dir(&own).unwrap();
        for mode in [0o777, 0o1777, 0o770, 0o702] {
            fs::set_permissions(&own, Permissions::from_mode(mode)).unwrap();
            refused(&own, &format!("mode {mode:04o}"));
        }
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        create_work_dir(&own).unwrap();

        let link = root.path().join("link");
        symlink(&own, &link).unwrap();
        refused(&link, "symbolic link");

        let found = fs::metadata(&own).unwrap();
        assert_eq!(problem_with(&found, found.uid()), None);
        let problem = problem_with(&found, found.uid() + 1).unwrap();
        assert!(problem.contains(&format!("belongs to user {}", found.uid())), "{problem}");
    }

    #[test]
    fn a_file_is_not_a_work_directory() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(create_work_dir(&path), Err(Error::Io { .. })));
    }
}
