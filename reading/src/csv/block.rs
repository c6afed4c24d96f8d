//! One block of the ratings: whole lines in, ratings and rejected rows out.
//!
//! Most blocks are sound, which the numbers of their lines and commas show, and the result of polars is taken as it is.
//! In other blocks every line is checked, and the undecided ones are parsed by the slow path. The rows keep their
//! order.

use interactions::{Ratings, Scale};

use super::header::Layout;
use super::line::{Line, parse_line};
use super::parse::{ParsedBlock, parse_block};
use super::text::{count_newlines, excerpt};
use crate::tables::Reject;

/// The content of a block.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block {
    /// Lines, with blank ones.
    pub(super) n_lines: u64,
    /// Rows: `ratings.len() + rejects.len()`.
    pub(super) n_rows: u64,
    /// The acceptable rows in the order of the file.
    pub(super) ratings: Ratings,
    /// The rejected rows. Lines count from 0 at the start of the block.
    pub(super) rejects: Vec<Reject>,
}

impl Block {
    /// Parses whole lines.
    pub(super) fn read(lines: &[u8], layout: &Layout, scale: Scale) -> Self {
        let n_lines = count_lines(lines);
        // polars makes one row of each line. If it does not (it may take the bytes for compressed data), rows and lines
        // do not correspond, and the slow path parses all lines.
        let parsed = parse_block(lines, layout, scale).ok().filter(|parsed| parsed.ratings.len() == n_lines);
        match parsed {
            Some(parsed) if is_sound(&parsed, lines, layout) => Self {
                n_lines: n_lines as u64,
                n_rows: n_lines as u64,
                ratings: parsed.ratings,
                rejects: Vec::new(),
            },
            parsed => Self::check_lines(parsed.as_ref(), lines, layout, scale),
        }
    }

    /// Checks every line. `parsed` has a row for each line.
    fn check_lines(parsed: Option<&ParsedBlock>, lines: &[u8], layout: &Layout, scale: Scale) -> Self {
        let is_text = str::from_utf8(lines).is_ok();
        let mut block = Self::default();
        for (row, line) in lines.split_inclusive(|&byte| byte == b'\n').enumerate() {
            block.n_lines += 1;
            let whole =
                count_commas(line) + 1 == layout.n_columns && (is_text || str::from_utf8(line).is_ok());
            let line_content = match parsed {
                Some(parsed) if whole && !parsed.undecided[row] => Line::Rating(parsed.ratings.at(row)),
                _ => parse_line(line, layout, scale),
            };
            match line_content {
                Line::Blank => continue,
                Line::Rating(rating) => block.ratings.push(rating),
                Line::Rejected(reasons, user) => {
                    block.rejects.push(Reject { line: row as u64, reasons, user, text: excerpt(line) });
                }
            }
            block.n_rows += 1;
        }
        block
    }
}

/// Whether every line is a whole row with acceptable numbers. If the last column is read and no row lacks it, no row
/// has too few columns. The number of commas in the block then shows that no row has too many.
fn is_sound(parsed: &ParsedBlock, lines: &[u8], layout: &Layout) -> bool {
    let n_rows = parsed.undecided.len();
    layout.last_needed() + 1 == layout.n_columns
        && !parsed.undecided.contains(&true)
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
