//! Reads a table of ratings of any size.
//!
//! The file is cut into blocks at fixed positions, so the result does not depend on the number of threads. A block has
//! the rows that start in it. Each thread reads and parses one block after the other; the calling thread puts finished
//! blocks together in order.
//!
//! The first row of a block is known only when the block before it is finished, since a line break may stand in quotes. A
//! thread does not wait for that: it begins at the likely start, and the calling thread reads the block again if that was
//! wrong. Without quotes it never is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use blake3::{CHUNK_LEN, Hasher};
use indicatif::ProgressBar;
use interactions::{Ratings, Scale};
use rayon::prelude::*;
use store::manifest::{FileDigest, Rows, SourceFile};

use super::block::Block;
use super::header::{Header, Layout};
use super::record::{BadRow, MAX_ROW, likely_start};
use super::{BLOCK, cut};
use crate::error::{Error, Result};
use crate::file::{InputFile, digest_of_blocks, hash_block};
use crate::merge::merge;
use crate::tables::{CleanRatings, Reject};

/// Bytes read at a time beyond a block, for the rest of its last line.
const REST: u64 = 4 << 10;

/// Reads and cleans a table of ratings with the columns `userId`, `movieId`, `rating` and `timestamp`, in any order.
/// Other columns are ignored.
///
/// If a user has several ratings of a movie, the latest is kept, among equal times the highest. `bar` counts bytes.
/// Cost: little above that of polars if the table is sorted by user and movie, as tables of MovieLens are. Memory: 20
/// bytes for each row, 44 while an unsorted table is sorted, and some 140 for each rejected row.
///
/// # Errors
/// [`Error::OtherFormat`], [`Error::MissingColumn`], [`Error::RepeatedColumn`], [`Error::EmptyTable`], [`Error::BadRow`], [`Error::Changed`] and
/// [`Error::Store`]. An unacceptable row is rejected, not an error.
pub fn read_ratings(file: &InputFile, scale: Scale, bar: &ProgressBar) -> Result<CleanRatings> {
    read_in_blocks(file, scale, bar, BLOCK)
}

/// Reads in blocks of a given size. Blocks smaller than a chunk of the hash, which only tests use, give no digest.
fn read_in_blocks(file: &InputFile, scale: Scale, bar: &ProgressBar, block: u64) -> Result<CleanRatings> {
    let length = file.length();
    let header = Header::read(file)?;
    let layout = Layout::of_ratings(file.path(), &header.cells())?;

    bar.set_length(length);
    let reader = BlockReader { file, first_row: header.end, layout: &layout, scale };
    let mut table = Table { n_lines: header.n_lines, ..Table::default() };
    let hashers = reader.read_all(&cut(length, block).collect::<Vec<_>>(), bar, &mut table)?;
    let digest =
        if block < CHUNK_LEN as u64 { FileDigest::default() } else { digest_of_blocks(&hashers, length) };
    let source = file.describe(digest)?;
    if table.rows.read == 0 {
        return Err(Error::EmptyTable { path: file.path().to_path_buf() });
    }
    Ok(table.finish(source))
}

/// Reads the blocks of a file.
struct BlockReader<'a> {
    file: &'a InputFile,
    /// The position of the row after the header.
    first_row: u64,
    layout: &'a Layout,
    scale: Scale,
}

/// The rows that were read from a range of a file.
struct BlockRows {
    /// The position of the first row, and the end of the last. Both lie after the range if no row starts in it.
    span: Range<u64>,
    content: Result<Block, BadRow>,
}

impl BlockReader<'_> {
    /// Reads all blocks into `table` in order, as early as possible, and returns the hashers of the blocks.
    ///
    /// The threads are not those of rayon: each waits for the pool of polars while that parses its block, and a waiting
    /// thread of rayon would start with further blocks until all of the file is in memory.
    fn read_all(&self, ranges: &[Range<u64>], bar: &ProgressBar, table: &mut Table) -> Result<Vec<Hasher>> {
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
                        let rows = self.read(range, &mut buffer);
                        bar.inc(range.end - range.start);
                        if sender.send((index, rows)).is_err() {
                            break; // the receiver returned the error of another block
                        }
                    }
                });
            }
            drop(sender);
            let mut early = BTreeMap::new();
            let mut hashers = Vec::new();
            let (mut due, mut start) = (0, self.first_row);
            for (index, rows) in receiver {
                early.insert(index, rows?);
                while let Some((mut rows, hasher)) = early.remove(&due) {
                    let range = &ranges[due];
                    due += 1;
                    hashers.extend(hasher);
                    if start >= range.end {
                        continue; // the last row goes on beyond this block
                    }
                    if rows.span.start != start {
                        rows = self.read_from(start, range, &mut Vec::new())?;
                    }
                    start = rows.span.end;
                    table.append(rows.content.map_err(|bad| bad.in_file(self.file, table.n_lines))?);
                }
            }
            Ok(hashers)
        })
    }

    /// Reads and parses the rows that seem to start in a range, and hashes the range.
    fn read(&self, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<(BlockRows, Option<Hasher>)> {
        // The byte before the range shows whether a line starts at the range.
        let from = range.start - u64::from(range.start > self.first_row);
        buffer.clear();
        self.file.read(from..range.end, buffer)?;
        let is_subtree = range.start.is_multiple_of(CHUNK_LEN as u64);
        let hasher = is_subtree.then(|| hash_block(&buffer[(range.start - from) as usize..], range.start));
        let start =
            if range.start > self.first_row { from + likely_start(buffer) as u64 } else { self.first_row };
        Ok((self.parse(start, from, range.end, buffer)?, hasher))
    }

    /// Reads and parses the rows of a range from a known start on.
    fn read_from(&self, start: u64, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<BlockRows> {
        self.file.read(start..range.end, buffer)?;
        self.parse(start, start, range.end, buffer)
    }

    /// Parses the rows from `start` on that start before `end`. `buffer` has the bytes from `from` to `end`.
    fn parse(&self, start: u64, from: u64, end: u64, buffer: &mut Vec<u8>) -> Result<BlockRows> {
        if start >= end {
            return Ok(BlockRows { span: start..start, content: Ok(Block::default()) });
        }
        let first = (start - from) as usize;
        let mut has_quotes = memchr::memchr(b'"', &buffer[first..]).is_some();
        if !has_quotes {
            self.finish_line(end, buffer)?;
            has_quotes = memchr::memchr(b'"', &buffer[(end - from) as usize..]).is_some();
        }
        if !has_quotes {
            let content = Block::of_lines(&buffer[first..], self.layout, self.scale);
            return Ok(BlockRows { span: start..from + buffer.len() as u64, content });
        }
        let available = from + buffer.len() as u64;
        self.file.read(available..self.file.length().min(end + MAX_ROW as u64 + 1).max(available), buffer)?;
        let parsed = Block::of_rows(&buffer[first..], (end - start) as usize, self.layout, self.scale);
        let (content, length) = match parsed {
            Ok((block, length)) => (Ok(block), length as u64),
            Err(bad) => (Err(bad), 0),
        };
        Ok(BlockRows { span: start..start + length, content })
    }

    /// Reads from `position` to the end of the last line of `buffer`, or so far that the line is too long.
    fn finish_line(&self, mut position: u64, buffer: &mut Vec<u8>) -> Result<()> {
        let limit = self.file.length().min(position + MAX_ROW as u64 + 1);
        while buffer.last() != Some(&b'\n') && position < limit {
            let (read, end) = (buffer.len(), limit.min(position + REST));
            self.file.read(position..end, buffer)?;
            if let Some(newline) = memchr::memchr(b'\n', &buffer[read..]) {
                buffer.truncate(read + newline + 1);
            }
            position = end;
        }
        Ok(())
    }
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
        let first_line = 1 + self.n_lines;
        self.n_lines += block.n_lines;
        self.rows.read += block.n_rows;
        self.rows.unreadable_timestamps += block.n_unreadable_times;
        self.rows.with_rows_inside += block.n_with_rows_inside;
        self.ratings.append(&block.ratings);
        for reject in block.rejects {
            for (place, reason) in reject.reasons.iter().enumerate() {
                let counts = if place == 0 { &mut self.rows.rejected_by_reason } else { &mut self.rows.also };
                *counts.entry(reason.name().to_owned()).or_default() += 1;
            }
            self.rejects.push(Reject { line: first_line + reject.line, ..reject });
        }
    }

    fn finish(self, source: SourceFile) -> CleanRatings {
        let Self { ratings, mut rows, rejects, .. } = self;
        let ratings = merge(ratings);
        rows.rejected = rejects.len() as u64;
        rows.kept = ratings.len() as u64;
        rows.merged = rows.read - rows.rejected - rows.kept;
        let timeless = ratings.timestamps.par_iter().filter(|&&time| time == Ratings::NO_TIME);
        rows.without_timestamp = timeless.count() as u64;
        CleanRatings { ratings, rows, rejects, source }
    }
}

#[cfg(test)]
mod tests;
