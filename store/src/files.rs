//! The opening of files whose content others decide: inputs, deny lists, and the files of a repository.
//!
//! A name may stand for anything: a pipe without a writer, a device without an end, a file of any length, a link. So a
//! file is opened without waiting, must be a regular one, and is read up to a maximum length. Links are followed to
//! read, and never to write. A file system that does not answer still blocks the caller; a caller that must not be
//! blocked calls from a thread of its own.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use signal_hook::consts::SIGXFSZ;

use crate::error::{Error, Result};

/// Makes a write beyond the limit of the file size (`ulimit -f`) fail with an error. By default its signal kills the
/// process without a word. Each program calls this at its start.
///
/// # Errors
/// [`Error::Io`] where the signal cannot be caught.
pub fn report_size_limit() -> Result<()> {
    // A signal that is ignored stays ignored in other programs that this one starts; one that is caught does not.
    let caught = signal_hook::flag::register(SIGXFSZ, Arc::default());
    caught.map(|_| ()).map_err(Error::io("catch the signal of", "the file size limit"))
}

/// Opens a regular file to read it. Follows symbolic links.
///
/// # Errors
/// [`Error::NotAFile`] for a directory, a pipe, a socket or a device; [`Error::Io`].
pub fn open(path: &Path) -> Result<(File, Metadata)> {
    // Looked at first, because opening alone can change the state of a device.
    check_kind(path, &fs::metadata(path).map_err(Error::io("open", path))?)?;
    let file = OpenOptions::new().read(true).custom_flags(flags(OFlags::empty())).open(path);
    checked(path, file.map_err(Error::io("open", path))?)
}

/// Reads a regular file of at most `max_bytes`.
///
/// # Errors
/// [`Error::NotAFile`], [`Error::TooLong`], [`Error::Io`].
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let too_long = |found| Error::TooLong { path: path.to_path_buf(), found, max: max_bytes };
    let (file, metadata) = open(path)?;
    if metadata.len() > max_bytes {
        return Err(too_long(metadata.len()));
    }
    // The length says nothing about a file that grows, nor about those of /proc.
    let mut content = Vec::with_capacity(metadata.len() as usize);
    file.take(max_bytes + 1).read_to_end(&mut content).map_err(Error::io("read", path))?;
    let found = content.len() as u64;
    if found > max_bytes { Err(too_long(found)) } else { Ok(content) }
}

/// The length of a regular file, without opening it. Follows symbolic links.
///
/// # Errors
/// [`Error::NotAFile`], [`Error::Io`].
pub(crate) fn length(path: &Path) -> Result<u64> {
    let metadata = fs::metadata(path).map_err(Error::io("look at", path))?;
    check_kind(path, &metadata).map(|()| metadata.len())
}

/// Opens a regular file to read and write it, and creates it where it does not exist. Does not follow a symbolic link at
/// the end of the path.
///
/// # Errors
/// [`Error::NotAFile`], also for a symbolic link; [`Error::Io`].
pub(crate) fn open_to_write(path: &Path) -> Result<File> {
    if let Ok(metadata) = fs::symlink_metadata(path) {
        check_kind(path, &metadata)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).custom_flags(flags(OFlags::NOFOLLOW));
    checked(path, options.open(path).map_err(Error::io("open", path))?).map(|(file, _)| file)
}

/// Whether a file has no other name. What is written to it changes no other file then.
pub(crate) fn has_one_name(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() == 1)
}

/// The flags of every opening: without them, opening a pipe waits for its other end, and a terminal may become that of the
/// process.
fn flags(further: OFlags) -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY | further).bits().cast_signed()
}

/// Checks the kind once more: another file may have taken the name in the meantime.
fn checked(path: &Path, file: File) -> Result<(File, Metadata)> {
    let metadata = file.metadata().map_err(Error::io("open", path))?;
    check_kind(path, &metadata)?;
    Ok((file, metadata))
}

fn check_kind(path: &Path, metadata: &Metadata) -> Result<()> {
    let file_type = metadata.file_type();
    let kind = match file_type {
        _ if file_type.is_file() => return Ok(()),
        _ if file_type.is_dir() => "a directory",
        _ if file_type.is_symlink() => "a symbolic link",
        _ if file_type.is_fifo() => "a pipe",
        _ if file_type.is_socket() => "a socket",
        _ => "a device",
    };
    Err(Error::NotAFile { path: path.to_path_buf(), kind })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// A file of each kind that is no regular one, with the word for it.
    fn irregular(dir: &Path) -> Vec<(PathBuf, &'static str)> {
        let (pipe, socket, link) = (dir.join("pipe"), dir.join("socket"), dir.join("link"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        drop(UnixListener::bind(&socket).unwrap());
        symlink("/dev/zero", &link).unwrap();
        vec![
            (dir.to_path_buf(), "a directory"),
            (pipe, "a pipe"),
            (socket, "a socket"),
            (PathBuf::from("/dev/zero"), "a device"),
            (link, "a device"),
        ]
    }

    #[test]
    fn a_file_that_is_not_regular_is_an_error_with_its_kind_and_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        for (path, kind) in irregular(dir.path()) {
            for error in [open(&path).unwrap_err(), read(&path, 10).unwrap_err()] {
                let error = error.to_string();
                assert!(
                    error.starts_with(&format!("{} is {kind}, not a regular file", path.display())),
                    "{error}"
                );
            }
            let error = open_to_write(&path).unwrap_err();
            assert!(matches!(error, Error::NotAFile { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_the_maximum_however_long_it_says_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        assert_eq!(read(&path, 10).unwrap(), b"0123456789");
        let error = read(&path, 9).unwrap_err().to_string();
        assert!(error.contains("10 bytes") && error.contains("9 "), "{error}");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, 10), Err(Error::TooLong { found, .. }) if found == 1 << 40));
        // Its length is 0.
        assert!(matches!(read(Path::new("/proc/self/status"), 10), Err(Error::TooLong { .. })));
        assert!(matches!(read(&dir.path().join("absent"), 10), Err(Error::Io { .. })));
    }

    #[test]
    fn a_link_is_followed_to_read_and_not_to_write() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "content").unwrap();
        symlink(&target, &link).unwrap();
        assert_eq!(read(&link, 10).unwrap(), b"content");
        let error = open_to_write(&link).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
        // Nor one that leads nowhere yet.
        fs::remove_file(&target).unwrap();
        open_to_write(&link).unwrap_err();
        assert!(!target.exists());
        open_to_write(&target).unwrap().write_all(b"own").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"own");
    }
}
