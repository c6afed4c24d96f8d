//! Recognizes files that are not CSV files with a header, so that an error can say what they are.

use std::path::Path;

use memchr::memchr3;

use super::text::unquote;
use crate::error::{Error, Result};

/// The first bytes of binary formats, with the name of the format.
const BINARY: [(&[u8], &str); 9] = [
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip file or a spreadsheet"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

/// Other separators of columns, with their names.
const SEPARATORS: [(&str, &str); 4] =
    [("::", "double colons"), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")];

/// Checks that a file does not begin like one of another format, and that its first line has no zero bytes and no carriage
/// return but at its end.
///
/// # Errors
/// [`Error::OtherFormat`].
pub(super) fn check(path: &Path, start: &[u8]) -> Result<()> {
    let known = BINARY.iter().find(|(magic, _)| start.starts_with(magic)).map(|&(_, format)| format);
    let format = known.or_else(|| match memchr3(0, b'\r', b'\n', start).map(|first| &start[first..]) {
        Some([0, ..]) => Some("binary data or UTF-16 text"),
        Some([b'\r', next, ..]) if !b"\r\n".contains(next) => {
            Some("text whose lines end with a carriage return alone")
        }
        _ => None,
    });
    match format {
        Some(format) => Err(Error::OtherFormat { path: path.to_path_buf(), format }),
        None => Ok(()),
    }
}

/// The likely reason why a header lacks a column, as a clause for an error; empty if there is none.
pub(super) fn likely_fault(cells: &[&[u8]]) -> String {
    let line = String::from_utf8_lossy(&cells.join(&b',')).into_owned();
    let separator = SEPARATORS.iter().find(|(separator, _)| cells.len() == 1 && line.contains(separator));
    let separated =
        separator.map(|(_, name)| format!("its columns are separated by {name}; convert them to commas"));
    let parts = line.split(|c: char| ",:;\t|".contains(c));
    let is_number =
        |part: &&str| str::from_utf8(unquote(part.as_bytes())).is_ok_and(|text| text.parse::<f64>().is_ok());
    let is_data = parts.filter(is_number).count() > 1;
    match (separated, is_data) {
        (Some(separated), true) => format!("; {separated}, and add a header, since the first line is data"),
        (Some(separated), false) => format!("; {separated}"),
        (None, true) => "; the first line is data, so add a header".to_owned(),
        (None, false) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_file_is_an_error_with_its_format() {
        for (start, format) in [
            (&b"PAR1\x15\x04"[..], "a Parquet file"),
            (b"\x1f\x8b\x08\x00", "a gzip file"),
            (b"SQLite format 3\0\x10", "an SQLite database"),
            (b"\xff\xfeu\0s\0", "UTF-16 text"),
            (b"u\0s\0e\0r\0", "binary data or UTF-16 text"),
            (b"\0\0\0\0", "binary data or UTF-16 text"),
            (b"userId,movieId\r1,2\r", "text whose lines end with a carriage return alone"),
        ] {
            let error = check(Path::new("r.csv"), start).unwrap_err().to_string();
            assert!(error.starts_with(&format!("r.csv is {format}, not a CSV file in UTF-8; ")), "{error}");
        }
        for start in [
            &b"userId,movieId"[..],
            b"\xef\xbb\xbfuserId",
            b"",
            b"PARTS,movieId",
            b"userId\n\0",
            b"userId\r\n",
            b"userId\r",
        ] {
            assert!(check(Path::new("r.csv"), start).is_ok());
        }
    }

    #[test]
    fn another_separator_and_a_missing_header_are_recognized() {
        let fault = |line: &str| likely_fault(&line.split(',').map(str::as_bytes).collect::<Vec<_>>());
        let tabs = "; its columns are separated by tabs; convert them to commas";
        for (line, expected) in [
            ("userId\tmovieId\trating\ttimestamp", tabs.to_owned()),
            ("196\t242\t3\t881250949", format!("{tabs}, and add a header, since the first line is data")),
            ("1,31,2.5,1260759144", "; the first line is data, so add a header".to_owned()),
            ("user,movie,stars,time", String::new()),
            ("userId", String::new()),
        ] {
            assert_eq!(fault(line), expected, "{line}");
        }
        assert!(fault("1::1193::5::978300760").contains("double colons"));
        assert!(fault("userId;movieId;rating").contains("semicolons"));
    }
}
