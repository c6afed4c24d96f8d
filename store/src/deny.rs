//! The deny list: hidden movies and deleted users, read from a file.
//!
//! ```text
//! # one entry per line
//! movie 3451
//! user 18
//! ```
//!
//! A server applies the list as soon as the file changes. The next run leaves the entries out, so that no record of them is
//! stored.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;
use crate::ids::{MovieId, UserId};

/// The maximum length of a file in bytes: some twenty million entries.
const MAX_BYTES: u64 = 256 << 20;
/// The byte order mark that some editors write before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Hidden movies and deleted users, each ascending. A list takes 4 bytes an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DenyList {
    movies: Vec<MovieId>,
    users: Vec<UserId>,
}

impl DenyList {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::NotAFile`], [`Error::TooLong`], [`Error::Io`]; [`Error::DenyList`] for the first invalid line.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &Self::bytes(path)?)
    }

    /// Reads the bytes of a file, to be [parsed](Self::parse).
    ///
    /// # Errors
    /// [`Error::NotAFile`], [`Error::TooLong`], [`Error::Io`].
    pub fn bytes(path: &Path) -> Result<Vec<u8>> {
        files::read(path, MAX_BYTES)
    }

    /// Reads the bytes of the file `path`.
    ///
    /// # Errors
    /// [`Error::DenyList`] for the first invalid line.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let mut list = Self::default();
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
            let line = String::from_utf8_lossy(line);
            let text = line.split('#').next().unwrap_or_default().trim();
            let id = |text: &str| text.trim().parse().ok().filter(|_| !text.contains('+'));
            match text.split_once(char::is_whitespace) {
                None if text.is_empty() => {}
                Some(("movie", text)) if let Some(id) = id(text) => {
                    list.movies.push(MovieId::new(id));
                }
                Some(("user", text)) if let Some(id) = id(text) => {
                    list.users.push(UserId::new(id));
                }
                _ => {
                    let text: String = text.chars().take(60).collect();
                    let (path, text) = (path.to_path_buf(), text.escape_debug().to_string());
                    return Err(Error::DenyList { path, line: number, text });
                }
            }
        }
        Ok(list.in_order())
    }

    fn in_order(mut self) -> Self {
        self.movies.sort_unstable();
        self.movies.dedup();
        self.users.sort_unstable();
        self.users.dedup();
        self
    }

    /// The union of two lists.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.movies.extend(&other.movies);
        self.users.extend(&other.users);
        self.in_order()
    }

    /// Whether the list has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.movies.is_empty() && self.users.is_empty()
    }

    /// Whether a movie is hidden.
    #[must_use]
    pub fn hides(&self, movie: MovieId) -> bool {
        self.movies.binary_search(&movie).is_ok()
    }

    /// Whether a user is deleted.
    #[must_use]
    pub fn deletes(&self, user: UserId) -> bool {
        self.users.binary_search(&user).is_ok()
    }

    /// The hidden movies, ids ascending.
    pub fn movies(&self) -> impl ExactSizeIterator<Item = MovieId> + '_ {
        self.movies.iter().copied()
    }

    /// The deleted users, ids ascending.
    pub fn users(&self) -> impl ExactSizeIterator<Item = UserId> + '_ {
        self.users.iter().copied()
    }

    /// A digest of the entries, independent of their order and of comments.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for id in &self.movies {
            hasher.update(b"movie").update(&id.get().to_le_bytes());
        }
        for id in &self.users {
            hasher.update(b"user").update(&id.get().to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DenyList> {
        DenyList::parse(Path::new("deny.txt"), text.as_bytes())
    }

    #[test]
    fn a_line_is_a_movie_a_user_or_a_comment() {
        let list = parse("# hidden\nmovie 3451\r\n\n  user\t18 # asked on Monday\nmovie 1").unwrap();
        assert!(
            list.hides(MovieId::new(3451)) && list.hides(MovieId::new(1)) && !list.hides(MovieId::new(18))
        );
        assert!(list.deletes(UserId::new(18)) && !list.deletes(UserId::new(1)));
        assert_eq!(list.digest(), parse("user 18\nmovie 1\nmovie 3451\nmovie 1").unwrap().digest());
        assert_ne!(list.digest(), parse("user 18\nmovie 1").unwrap().digest());
        assert!(parse("").unwrap().is_empty());
        assert!(parse("\u{feff}user 7\n").unwrap().deletes(UserId::new(7)));
    }

    #[test]
    fn an_invalid_line_is_named() {
        for line in
            ["film 1", "movie", "movie -1", "movie +1", "movie 1.0", "user 4294967296", "18", "user 1 2"]
        {
            let error = parse(&format!("movie 1\n{line}\n")).unwrap_err().to_string();
            assert!(error.contains("line 2 of deny.txt") && error.contains(line), "{error}");
        }
        assert!(DenyList::parse(Path::new("deny.txt"), b"movie \xff").is_err());
    }
}
