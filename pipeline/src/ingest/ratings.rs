//! Reads a ratings table of any size.
//!
//! The file is cut into blocks at fixed places, so that the number of threads leaves no trace. A block owns
//! the lines that start in it. Every thread reads a block of its own, has it cleaned, and takes the next.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::ProgressBar;
use store::manifest::Rows;

use super::block::Block;
use super::header::{BYTE_ORDER_MARK, Layout};
use super::merge::merge;
use super::tables::{CleanRatings, Ratings, Reject, Scale};
use crate::error::{Error, Result};

/// Large enough that starting a block costs nothing, small enough that every thread has many.
const BLOCK: u64 = 8 << 20;

/// A first line that is longer is no header.
const HEADER: u64 = 64 << 10;

/// Reads and cleans a ratings table with the columns `userId`, `movieId`, `rating` and `timestamp`, in any
/// order; others are passed over.
///
/// Of several ratings of a movie by one user the latest is kept, among equal times the highest. `bar` counts
/// bytes. The cost is little above that of polars' own read where the table is sorted by user and movie, as
/// MovieLens tables are; memory is about 30 bytes a row, 50 where it must be sorted, and some 130 a rejected
/// row.
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
    let blocks = read_blocks(path, &cut(start..length, block), &layout, scale, bar)?;
    let table = assemble(blocks);
    if table.rows.read == 0 {
        return Err(Error::EmptyTable { path: path.to_path_buf() });
    }
    Ok(table)
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

/// Reads all blocks, in order.
///
/// The threads are not rayon's: each waits for polars' pool while that parses its block, and a waiting rayon
/// thread would begin with the next block, and the next, until all of the file is in memory.
fn read_blocks(
    path: &Path,
    ranges: &[Range<u64>],
    layout: &Layout,
    scale: Scale,
    bar: &ProgressBar,
) -> Result<Vec<Block>> {
    let next = AtomicUsize::new(0);
    let read_some = || -> Result<Vec<(usize, Block)>> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let mut buffer = Vec::new();
        let mut blocks = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(range) = ranges.get(index) else { return Ok(blocks) };
            let lines =
                lines_of(&mut file, range, index == 0, &mut buffer).map_err(Error::io("read", path))?;
            blocks.push((index, Block::read(lines, layout, scale)));
            bar.inc(range.end - range.start);
        }
    };
    let mut blocks = Vec::with_capacity(ranges.len());
    thread::scope(|scope| -> Result<()> {
        let n_threads = rayon::current_num_threads().min(ranges.len());
        let readers: Vec<_> = (0..n_threads).map(|_| scope.spawn(read_some)).collect();
        for reader in readers {
            blocks.extend(reader.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(())
    })?;
    blocks.sort_unstable_by_key(|&(index, _)| index);
    Ok(blocks.into_iter().map(|(_, block)| block).collect())
}

/// Reads the lines that start in a range; the first range is known to begin with a line.
fn lines_of<'a>(
    file: &mut File,
    range: &Range<u64>,
    is_first: bool,
    buffer: &'a mut Vec<u8>,
) -> std::io::Result<&'a [u8]> {
    // The byte before the range tells whether a line starts with it.
    let from = if is_first { range.start } else { range.start - 1 };
    file.seek(SeekFrom::Start(from))?;
    buffer.clear();
    file.take(range.end - from).read_to_end(buffer)?;
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
fn assemble(blocks: Vec<Block>) -> CleanRatings {
    let mut rows = Rows::default();
    let mut rejects = Vec::new();
    let mut parts = Vec::with_capacity(blocks.len());
    let mut line = 2; // the header is line 1
    for block in blocks {
        rows.read += block.n_rows;
        rejects.extend(block.rejects.into_iter().map(|reject| Reject { line: line + reject.line, ..reject }));
        parts.push(block.ratings);
        line += block.n_lines;
    }
    for Reject { reasons, .. } in &rejects {
        for (place, reason) in reasons.iter().enumerate() {
            let counts = if place == 0 { &mut rows.rejected_by_reason } else { &mut rows.also };
            *counts.entry(reason.name().to_owned()).or_default() += 1;
        }
    }
    let ratings = merge(parts);
    rows.rejected = rejects.len() as u64;
    rows.kept = ratings.len() as u64;
    rows.merged = rows.read - rows.rejected - rows.kept;
    rows.without_timestamp =
        ratings.timestamps.iter().filter(|&&time| time == Ratings::NO_TIME).count() as u64;
    CleanRatings { ratings, rows, rejects }
}

#[cfg(test)]
mod tests;
