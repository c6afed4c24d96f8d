//! The options of `pipeline sample`.

use std::path::PathBuf;

use ::sample::Shape;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The number of users, each with 20 ratings or more
    #[arg(long, value_name = "U")]
    users: u32,
    /// The number of movies
    #[arg(long, value_name = "M")]
    movies: u32,
    /// The number of ratings
    #[arg(long, value_name = "R")]
    ratings: u64,
    /// The seed of all random numbers: same sizes and seed, same files
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// The share of invalid rows, of all kinds that occur in real data
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    dirt: f64,
    /// The directory for ratings.csv and movies.csv
    #[arg(long, visible_alias = "output", value_name = "DIR")]
    pub(crate) out: PathBuf,
}

impl SampleArgs {
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            users: self.users,
            movies: self.movies,
            ratings: self.ratings,
            seed: self.seed,
            dirt: self.dirt,
        }
    }
}
