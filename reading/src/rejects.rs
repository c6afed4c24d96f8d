//! `rejects.csv`: the file, line, reasons and text of every rejected row, for people. The text of rows of deleted users
//! is empty. A cell has no line breaks, and none is a formula for a spreadsheet.

use std::io;
use std::path::Path;

use crate::error::Result;
use crate::tables::{CleanRatings, Movies, Reason, Reject};

/// The name of the file in the directory of a generation.
pub const REJECTS: &str = "rejects.csv";

/// Writes [`REJECTS`] into the directory of a generation. Without rejected rows it has only the header.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub fn write_rejects(dir: &Path, ratings: &CleanRatings, movies: &Movies) -> Result<()> {
    let path = dir.join(REJECTS);
    let write = || -> Result<(), csv::Error> {
        let mut table = csv::Writer::from_path(&path)?;
        table.write_record(["file", "line", "reasons", "row"])?;
        for (file, rejects) in
            [(&ratings.source.path, &ratings.rejects), (&movies.source.path, &movies.rejects)]
        {
            for Reject { line, reasons, text, .. } in rejects {
                let reasons: Vec<&str> = reasons.iter().copied().map(Reason::name).collect();
                let (file, text) = (printable::csv_cell(file), printable::csv_cell(text));
                table.write_record([&*file, &line.to_string(), &reasons.join(";"), &*text])?;
            }
        }
        Ok(table.flush()?)
    };
    Ok(write().map_err(io::Error::from).map_err(store::Error::io("write", &path))?)
}

#[cfg(test)]
mod tests {
    use store::manifest::SourceFile;

    use super::*;

    #[test]
    fn rejected_rows_are_written_with_file_line_reasons_and_text() {
        let dir = tempfile::tempdir().unwrap();
        let reject = |line, reasons, text: &str| Reject { line, reasons, user: None, text: text.to_owned() };
        let ratings = CleanRatings {
            source: SourceFile { path: "in/stars.csv".to_owned(), ..SourceFile::default() },
            rejects: vec![reject(2, vec![Reason::MissingUser, Reason::RatingOutOfRange], ",31.0,-6.0,0")],
            ..CleanRatings::default()
        };
        let movies = Movies {
            source: SourceFile { path: "films.csv".to_owned(), ..SourceFile::default() },
            rejects: vec![reject(9, vec![Reason::MissingTitle], "7,\"\",Drama")],
            ..Movies::default()
        };
        write_rejects(dir.path(), &ratings, &movies).unwrap();
        assert_eq!(
            std::fs::read_to_string(dir.path().join(REJECTS)).unwrap(),
            "file,line,reasons,row\n\
             in/stars.csv,2,missing_user;rating_out_of_range,\",31.0,-6.0,0\"\n\
             films.csv,9,missing_title,\"7,\"\"\"\",Drama\"\n"
        );
    }

    #[test]
    fn a_cell_is_one_line_and_no_formula() {
        let dir = tempfile::tempdir().unwrap();
        let rows = ["=HYPERLINK(1)", "-6.0,1", "1,2\n3", "\u{1b}[31m,\u{202e}"];
        let reject = |text: &str| Reject { line: 2, reasons: vec![], user: None, text: text.to_owned() };
        let ratings = CleanRatings {
            source: SourceFile { path: "@stars.csv".to_owned(), ..SourceFile::default() },
            rejects: rows.map(reject).into(),
            ..CleanRatings::default()
        };
        write_rejects(dir.path(), &ratings, &Movies::default()).unwrap();
        let mut table = csv::Reader::from_path(dir.path().join(REJECTS)).unwrap();
        let written: Vec<_> = table.records().map(|row| row.unwrap()).collect();
        assert!(written.iter().all(|row| &row[0] == "'@stars.csv"));
        let texts: Vec<_> = written.iter().map(|row| &row[3]).collect();
        assert_eq!(texts, ["'=HYPERLINK(1)", "'-6.0,1", "1,2\\n3", "'\\u{1b}[31m,\\u{202e}"]);
    }

    #[test]
    fn without_rejected_rows_the_file_has_a_header() {
        let dir = tempfile::tempdir().unwrap();
        write_rejects(dir.path(), &CleanRatings::default(), &Movies::default()).unwrap();
        let text = std::fs::read_to_string(dir.path().join(REJECTS)).unwrap();
        assert_eq!(text, "file,line,reasons,row\n");
    }

    #[test]
    fn a_missing_directory_is_an_error_with_its_path() {
        let missing = Path::new("/nowhere/at/all");
        let error = write_rejects(missing, &CleanRatings::default(), &Movies::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /nowhere/at/all/rejects.csv"), "{error}");
    }
}
