//! Reads the table of movies: title and genres by movie.
//!
//! Titles contain commas, quotes and line breaks, so this table needs a full CSV reader. It is small, so speed does not
//! matter.

use std::collections::btree_map::Entry;

use csv::ByteRecord;
use store::MovieId;
use store::manifest::FileDigest;
use store::records::Movie;

use super::format;
use super::header::columns;
use super::number::parse_id;
use super::text::{count_newlines, excerpt};
use crate::error::{Error, Result};
use crate::file::InputFile;
use crate::tables::{Movies, Reason, Reject};

/// The text of MovieLens for a movie without genres.
const NO_GENRES: &str = "(no genres listed)";

/// The positions of the columns.
struct MovieLayout {
    n_columns: usize,
    movie: usize,
    title: usize,
    genres: usize,
}

/// Reads a table of movies with the columns `movieId`, `title` and `genres` (separated by `|`), in any order. Of
/// several rows of one movie the first acceptable one counts.
///
/// Memory: the file, 4 MB for 87,000 movies.
///
/// # Errors
/// [`Error::MissingColumn`], [`Error::EmptyTable`], [`Error::Changed`] and [`Error::Io`].
pub fn read_movies(file: &InputFile) -> Result<Movies> {
    let path = file.path();
    let mut bytes = Vec::new();
    file.read(0..file.length(), &mut bytes)?;
    format::check(path, &bytes)?;
    let source = file.describe(FileDigest::of_bytes(&bytes))?;
    let failed = |e: csv::Error| Error::io("read", path)(e.into());
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header: Vec<&[u8]> = table.byte_headers().map_err(failed)?.iter().collect();
    if header.is_empty() {
        return Err(Error::EmptyTable { path: path.to_path_buf() });
    }
    let [movie, title, genres] =
        columns(path, &header, ["movieId", "title", "genres"], "movieId, title, genres")?;
    let layout = MovieLayout { n_columns: header.len(), movie, title, genres };

    let mut movies = Movies { source, ..Movies::default() };
    let mut record = ByteRecord::new();
    // Lines are counted here, since the position of the reader is before the blank lines that precede a row.
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = table.position().byte() as usize;
        if !table.read_byte_record(&mut record).map_err(failed)? {
            break;
        }
        let row = bytes[start..table.position().byte() as usize].trim_ascii_start();
        if row.is_empty() {
            continue;
        }
        let start = table.position().byte() as usize - row.len();
        line += count_newlines(&bytes[counted..start]) as u64;
        counted = start;
        movies.rows.read += 1;
        let parsed = parse_movie(&record, &layout).and_then(|(id, movie)| match movies.by_id.entry(id) {
            Entry::Vacant(entry) => Ok(entry.insert(movie)),
            Entry::Occupied(_) => Err(vec![Reason::DuplicateMovie]),
        });
        if let Err(reasons) = parsed {
            movies.rejects.push(Reject { line, reasons, user: None, text: excerpt(row) });
        }
    }
    if movies.rows.read == 0 {
        return Err(Error::EmptyTable { path: path.to_path_buf() });
    }
    movies.rows.kept = movies.by_id.len() as u64;
    movies.rows.rejected = movies.rejects.len() as u64;
    for reason in movies.rejects.iter().filter_map(|reject| reject.reasons.first()) {
        *movies.rows.rejected_by_reason.entry(reason.name().to_owned()).or_default() += 1;
    }
    Ok(movies)
}

/// Parses a row, or returns all reasons to reject it, in the order of [`Reason`].
fn parse_movie(record: &ByteRecord, layout: &MovieLayout) -> Result<(MovieId, Movie), Vec<Reason>> {
    let mut reasons = Vec::new();
    if record.iter().any(|cell| str::from_utf8(cell).is_err()) {
        reasons.push(Reason::BadUtf8);
    }
    if record.len() != layout.n_columns {
        // The columns of the cells are unknown, so they are not checked.
        reasons.push(if record.len() < layout.n_columns { Reason::TornRow } else { Reason::TooManyColumns });
        return Err(reasons);
    }
    let id = parse_id(record[layout.movie].trim_ascii(), Reason::MissingMovie, Reason::BadMovie);
    let title = record[layout.title].trim_ascii();
    reasons.extend(id.err());
    if title.is_empty() {
        reasons.push(Reason::MissingTitle);
    }
    match id {
        Ok(id) if reasons.is_empty() => {
            let text = |cell| String::from_utf8_lossy(cell).into_owned();
            let genres = genres(&text(&record[layout.genres]));
            Ok((MovieId::new(id), Movie { title: text(title), genres }))
        }
        _ => Err(reasons),
    }
}

fn genres(cell: &str) -> Vec<String> {
    if cell.trim() == NO_GENRES {
        return Vec::new();
    }
    cell.split('|').map(str::trim).filter(|genre| !genre.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn read(content: impl AsRef<[u8]>) -> Result<Movies> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("movies.csv");
        fs::write(&path, content).unwrap();
        read_movies(&InputFile::open(&path)?)
    }

    fn movie(title: &str, genres: &[&str]) -> Movie {
        Movie { title: title.to_owned(), genres: genres.iter().map(|&genre| genre.to_owned()).collect() }
    }

    #[test]
    fn titles_may_contain_commas_quotes_and_line_breaks_and_genres_may_be_missing() {
        let movies = read(
            "movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n\
             11.0,\"American President, The (1995)\",Comedy\r\n3,\"So \"\"Fine\"\"\n(1981)\",\n4,Amélie,(no genres listed)",
        )
        .unwrap();
        let expected = BTreeMap::from([
            (MovieId::new(1), movie("Toy Story (1995)", &["Adventure", "Animation"])),
            (MovieId::new(11), movie("American President, The (1995)", &["Comedy"])),
            (MovieId::new(3), movie("So \"Fine\"\n(1981)", &[])),
            (MovieId::new(4), movie("Amélie", &[])),
        ]);
        assert_eq!(movies.by_id, expected);
        assert_eq!((movies.rows.read, movies.rows.kept, movies.rows.rejected), (4, 4, 0));
    }

    #[test]
    fn columns_are_found_by_name_behind_a_byte_order_mark() {
        let movies = read("\u{feff}genres,extra, title ,\"movieId\"\nDrama,x,Heat,6\n,,,\n").unwrap();
        assert_eq!(movies.by_id[&MovieId::new(6)], movie("Heat", &["Drama"]));
        assert_eq!(movies.rejects[0].line, 3);
        assert_eq!(movies.rejects[0].text, ",,,");
    }

    #[test]
    fn every_reason_is_reported_with_its_line() {
        use Reason::*;
        let movies = read(
            b"movieId,title,genres\r\n1,\"A\nB\",Drama\r\n\r\n2,torn\r\n3,too,many,cells\r\n,No Id,Drama\r\n\
              x, ,Drama\r\n1,Again,Drama\r\n5,\xff,Drama\r\n\n \n6,,\n7,fine,"
                .as_slice(),
        )
        .unwrap();
        let found: Vec<_> =
            movies.rejects.iter().map(|reject| (reject.line, reject.reasons.clone())).collect();
        assert_eq!(
            found,
            [
                (5, vec![TornRow]),
                (6, vec![TooManyColumns]),
                (7, vec![MissingMovie]),
                (8, vec![BadMovie, MissingTitle]),
                (9, vec![DuplicateMovie]),
                (10, vec![BadUtf8]),
                (13, vec![MissingTitle]),
            ]
        );
        assert_eq!(movies.rejects[1].text, "3,too,many,cells");
        assert_eq!((movies.rows.read, movies.rows.kept, movies.rows.rejected), (9, 2, 7));
        assert_eq!(movies.rows.rejected_by_reason.values().sum::<u64>(), 7);
    }

    #[test]
    fn a_missing_empty_or_different_table_is_an_error() {
        let missing = InputFile::open(Path::new("/nowhere/movies.csv")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot open /nowhere/movies.csv: "), "{missing}");
        for content in ["", "\n\n", "movieId,title,genres\n", "movieId,title,genres\n\n \n"] {
            assert!(matches!(read(content), Err(Error::EmptyTable { .. })), "{content:?}");
        }
        let other = read("movieId,name\n1,x\n");
        assert!(matches!(other, Err(Error::MissingColumn { column: "title", .. })), "{other:?}");
    }

    proptest! {
        #[test]
        fn every_row_is_kept_or_rejected_whatever_it_contains(body in "([0-3,\"|x\u{e9} ]{0,12}(\n|\r\n)){1,12}") {
            if let Ok(movies) = read(format!("movieId,title,genres\n{body}")) {
                prop_assert_eq!(movies.rows.read, movies.rows.kept + movies.rows.rejected);
                prop_assert_eq!(movies.rows.rejected, movies.rejects.len() as u64);
                let n_lines = 1 + body.matches('\n').count() as u64;
                prop_assert!(movies.rejects.iter().all(|reject| (2..=n_lines).contains(&reject.line)));
            }
        }
    }
}
