//! Writes `ratings.csv`: blocks of users are drawn in parallel and written in order.
//!
//! A block has about as many ratings as fit a cache. A batch of blocks is in memory at a time, so memory does not grow
//! with the number of ratings.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use indicatif::ProgressBar;
use rayon::prelude::*;

use super::catalogue::Catalogue;
use super::dirt::{self, Dirt};
use super::discovery::Discoveries;
use super::user::{MovieSampler, User};
use super::{Shape, Stream, Summary, rng, row};

/// The number of ratings from which a block is complete.
const BLOCK: u64 = 32_768;

/// Blocks in memory at a time.
const BATCH: usize = 32;

/// Writes the table. The count of described movies in the summary is set by the caller.
///
/// # Errors
/// The error of the system.
pub(super) fn write(
    shape: &Shape,
    activity: &[u32],
    catalogue: &Catalogue,
    discoveries: &Discoveries,
    out: &mut impl Write,
    bar: &ProgressBar,
) -> io::Result<Summary> {
    let mut summary = Summary { bytes: row::HEADER.len() as u64, ..Summary::default() };
    let mut rated = vec![false; catalogue.movies.len()];
    out.write_all(row::HEADER)?;
    for batch in blocks(activity).chunks(BATCH) {
        let drawn: Vec<Block> =
            batch.par_iter().map(|users| users.draw(shape, activity, catalogue, discoveries)).collect();
        for block in drawn {
            out.write_all(&block.rows)?;
            summary.bytes += block.rows.len() as u64;
            summary.ratings += block.n_ratings;
            for (kind, count) in block.dirty {
                *summary.dirty.entry(kind).or_default() += count;
            }
            rated.iter_mut().zip(block.rated).for_each(|(all, here)| *all |= here);
            bar.inc(block.n_ratings);
        }
    }
    out.flush()?;
    summary.rows = summary.ratings + summary.dirty.values().sum::<u64>();
    summary.movies_rated = rated.iter().map(|&rated| u32::from(rated)).sum();
    Ok(summary)
}

/// A range of users, and the number of ratings of all users before it.
#[derive(Debug)]
struct BlockOfUsers {
    users: Range<u32>,
    ratings_before: u64,
}

/// The rows of a range of users.
#[derive(Debug)]
struct Block {
    rows: Vec<u8>,
    n_ratings: u64,
    dirty: BTreeMap<Dirt, u64>,
    /// By movie index.
    rated: Vec<bool>,
}

/// Cuts the users into blocks, which depend on the numbers of ratings alone.
fn blocks(activity: &[u32]) -> Vec<BlockOfUsers> {
    let mut blocks = Vec::new();
    let (mut first, mut start, mut given) = (0, 0, 0);
    for (user, &count) in (0u32..).zip(activity) {
        given += u64::from(count);
        if given - start >= BLOCK || user as usize + 1 == activity.len() {
            blocks.push(BlockOfUsers { users: first..user + 1, ratings_before: start });
            (first, start) = (user + 1, given);
        }
    }
    blocks
}

impl BlockOfUsers {
    fn draw(
        &self,
        shape: &Shape,
        activity: &[u32],
        catalogue: &Catalogue,
        discoveries: &Discoveries,
    ) -> Block {
        let mut sampler = MovieSampler::new(shape.movies);
        let mut block = Block {
            rows: Vec::with_capacity(BLOCK as usize * 32),
            n_ratings: 0,
            dirty: BTreeMap::new(),
            rated: vec![false; catalogue.movies.len()],
        };
        for user in self.users.clone() {
            let n_ratings = activity[user as usize];
            let discovered: Vec<u32> = discoveries.of(user).collect();
            let mut stream = rng(shape.seed, Stream::User(user));
            let mut faults = rng(shape.seed, Stream::Dirt(user));
            let float_ids = dirt::has_float_ids(shape, user);
            let tastes = User::draw(n_ratings, &discovered, catalogue, &mut stream);
            for &movie in sampler.choose(&tastes, n_ratings, &discovered, catalogue, &mut stream) {
                let row = tastes.rate(user, n_ratings, &catalogue.movies[movie as usize], &mut stream);
                row.write(float_ids, &mut block.rows);
                block.rated[movie as usize] = true;
                if dirt::is_due(shape, self.ratings_before + block.n_ratings) {
                    let kind = Dirt::draw(&mut faults);
                    kind.write(&row, float_ids, &mut faults, &mut block.rows);
                    *block.dirty.entry(kind).or_default() += 1;
                }
                block.n_ratings += 1;
            }
        }
        block
    }
}
