//! The options of `pipeline sample`.

use std::path::PathBuf;

use ::sample::Shape;
use clap::Args;
use limits::Limits;
use settings::within;

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The number of users, each with 20 ratings or more
    #[arg(long, value_name = "U", value_parser = within(Shape::USERS))]
    users: u32,
    /// The number of movies
    #[arg(long, value_name = "M", value_parser = within(Shape::MOVIES))]
    movies: u32,
    /// The number of ratings
    #[arg(long, value_name = "R", value_parser = within(Limits::<u64>::ANY))]
    ratings: u64,
    /// The seed of all random numbers: same sizes and seed, same files
    #[arg(long, value_name = "SEED", default_value_t = 1, value_parser = within(Limits::<u64>::ANY))]
    seed: u64,
    /// The share of invalid rows, of all kinds that occur in real data
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = within(Shape::DIRT))]
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
