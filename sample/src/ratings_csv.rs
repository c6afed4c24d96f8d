//! Writes `ratings.csv`: blocks of users are drawn in parallel and written in order.
//!
//! A block is about as many ratings as fit a cache; a batch of blocks is in memory at a time, so the size of
//! the whole does not matter.

use std::collections::BTreeMap;
use std::ops::Range;

use indicatif::ProgressBar;
use rayon::prelude::*;

use super::catalogue::Catalogue;
use super::dirt::{self, Dirt};
use super::discovery::Discoveries;
use super::draft::Draft;
use super::viewer::{Room, Viewer};
use super::{Shape, Stream, Summary, rng, row};
use crate::error::Result;

/// A block is closed when it has so many ratings.
const BLOCK: u64 = 32_768;

/// Blocks in memory at a time.
const BATCH: usize = 32;

/// Writes the table; the summary lacks what the movies add to it.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub(super) fn write(
    shape: &Shape,
    activity: &[u32],
    catalogue: &Catalogue,
    discoveries: &Discoveries,
    out: &mut Draft,
    bar: &ProgressBar,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut rated = vec![false; catalogue.movies.len()];
    out.write(row::HEADER)?;
    for batch in blocks(activity).chunks(BATCH) {
        let drawn: Vec<Block> =
            batch.par_iter().map(|plan| plan.draw(shape, activity, catalogue, discoveries)).collect();
        for block in drawn {
            out.write(&block.rows)?;
            summary.ratings += block.n_ratings;
            for (kind, count) in block.dirty {
                *summary.dirty.entry(kind).or_default() += count;
            }
            rated.iter_mut().zip(block.rated).for_each(|(all, here)| *all |= here);
            bar.inc(block.n_ratings);
        }
    }
    summary.rows = summary.ratings + summary.dirty.values().sum::<u64>();
    summary.movies_rated = rated.iter().map(|&rated| u32::from(rated)).sum();
    Ok(summary)
}

/// A run of users, and how many ratings those before them give.
#[derive(Debug)]
struct Plan {
    users: Range<u32>,
    ratings_before: u64,
}

/// A run of users, drawn.
#[derive(Debug)]
struct Block {
    rows: Vec<u8>,
    n_ratings: u64,
    dirty: BTreeMap<Dirt, u64>,
    /// By movie index.
    rated: Vec<bool>,
}

/// Cuts the users into blocks; the cuts depend on nothing but the activity.
fn blocks(activity: &[u32]) -> Vec<Plan> {
    let mut plans = Vec::new();
    let (mut first, mut start, mut given) = (0, 0, 0);
    for (user, &count) in (0u32..).zip(activity) {
        given += u64::from(count);
        if given - start >= BLOCK || user as usize + 1 == activity.len() {
            plans.push(Plan { users: first..user + 1, ratings_before: start });
            (first, start) = (user + 1, given);
        }
    }
    plans
}

impl Plan {
    fn draw(
        &self,
        shape: &Shape,
        activity: &[u32],
        catalogue: &Catalogue,
        discoveries: &Discoveries,
    ) -> Block {
        let mut room = Room::new(shape.movies);
        let mut block = Block {
            rows: Vec::with_capacity(BLOCK as usize * 32),
            n_ratings: 0,
            dirty: BTreeMap::new(),
            rated: vec![false; catalogue.movies.len()],
        };
        for user in self.users.clone() {
            let n_ratings = activity[user as usize];
            let discovered: Vec<u32> = discoveries.of(user).collect();
            let mut chance = rng(shape.seed, Stream::User(user));
            let mut mishap = rng(shape.seed, Stream::Dirt(user));
            let float_ids = dirt::has_float_ids(shape, user);
            let viewer = Viewer::draw(n_ratings, &discovered, catalogue, &mut chance);
            for &movie in room.choose(&viewer, n_ratings, &discovered, catalogue, &mut chance) {
                let row = viewer.rate(user, n_ratings, &catalogue.movies[movie as usize], &mut chance);
                row.write(float_ids, &mut block.rows);
                block.rated[movie as usize] = true;
                if dirt::is_due(shape, self.ratings_before + block.n_ratings) {
                    let kind = Dirt::draw(&mut mishap);
                    kind.write(&row, float_ids, &mut mishap, &mut block.rows);
                    *block.dirty.entry(kind).or_default() += 1;
                }
                block.n_ratings += 1;
            }
        }
        block
    }
}
