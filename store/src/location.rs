//! The location of a repository: a directory, or a prefix in a bucket of an object store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// A directory (`output`, `file:///srv/output`) or a prefix in a bucket (`s3://bucket/prefix`). Serialized as that text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Location {
    /// A directory of this machine, or of a file system that several machines share.
    Directory(PathBuf),
    /// A prefix in a bucket of a store that speaks S3.
    Bucket {
        /// The bucket.
        bucket: String,
        /// The prefix of all keys, without slashes at its ends; may be empty.
        prefix: String,
    },
}

/// A text that is not a location.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a location: {problem}; give a directory, file:///path or s3://bucket/prefix")]
pub struct InvalidLocation {
    given: String,
    problem: &'static str,
}

impl Location {
    /// The location with an absolute path, for processes with other current directories.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where there is no current directory.
    pub fn absolute(&self) -> crate::Result<Self> {
        match self {
            Self::Directory(path) => {
                std::path::absolute(path).map(Self::Directory).map_err(crate::Error::io("find", path))
            }
            bucket @ Self::Bucket { .. } => Ok(bucket.clone()),
        }
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |problem| InvalidLocation { given: text.to_owned(), problem };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if !text.contains("://") {
            return Ok(Self::Directory(text.into()));
        }
        let url = Url::parse(text).map_err(|_| invalid("it is not a URL"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("`?` and `#` are not allowed"));
        }
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::Directory(path)),
                Err(()) => Err(invalid("a file URL has three slashes and an absolute path")),
            },
            "s3" => {
                let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
                let bucket = bucket.ok_or_else(|| invalid("it has no bucket"))?.to_owned();
                if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
                    return Err(invalid(
                        "credentials and endpoint come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT)",
                    ));
                }
                Ok(Self::Bucket { bucket, prefix: url.path().trim_matches('/').to_owned() })
            }
            _ => Err(invalid("its scheme is unknown")),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl TryFrom<String> for Location {
    type Error = InvalidLocation;

    fn try_from(text: String) -> Result<Self, InvalidLocation> {
        text.parse()
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Directory(path.to_path_buf())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_file_urls_and_buckets_are_distinguished() {
        let read = |text: &str| text.parse::<Location>().unwrap();
        let bucket = |bucket: &str, prefix: &str| Location::Bucket {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        assert_eq!(read("output"), Location::Directory("output".into()));
        assert_eq!(read("/srv/a b"), Location::Directory("/srv/a b".into()));
        assert_eq!(read("file:///srv/out"), Location::Directory("/srv/out".into()));
        assert_eq!(read("s3://recs"), bucket("recs", ""));
        assert_eq!(read("s3://recs/site/movies/"), bucket("recs", "site/movies"));
        for text in ["output", "s3://recs", "s3://recs/site/movies"] {
            assert_eq!(read(text).to_string(), text);
            let json = serde_json::to_string(&read(text)).unwrap();
            assert_eq!(serde_json::from_str::<Location>(&json).unwrap(), read(text));
        }
        assert!(serde_json::from_str::<Location>("\"gs://bucket\"").is_err());
    }

    #[test]
    fn an_invalid_location_is_refused_with_a_valid_form() {
        for (text, says) in [
            ("", "empty"),
            ("gs://bucket/x", "scheme"),
            ("s3:///prefix", "bucket"),
            ("s3://key:secret@bucket", "AWS_ACCESS_KEY_ID"),
            ("s3://bucket/x?versionId=3", "`?`"),
            ("file://host/path", "three slashes"),
        ] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("s3://bucket/prefix"), "{error}");
        }
    }
}
