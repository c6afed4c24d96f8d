//! Reads ratings that are cut into shards, and checks every row: the shards may come from another program.

use std::path::Path;

use indicatif::ProgressBar;
use interactions::{Rating, Ratings, Scale};
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
/// A description of the problem.
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

/// Checks the users of a shard, one after the other.
pub struct Order<'a> {
    shard: u32,
    n_shards: u32,
    deny: &'a DenyList,
    last: Option<UserId>,
}

impl<'a> Order<'a> {
    /// Starts a shard.
    #[must_use]
    pub fn new(shard: u32, n_shards: u32, deny: &'a DenyList) -> Self {
        Self { shard, n_shards, deny, last: None }
    }

    /// Checks the order and the shard of the next user, and that neither the user nor a movie is on the deny list.
    ///
    /// # Errors
    /// A description of the problem.
    pub fn next(&mut self, user: UserId, movies: &[u32]) -> Result<(), String> {
        if self.last >= Some(user) || shard_of(user, self.n_shards) != self.shard {
            return Err(format!("user {user} is out of order, or belongs to another shard"));
        }
        self.last = Some(user);
        let is_denied =
            self.deny.deletes(user) || movies.iter().any(|&movie| self.deny.hides(MovieId::new(movie)));
        if is_denied {
            // Without the id, which must not be logged.
            let cut = "cut the ratings again with `pipeline partition --deny-list`";
            return Err(format!("it has a user or movie of the deny list; {cut}"));
        }
        Ok(())
    }
}

/// Reads the users of the first `n` shards, sorted by user and movie. Memory: 28 bytes for each rating; several shards
/// are read at a time.
///
/// # Errors
/// [`store::Error::Damaged`] with the file of a shard that fails a check; I/O and network errors of the store.
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

/// The ratings of all batches, sorted by user.
fn sorted(batches: &[RatingsBatch]) -> Ratings {
    let rows = |batch: &RatingsBatch| 0..batch.users.len();
    let mut users: Vec<_> =
        batches.iter().flat_map(|batch| rows(batch).map(move |row| (batch.users[row], batch, row))).collect();
    users.par_sort_unstable_by_key(|&(user, _, _)| user);
    let mut ratings = Ratings::with_capacity(batches.iter().map(|batch| batch.stars.len()).sum());
    for (user, batch, row) in users {
        let (movies, stars) = batch.row(row);
        ratings.extend(movies.iter().zip(stars).map(|(&movie, &stars)| {
            let movie = MovieId::new(movie);
            Rating { user, movie, stars, timestamp: Ratings::NO_TIME }
        }));
    }
    ratings
}
