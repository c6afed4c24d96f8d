//! Reads the table of movies: title and genres by movie.
//!
//! The table is small, so it is read on one thread, by the blocks of its file.

use std::collections::btree_map::Entry;

use blake3::Hasher;
use store::MovieId;
use store::manifest::FileDigest;
use store::records::Movie;

use super::header::{Header, columns};
use super::number::parse_id;
use super::record::{MAX_ROW, Record, for_each, has_row_inside};
use super::text::{excerpt, text_of, unquote};
use super::{BLOCK, cut};
use crate::error::{Error, Result};
use crate::file::InputFile;
use crate::tables::{Movies, Reason, Reject};

/// The text of MovieLens for a movie without genres.
const NO_GENRES: &str = "(no genres listed)";

/// The greatest length of a title, and of the genres of a movie together, in bytes. It bounds the length of an answer.
const MAX_TEXT: usize = 512;

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
/// Memory: the titles and genres, and one block of the file.
///
/// # Errors
/// [`Error::OtherFormat`], [`Error::MissingColumn`], [`Error::RepeatedColumn`], [`Error::EmptyTable`], [`Error::BadRow`], [`Error::Changed`] and
/// [`Error::Store`]. An unacceptable row is rejected, not an error.
pub fn read_movies(file: &InputFile) -> Result<Movies> {
    let header = Header::read(file)?;
    let cells = header.cells();
    let [movie, title, genres] =
        columns(file.path(), &cells, ["movieId", "title", "genres"], "movieId, title, genres")?;
    let layout = MovieLayout { n_columns: cells.len(), movie, title, genres };

    let mut movies = Movies::default();
    let (mut start, mut n_lines) = (header.end, header.n_lines);
    let (mut hasher, mut bytes) = (Hasher::new(), Vec::new());
    let length = file.length();
    for block in cut(length, BLOCK) {
        bytes.clear();
        file.read(block.start..length.min(block.end + MAX_ROW as u64 + 1), &mut bytes)?;
        let size = (block.end - block.start) as usize;
        hasher.update(&bytes[..size]);
        // The last row may go on beyond this block.
        let first = (start.max(block.start) - block.start) as usize;
        let rows = for_each(
            bytes.get(first..).unwrap_or_default(),
            size.saturating_sub(first),
            |record, row, line| {
                let has_row_inside = has_row_inside(row, layout.n_columns, &[layout.movie]);
                movies.rows.with_rows_inside += u64::from(has_row_inside);
                movies.push(parse_movie(record, row, &layout, has_row_inside), row, 1 + n_lines + line);
            },
        );
        let (end, n) = rows.map_err(|bad| bad.in_file(file, n_lines))?;
        start += end as u64;
        n_lines += n;
    }
    movies.source =
        file.describe(FileDigest { bytes: length, blake3: hasher.finalize().to_hex().to_string() })?;
    if movies.rows.read == 0 {
        return Err(Error::EmptyTable { path: file.path().to_path_buf() });
    }
    movies.rows.kept = movies.by_id.len() as u64;
    movies.rows.rejected = movies.rejects.len() as u64;
    for reason in movies.rejects.iter().filter_map(|reject| reject.reasons.first()) {
        *movies.rows.rejected_by_reason.entry(reason.name().to_owned()).or_default() += 1;
    }
    Ok(movies)
}

impl Movies {
    /// Adds a parsed row, or the reasons to reject it.
    fn push(&mut self, parsed: Result<(MovieId, Movie), Vec<Reason>>, row: &[u8], line: u64) {
        self.rows.read += 1;
        let added = parsed.and_then(|(id, movie)| match self.by_id.entry(id) {
            Entry::Vacant(entry) => Ok(entry.insert(movie)),
            Entry::Occupied(_) => Err(vec![Reason::DuplicateMovie]),
        });
        if let Err(reasons) = added {
            self.rejects.push(Reject { line, reasons, user: None, text: excerpt(row) });
        }
    }
}

/// Parses a row, or returns all reasons to reject it, in the order of [`Reason`].
/// `has_row_inside` is the result of [`has_row_inside`] for the row.
fn parse_movie(
    record: &Record,
    row: &[u8],
    layout: &MovieLayout,
    has_row_inside: bool,
) -> Result<(MovieId, Movie), Vec<Reason>> {
    let mut reasons = record.faults(row, layout.n_columns);
    if record.len() != layout.n_columns {
        return Err(reasons); // the columns of the cells are unknown, so they are not checked
    }
    let id = parse_id(unquote(record.cell(row, layout.movie)), Reason::MissingMovie, Reason::BadMovie);
    let title = text_of(record.cell(row, layout.title));
    let genres = text_of(record.cell(row, layout.genres));
    reasons.extend(id.err());
    if title.is_empty() {
        reasons.push(Reason::MissingTitle);
    }
    if title.len() > MAX_TEXT {
        reasons.push(Reason::TitleTooLong);
    }
    if genres.len() > MAX_TEXT {
        reasons.push(Reason::GenresTooLong);
    }
    let is_in_lines = |text: &str| text.contains('\n');
    if has_row_inside && (is_in_lines(&title) || is_in_lines(&genres)) {
        reasons.push(Reason::RowsInCell);
    }
    match id {
        Ok(id) if reasons.is_empty() => {
            Ok((MovieId::new(id), Movie { title: title.into_owned(), genres: split_genres(&genres) }))
        }
        _ => Err(reasons),
    }
}

/// The names in a cell of genres.
fn split_genres(cell: &str) -> Vec<String> {
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
    use crate::csv::record::Flaw;

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
    fn rows_inside_of_a_title_and_quotes_out_of_place_are_named() {
        use Reason::*;
        let overview = read(
            "movieId,title,genres,overview\n3,T3,War,\"A 5 inch\n4,T4,War,text\n5,T5,War,end\"\n6,T6,War,\"a\nb\"\n",
        )
        .unwrap();
        let rows = &overview.rows;
        assert_eq!((rows.read, rows.kept, rows.with_rows_inside), (2, 2, 1));
        let header = "movieId,title,genres\n";
        let movies = read(format!(
            "{header}11,\"Film 11,Drama\n12,Film 12,Drama\n20,Film 20\",Drama\n21,Film \"21\",Drama\n22,\"Film\nor so, 22\",\n"
        ))
        .unwrap();
        let found: Vec<_> =
            movies.rejects.iter().map(|reject| (reject.line, reject.reasons.clone())).collect();
        assert_eq!(found, [(2, vec![RowsInCell]), (5, vec![StrayQuote])]);
        assert_eq!(movies.by_id[&MovieId::new(22)], movie("Film\nor so, 22", &[]));
        for (rows, line, flaw) in [
            ("11,\"Film 11,Drama\n12,Film 12,Drama\n20,\"Film 20\",Drama\n", 2, Flaw::TextAfterQuote),
            ("10,Film 10,\n11,\"Film 11,Drama\n12,Film 12,Drama\n", 3, Flaw::NotClosed),
        ] {
            let error = read(format!("{header}{rows}")).unwrap_err();
            assert!(error.to_string().ends_with(&format!("movies.csv line {line}: {flaw}")), "{error}");
        }
    }

    #[test]
    fn long_titles_and_genres_are_rejected() {
        let (fits, too_long) = ("é".repeat(MAX_TEXT / 2), "x".repeat(MAX_TEXT + 1));
        let movies =
            read(format!("movieId,title,genres\n1,{fits},{fits}\n2,{too_long},\n3,x,{too_long}\n")).unwrap();
        assert_eq!(movies.by_id.keys().collect::<Vec<_>>(), [&MovieId::new(1)]);
        let reasons: Vec<_> = movies.rejects.iter().flat_map(|reject| reject.reasons.clone()).collect();
        assert_eq!(reasons, [Reason::TitleTooLong, Reason::GenresTooLong]);
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
