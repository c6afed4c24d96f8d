//! Reads a table of ratings of any size.
//!
//! The file is cut into blocks at fixed positions, so the result does not depend on the number of threads. A block has
//! the lines that start in it. Each thread reads and parses one block after the other; the calling thread puts finished
//! blocks together in order.

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
use super::format;
use super::header::Layout;
use super::text::BYTE_ORDER_MARK;
use crate::error::{Error, Result};
use crate::file::{InputFile, digest_of_blocks, hash_block};
use crate::merge::merge;
use crate::tables::{CleanRatings, Reject};

/// The size of a block: large enough that the start of a block costs little, small enough that every thread has many. A
/// power of two: see [`hash_block`].
const BLOCK: u64 = 8 << 20;

/// The greatest length of a header.
const HEADER: u64 = 64 << 10;

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
/// [`Error::MissingColumn`], [`Error::EmptyTable`], [`Error::Changed`] and [`Error::Io`]. An
/// unacceptable row is rejected, not an error.
pub fn read_ratings(file: &InputFile, scale: Scale, bar: &ProgressBar) -> Result<CleanRatings> {
    read_in_blocks(file, scale, bar, BLOCK)
}

/// Reads in blocks of a given size. Blocks smaller than a chunk of the hash, which only tests use, give no digest.
fn read_in_blocks(file: &InputFile, scale: Scale, bar: &ProgressBar, block: u64) -> Result<CleanRatings> {
    let empty = || Error::EmptyTable { path: file.path().to_path_buf() };
    let length = file.length();
    let mut header = Vec::new();
    file.read(0..length.min(HEADER), &mut header)?;
    if header.is_empty() {
        return Err(empty());
    }
    format::check(file.path(), &header)?;
    if let Some(newline) = memchr::memchr(b'\n', &header) {
        header.truncate(newline + 1);
    }
    let layout = Layout::of_ratings(file.path(), header.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&header))?;

    bar.set_length(length);
    let mut table = Table::default();
    let mut hashers = Vec::new();
    let reader = BlockReader { file, first_row: header.len() as u64, layout: &layout, scale };
    reader.read_all(&cut(length, block), bar, |block, hasher| {
        table.append(block);
        hashers.extend(hasher);
    })?;
    let digest =
        if block < CHUNK_LEN as u64 { FileDigest::default() } else { digest_of_blocks(&hashers, length) };
    let source = file.describe(digest)?;
    if table.rows.read == 0 {
        return Err(empty());
    }
    Ok(table.finish(source))
}

/// Cuts a file into blocks.
fn cut(length: u64, block: u64) -> Vec<Range<u64>> {
    (0..length).step_by(block as usize).map(|start| start..length.min(start + block)).collect()
}

/// Reads the blocks of a file.
struct BlockReader<'a> {
    file: &'a InputFile,
    /// The position of the line after the header.
    first_row: u64,
    layout: &'a Layout,
    scale: Scale,
}

impl BlockReader<'_> {
    /// Reads all blocks and passes them to `append` in order, as early as possible.
    ///
    /// The threads are not those of rayon: each waits for the pool of polars while that parses its block, and a waiting
    /// thread of rayon would start with further blocks until all of the file is in memory.
    fn read_all(
        &self,
        ranges: &[Range<u64>],
        bar: &ProgressBar,
        mut append: impl FnMut(Block, Option<Hasher>),
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
                        let block = self.read(range, &mut buffer);
                        bar.inc(range.end - range.start);
                        if sender.send((index, block)).is_err() {
                            break; // the receiver returned the error of another block
                        }
                    }
                });
            }
            drop(sender);
            let mut early = BTreeMap::new();
            let mut due = 0;
            for (index, block) in receiver {
                early.insert(index, block?);
                while let Some((block, hasher)) = early.remove(&due) {
                    append(block, hasher);
                    due += 1;
                }
            }
            Ok(())
        })
    }

    /// Reads and parses the lines that start in a range, and hashes the range.
    fn read(&self, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<(Block, Option<Hasher>)> {
        // The byte before the range shows whether a line starts at the range.
        let from = range.start - u64::from(range.start > self.first_row);
        buffer.clear();
        self.file.read(from..range.end, buffer)?;
        let is_subtree = range.start.is_multiple_of(CHUNK_LEN as u64);
        let hasher = is_subtree.then(|| hash_block(&buffer[(range.start - from) as usize..], range.start));
        let start = if range.start > self.first_row {
            memchr::memchr(b'\n', buffer).map_or(buffer.len(), |newline| newline + 1)
        } else {
            buffer.len().min((self.first_row - from) as usize)
        };
        if start < buffer.len() {
            self.finish_line(range.end, buffer)?;
        }
        Ok((Block::read(&buffer[start..], self.layout, self.scale), hasher))
    }

    /// Reads from `position` to the end of the last line of `buffer`.
    fn finish_line(&self, mut position: u64, buffer: &mut Vec<u8>) -> Result<()> {
        while buffer.last() != Some(&b'\n') && position < self.file.length() {
            let (read, end) = (buffer.len(), self.file.length().min(position + REST));
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
