//! Reads a ratings table of any size.
//!
//! The file is cut into blocks at fixed places, so that the number of threads leaves no trace. A block owns
//! the lines that start in it. Every thread reads a block, has it cleaned, and takes the next; meanwhile the
//! finished ones are put together. What is wrong with a row is not decided here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use indicatif::ProgressBar;
use rayon::prelude::*;
use store::manifest::Rows;

use super::block::Block;
use super::header::{BYTE_ORDER_MARK, Layout};
use super::merge::merge;
use super::tables::{CleanRatings, Reject};
use crate::error::{Error, Result};
use interactions::{Ratings, Scale};

/// Large enough that starting a block costs nothing, small enough that every thread has many.
const BLOCK: u64 = 8 << 20;

/// A first line that is longer is no header.
const HEADER: u64 = 64 << 10;

/// Reads and cleans a ratings table with the columns `userId`, `movieId`, `rating` and `timestamp`, in any
/// order; others are passed over.
///
/// Of several ratings of a movie by one user the latest is kept, among equal times the highest. `bar` counts
/// bytes. The cost is little above that of polars' own read where the table is sorted by user and movie, as
/// MovieLens tables are; memory is 20 bytes a row, 44 while it must be sorted, and some 140 a rejected row.
///
/// # Errors
/// [`Error::MissingColumn`], [`Error::EmptyTable`] and [`Error::Io`]. A row can be wrong in any way: it is
/// then rejected, and the caller decides whether enough is left.
pub fn read_ratings(path: &Path, scale: Scale, bar: &ProgressBar) -> Result<CleanRatings> {
    read_in_blocks(path, scale, bar, BLOCK)
}

fn read_in_blocks(path: &Path, scale: Scale, bar: &ProgressBar, block: u64) -> Result<CleanRatings> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let length = file.metadata().map_err(Error::io("look at", path))?.len();
    let mut header = Vec::new();
    BufReader::new(file.take(HEADER)).read_until(b'\n', &mut header).map_err(Error::io("read", path))?;
    if header.is_empty() {
        return Err(Error::EmptyTable { path: path.to_path_buf() });
    }
    let layout = Layout::of_ratings(path, header.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&header))?;

    let start = header.len() as u64;
    bar.set_length(length);
    bar.inc(start);
    let mut table = Table::default();
    read_blocks(path, &cut(start..length, block), &layout, scale, bar, |block| table.append(block))?;
    if table.rows.read == 0 {
        return Err(Error::EmptyTable { path: path.to_path_buf() });
    }
    Ok(table.finish())
}

/// Cuts a range into blocks.
fn cut(range: Range<u64>, block: u64) -> Vec<Range<u64>> {
    let mut blocks = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + block);
        blocks.push(start..end);
        start = end;
    }
    blocks
}

/// Reads all blocks and hands them over in order, as early as that can be.
///
/// The threads are not rayon's: each waits for polars' pool while that parses its block, and a waiting rayon
/// thread would begin with the next block, and the next, until all of the file is in memory.
fn read_blocks(
    path: &Path,
    ranges: &[Range<u64>],
    layout: &Layout,
    scale: Scale,
    bar: &ProgressBar,
    mut append: impl FnMut(Block),
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(ranges.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut buffer = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(range) = ranges.get(index) else { break };
                    let block = lines_of(path, range, index == 0, &mut buffer)
                        .map(|lines| Block::read(lines, layout, scale))
                        .map_err(Error::io("read", path));
                    bar.inc(range.end - range.start);
                    if sender.send((index, block)).is_err() {
                        break; // another block could not be read
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (index, block) in receiver {
            early.insert(index, block?);
            while let Some(block) = early.remove(&due) {
                append(block);
                due += 1;
            }
        }
        Ok(())
    })
}

/// Reads the lines that start in a range; the first range is known to begin with a line.
fn lines_of<'a>(
    path: &Path,
    range: &Range<u64>,
    is_first: bool,
    buffer: &'a mut Vec<u8>,
) -> std::io::Result<&'a [u8]> {
    // The byte before the range tells whether a line starts with it.
    let from = if is_first { range.start } else { range.start - 1 };
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    buffer.clear();
    (&mut file).take(range.end - from).read_to_end(buffer)?;
    let start = match memchr::memchr(b'\n', buffer) {
        _ if is_first => 0,
        Some(newline) => newline + 1,
        None => buffer.len(),
    };
    if start < buffer.len() && buffer.last() != Some(&b'\n') {
        // The last line ends beyond the range. Lines are short, and so is this read.
        BufReader::with_capacity(4 << 10, file).read_until(b'\n', buffer)?;
    }
    Ok(&buffer[start..])
}

/// The blocks as one table.
#[derive(Default)]
struct Table {
    ratings: Ratings,
    rows: Rows,
    rejects: Vec<Reject>,
    n_lines: u64,
}

impl Table {
    fn append(&mut self, block: Block) {
        let first_line = 2 + self.n_lines; // the header is line 1
        self.n_lines += block.n_lines;
        self.rows.read += block.n_rows;
        self.ratings.append(&block.ratings);
        for reject in block.rejects {
            for (place, reason) in reject.reasons.iter().enumerate() {
                let counts = if place == 0 { &mut self.rows.rejected_by_reason } else { &mut self.rows.also };
                *counts.entry(reason.name().to_owned()).or_default() += 1;
            }
            self.rejects.push(Reject { line: first_line + reject.line, ..reject });
        }
    }

    fn finish(self) -> CleanRatings {
        let Self { ratings, mut rows, rejects, .. } = self;
        let ratings = merge(ratings);
        rows.rejected = rejects.len() as u64;
        rows.kept = ratings.len() as u64;
        rows.merged = rows.read - rows.rejected - rows.kept;
        let timeless = ratings.timestamps.par_iter().filter(|&&time| time == Ratings::NO_TIME);
        rows.without_timestamp = timeless.count() as u64;
        CleanRatings { ratings, rows, rejects }
    }
}

#[cfg(test)]
mod tests;
