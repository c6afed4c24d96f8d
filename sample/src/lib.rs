//! Makes MovieLens-shaped data of any size: `ratings.csv` and `movies.csv`, as a download would bring them.
//!
//! It stands before the data path: what it writes, [`reading`] reads. Tests, benchmarks and
//! `data/sample/` live on it. The people are invented, but they have a taste of few dimensions that decides
//! both which movies they rate and how, so that there is something to learn and an honest ranking to beat.
//!
//! Every user is drawn from a random stream of their own: the same shape gives the same bytes, whatever the
//! number of threads, and dirt does not change the clean rows around it. It does not model trends, tags or
//! links, and dirties no row of `movies.csv` (it only leaves some out).

mod error;
mod shape;
mod activity;
mod catalogue;
mod titles;
mod popularity;
mod discovery;
mod viewer;
mod row;
pub mod dirt;
mod ratings_csv;
mod movies_csv;
mod draft;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use indicatif::ProgressBar;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use catalogue::Catalogue;
use draft::Draft;

pub use dirt::Dirt;
pub use error::{Error, Result};
pub use shape::Shape;

/// What [`write()`] has written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Well-formed rows of `ratings.csv`, one for each (user, movie): [`Shape::ratings`].
    pub ratings: u64,
    /// Rows of `ratings.csv` after the header: the well-formed and the dirty.
    pub rows: u64,
    /// The dirty rows by kind; a kind that did not occur is not there.
    pub dirty: BTreeMap<Dirt, u64>,
    /// Different movies in the well-formed rows.
    pub movies_rated: u32,
    /// Rows of `movies.csv` after the header.
    pub movies_described: u32,
    /// Size of the two files together.
    pub bytes: u64,
}

/// Writes `ratings.csv` and `movies.csv` of a shape into `out`, which is made where it is missing.
///
/// The files are drafted under other names and renamed when whole. The bar counts well-formed ratings. Takes
/// about a third of a microsecond of one core for each rating, and memory for the catalogue and about a
/// million rows: some 60 MB at the shape of ML-25M.
///
/// # Errors
/// [`Error::Setting`] where no data could have the shape, [`Error::Io`] where `out` cannot be written.
pub fn write(shape: &Shape, out: &Path, bar: &ProgressBar) -> Result<Summary> {
    shape.check()?;
    fs::create_dir_all(out).map_err(Error::io("create", out))?;
    bar.set_length(shape.ratings);

    let activity = activity::ratings_per_user(shape);
    let catalogue = Catalogue::draw(shape)?;
    let discoveries = discovery::assign(shape, &activity, &catalogue);

    let mut ratings = Draft::create(&out.join("ratings.csv"))?;
    let mut summary = ratings_csv::write(shape, &activity, &catalogue, &discoveries, &mut ratings, bar)?;
    let mut movies = Draft::create(&out.join("movies.csv"))?;
    summary.movies_described = movies_csv::write(shape, &catalogue, &mut movies)?;
    summary.bytes = ratings.publish()? + movies.publish()?;
    Ok(summary)
}

/// What randomness is needed for: each purpose, and each user, has a stream that no other touches.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Activity,
    Catalogue,
    Titles,
    Discovery,
    User(u32),
    Dirt(u32),
}

/// The generator of a stream, at its start.
fn rng(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(match stream {
        Stream::Activity => 0,
        Stream::Catalogue => 1,
        Stream::Titles => 2,
        Stream::Discovery => 3,
        Stream::User(user) => 2 * u64::from(user) + 16,
        Stream::Dirt(user) => 2 * u64::from(user) + 17,
    });
    rng
}

#[cfg(test)]
mod tests;
