//! One block of the ratings: whole lines in, ratings and rejected rows out.
//!
//! Most blocks are clean and are taken from polars as they are: counting their lines and commas is enough to
//! know that. In the others, every line is looked at and the doubtful ones are judged. The order of the rows
//! is kept; sorting comes later.

use interactions::{Ratings, Scale};

use super::header::Layout;
use super::judge::{Verdict, judge};
use super::parse::{Parsed, parse};
use super::tables::Reject;

/// How many characters of a rejected row are kept.
pub(super) const REJECT_TEXT: usize = 200;

/// What a block holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block {
    /// Its lines, blank ones included.
    pub(super) n_lines: u64,
    /// Its rows: `ratings.len() + rejects.len()`.
    pub(super) n_rows: u64,
    /// The acceptable rows in the order of the file.
    pub(super) ratings: Ratings,
    /// The others, their lines counted from 0 at the start of the block.
    pub(super) rejects: Vec<Reject>,
}

impl Block {
    /// Reads whole lines.
    pub(super) fn read(lines: &[u8], layout: &Layout, scale: Scale) -> Self {
        let n_lines = count_lines(lines);
        // Every line is one row to polars. Were it ever otherwise (it has its own ideas of compressed data,
        // for one), rows and lines could not be told to belong together: then the judge reads them all.
        let parsed = parse(lines, layout, scale).ok().filter(|parsed| parsed.ratings.len() == n_lines);
        match parsed {
            Some(parsed) if is_sound(&parsed, lines, layout) => Self {
                n_lines: n_lines as u64,
                n_rows: n_lines as u64,
                ratings: parsed.ratings,
                rejects: Vec::new(),
            },
            parsed => Self::sift(parsed.as_ref(), lines, layout, scale),
        }
    }

    /// Looks at every line; `parsed` has a row for each or is not there.
    fn sift(parsed: Option<&Parsed>, lines: &[u8], layout: &Layout, scale: Scale) -> Self {
        let is_text = str::from_utf8(lines).is_ok();
        let mut block = Self::default();
        for (row, line) in lines.split_inclusive(|&byte| byte == b'\n').enumerate() {
            block.n_lines += 1;
            let whole =
                count_commas(line) + 1 == layout.n_columns && (is_text || str::from_utf8(line).is_ok());
            let verdict = match parsed {
                Some(parsed) if whole && !parsed.doubtful[row] => Verdict::Rating(parsed.ratings.at(row)),
                _ => judge(line, layout, scale),
            };
            match verdict {
                Verdict::Blank => continue,
                Verdict::Rating(rating) => block.ratings.push(rating),
                Verdict::Reject(reasons, user) => {
                    block.rejects.push(Reject { line: row as u64, reasons, user, text: excerpt(line) });
                }
            }
            block.n_rows += 1;
        }
        block
    }
}

/// Whether every line is a whole row with acceptable numbers. Where the last column is read and no row
/// lacks it, no row has too few columns; then the commas of all lines together tell that none has too many.
fn is_sound(parsed: &Parsed, lines: &[u8], layout: &Layout) -> bool {
    let n_rows = parsed.doubtful.len();
    layout.last_needed() + 1 == layout.n_columns
        && !parsed.doubtful.contains(&true)
        && count_commas(lines) == n_rows * (layout.n_columns - 1)
        && str::from_utf8(lines).is_ok()
}

fn count_commas(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b',', bytes).count()
}

fn count_lines(bytes: &[u8]) -> usize {
    let unfinished = bytes.last().is_some_and(|&last| last != b'\n');
    count_newlines(bytes) + usize::from(unfinished)
}

pub(super) fn count_newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// The beginning of a rejected row as text.
pub(super) fn excerpt(row: &[u8]) -> String {
    // No character has more than four bytes; one cut in half would come after the last that is kept.
    let start = &row[..row.len().min(4 * REJECT_TEXT + 4)];
    String::from_utf8_lossy(start).trim_end_matches(['\r', '\n']).chars().take(REJECT_TEXT).collect()
}
