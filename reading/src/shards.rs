//! Reads ratings that are cut into shards, and trusts none of them: they may be another engine's.

use std::path::Path;

use indicatif::ProgressBar;
use interactions::{Ratings, Scale};
use rayon::prelude::*;
use store::local_copy::WorkingCopy;
use store::repository::{RatingShards, RatingsAccount};
use store::shards::{RatingsBatch, RatingsReader, shard_of};
use store::{DenyList, MovieId, UserId};

use crate::error::{Error, Result};
use crate::tables::CleanRatings;

/// Checks a user's ratings: movies ascending, stars on the scale.
///
/// # Errors
/// What is wrong, in words.
pub fn check_user(movies: &[u32], stars: &[f32], scale: Scale) -> Result<(), String> {
    if let Some(pair) = movies.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!("movie {} of a user does not come after movie {}", pair[1], pair[0]));
    }
    let Scale { min, max } = scale;
    match stars.iter().find(|stars| !(min..=max).contains(*stars)) {
        None => Ok(()),
        Some(stars) => Err(format!("a user has given {stars} stars, outside {min} to {max}")),
    }
}

/// What the users of a shard are held against, one after the other.
pub struct Order<'a> {
    shard: u32,
    n_shards: u32,
    deny: &'a DenyList,
    last: Option<UserId>,
}

impl<'a> Order<'a> {
    /// Begins a shard.
    #[must_use]
    pub fn new(shard: u32, n_shards: u32, deny: &'a DenyList) -> Self {
        Self { shard, n_shards, deny, last: None }
    }

    /// Checks that the next user may be there, with such movies.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn next(&mut self, user: UserId, movies: &[u32]) -> Result<(), String> {
        if self.last >= Some(user) || shard_of(user, self.n_shards) != self.shard {
            return Err(format!("user {user} is out of order, or of another shard"));
        }
        self.last = Some(user);
        let is_denied =
            self.deny.deletes(user) || movies.iter().any(|&movie| self.deny.hides(MovieId::new(movie)));
        if is_denied {
            // Which, nobody may say.
            let cut = "cut the ratings again with `pipeline partition --deny-list`";
            return Err(format!("it has something that the deny list names; {cut}"));
        }
        Ok(())
    }
}

/// Reads the users of the first `n` shards, sorted as if they had never been cut. Memory: 28 bytes a rating; several
/// shards are read at once.
///
/// # Errors
/// [`store::Error::Damaged`] naming the file that is not what it should be; those of the store.
pub fn gather(
    shards: &RatingShards,
    account: RatingsAccount,
    n: u32,
    scale: Scale,
    deny: &DenyList,
    work: &Path,
    bar: &ProgressBar,
) -> Result<CleanRatings> {
    let copy = WorkingCopy::create(work)?;
    bar.set_length(n.into());
    let batches: Vec<Vec<RatingsBatch>> = (0..n)
        .into_par_iter()
        .map(|shard| {
            let file = shards.fetch(&account, shard, copy.dir())?;
            let mut order = Order::new(shard, account.n_shards, deny);
            let mut read = Vec::new();
            let of_original = |e| shards.of_original(shard, e);
            for batch in RatingsReader::open(file.path()).map_err(of_original)?.batches() {
                let batch = batch.map_err(of_original)?;
                for (row, &user) in batch.users.iter().enumerate() {
                    let (movies, stars) = batch.row(row);
                    let checked = order.next(user, movies).and_then(|()| check_user(movies, stars, scale));
                    checked.map_err(|problem| shards.damaged(shard, problem))?;
                }
                read.push(batch);
            }
            bar.inc(1);
            Ok::<_, Error>(read)
        })
        .collect::<Result<_>>()?;
    let batches: Vec<_> = batches.into_iter().flatten().collect();
    let ratings = sorted(&batches);
    Ok(CleanRatings { ratings, rows: account.rows.unwrap_or_default(), ..CleanRatings::default() })
}

/// The ratings of all batches by user.
fn sorted(batches: &[RatingsBatch]) -> Ratings {
    let rows = |batch: &RatingsBatch| 0..batch.users.len();
    let mut users: Vec<_> =
        batches.iter().flat_map(|batch| rows(batch).map(move |row| (batch.users[row], batch, row))).collect();
    users.par_sort_unstable_by_key(|&(user, _, _)| user);
    let n: usize = batches.iter().map(|batch| batch.stars.len()).sum();
    let mut ratings = Ratings {
        users: Vec::with_capacity(n),
        movies: Vec::with_capacity(n),
        stars: Vec::with_capacity(n),
        timestamps: vec![Ratings::NO_TIME; n],
    };
    for (user, batch, row) in users {
        let (movies, stars) = batch.row(row);
        ratings.users.extend(std::iter::repeat_n(user, movies.len()));
        ratings.movies.extend(movies.iter().copied().map(MovieId::new));
        ratings.stars.extend_from_slice(stars);
    }
    ratings
}
