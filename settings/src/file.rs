//! The settings file: values by key, each with its line.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Given, Origin, Result};
use crate::{is_key, keys, nearest};

/// The maximum length of a file.
const MAX_BYTES: u64 = 1 << 20;

/// A parsed file.
#[derive(Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    values: BTreeMap<String, Value>,
}

/// A value, as an option on the command line would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl File {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let read = store::files::read(path, MAX_BYTES).map_err(|error| match error {
            store::Error::Io { source, .. } => source,
            other => io::Error::other(other),
        });
        let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
        Self::parse(path, &text.map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })?)
    }

    /// Reads the text of the file `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        let line = |offset: usize| 1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count();
        let origin = |offset| Origin::File(path.to_path_buf(), line(offset));
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            Error::Syntax { origin: origin(offset), detail: error.message().to_owned() }
        })?;
        let mut file = Self { path: path.to_path_buf(), values: BTreeMap::new() };
        let mut tables = vec![(String::new(), table.get_ref())];
        while let Some((prefix, table)) = tables.pop() {
            for (name, value) in table.iter() {
                let key = format!("{prefix}{}", name.get_ref());
                let line = line(name.span().start);
                let is_section = keys().any(|known| known.starts_with(&format!("{key}.")));
                match value.get_ref() {
                    DeValue::Table(table) if is_section => tables.push((format!("{key}."), table)),
                    other if !is_key(&key) => {
                        // The first key of an unknown section gives the best suggestion.
                        let first = other.as_table().and_then(|table| table.iter().next());
                        let key = first.map_or(key.clone(), |(name, _)| format!("{key}.{}", name.get_ref()));
                        return Err(unknown(origin(name.span().start), &key));
                    }
                    _ => {
                        let text = plain(value).ok_or_else(|| Error::Unfit {
                            given: Box::new(Given {
                                name: key.clone(),
                                value: text[value.span()].to_owned(),
                                origin: origin(name.span().start),
                            }),
                            against: None,
                            detail: "give a number, a word in quotes, true or false".to_owned(),
                        })?;
                        file.values.insert(key, Value { text, line });
                    }
                }
            }
        }
        Ok(file)
    }

    /// The value of a key, where the file has one.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The place of a value.
    pub(crate) fn origin(&self, value: &Value) -> Origin {
        Origin::File(self.path.clone(), value.line)
    }
}

/// The error for a key that does not exist.
pub(crate) fn unknown(origin: Origin, key: &str) -> Error {
    Error::Unknown { origin, key: key.to_owned(), nearest: nearest(key) }
}

/// Writes a value as the command line would have it; `None` for dates, arrays and tables.
fn plain(value: &Spanned<DeValue<'_>>) -> Option<String> {
    Some(match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File> {
        File::parse(Path::new("r.toml"), text)
    }

    #[test]
    fn values_are_found_by_section_and_name_with_their_lines() {
        let file =
            parse("# mine\n[scoring]\nn = 50\n\n[server]\nlisten = \"0.0.0.0:80\"\n\ngate.min_lift = -inf\n");
        // A dotted name below a section is of that section.
        assert!(file.unwrap_err().to_string().contains("server.gate"));
        let file =
            parse("gate.min_lift = -inf\n[scoring]\nn = 5_0\n[server]\nlisten = \"0.0.0.0:80\"\n").unwrap();
        let value = |key| file.value(key).map(|value| (value.text.as_str(), value.line));
        assert_eq!(value("scoring.n"), Some(("50", 3)));
        assert_eq!(value("server.listen"), Some(("0.0.0.0:80", 5)));
        assert_eq!(value("gate.min_lift"), Some(("-inf", 1)));
        assert_eq!(value("scoring.similar"), None);
    }

    #[test]
    fn faults_are_named_by_their_lines() {
        for (text, named) in [
            ("[scoring\n", "line 1 of r.toml is not TOML"),
            ("[scoring]\nn = \n", "line 2 of r.toml"),
            ("\n[scorng]\nn = 5\n", "line 2 of r.toml: there is no setting scorng.n; is scoring.n meant?"),
            ("[scoring]\n\nm = 5\n", "line 3 of r.toml: there is no setting scoring.m; is scoring.n meant?"),
            ("n = 5\n", "line 1 of r.toml: there is no setting n"),
            ("scoring = 5\n", "line 1 of r.toml: there is no setting scoring"),
            ("[scoring]\nn = [1]\n", "line 2 of r.toml: scoring.n cannot be [1]"),
            ("[scoring]\nn = {a = 1}\n", "line 2 of r.toml: scoring.n cannot be `{a = 1}`"),
            ("[scoring]\nn = 1\nn = 2\n", "line 3 of r.toml"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
        assert!(
            File::read(Path::new("/nowhere/r.toml")).unwrap_err().to_string().contains("/nowhere/r.toml")
        );
    }
}
