//! Makes data in the format of MovieLens, of any size: `ratings.csv` and `movies.csv`.
//!
//! Tests, benchmarks and `data/sample/` use it; [`reading`] reads the files. Users have factors of few dimensions,
//! which decide both which movies they rate and with how many stars, so that a model can learn more than popularity.
//!
//! Each user is drawn from a separate random stream: the same shape gives the same bytes for any number of threads, and
//! faulty rows do not change the clean rows. The data has no trends, tags or links. Rows of `movies.csv` are never
//! faulty; some are missing.

mod error;
mod shape;
mod activity;
mod catalogue;
mod titles;
mod popularity;
mod discovery;
mod user;
mod row;
pub mod dirt;
mod ratings_csv;
mod movies_csv;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use indicatif::ProgressBar;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use store::durable;

use catalogue::Catalogue;

pub use dirt::Dirt;
pub use error::{Error, Result};
pub use shape::Shape;

/// The counts of what [`write()`] has written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Well-formed rows of `ratings.csv`, one for each pair of user and movie: [`Shape::ratings`].
    pub ratings: u64,
    /// Rows of `ratings.csv` after the header, well-formed and faulty.
    pub rows: u64,
    /// The faulty rows by kind, without kinds that did not occur.
    pub dirty: BTreeMap<Dirt, u64>,
    /// Different movies in the well-formed rows.
    pub movies_rated: u32,
    /// Rows of `movies.csv` after the header.
    pub movies_described: u32,
    /// The size of both files.
    pub bytes: u64,
}

/// Writes `ratings.csv` and `movies.csv` of a shape into the directory `out`, which is created if it is missing.
///
/// Each file is written under another name and renamed when it is complete. The bar counts well-formed ratings.
/// Cost: about a third of a microsecond of one core for each rating. Memory: the catalogue and about a million rows,
/// some 60 MB at the shape of ML-25M.
///
/// # Errors
/// [`Error::Setting`] for an impossible shape, and [`Error::Store`] where a file cannot be written.
pub fn write(shape: &Shape, out: &Path, bar: &ProgressBar) -> Result<Summary> {
    shape.check()?;
    fs::create_dir_all(out).map_err(store::Error::io("create", out))?;
    bar.set_length(shape.ratings);

    let activity = activity::ratings_per_user(shape);
    let catalogue = Catalogue::draw(shape)?;
    let discoveries = discovery::assign(shape, &activity, &catalogue);

    let mut summary = durable::write_file(&out.join("ratings.csv"), |file| {
        ratings_csv::write(shape, &activity, &catalogue, &discoveries, &mut BufWriter::new(file), bar)
    })?;
    let (movies, n_movies) = movies_csv::table(shape, &catalogue)?;
    durable::write_file(&out.join("movies.csv"), |file| file.write_all(&movies))?;
    summary.movies_described = n_movies;
    summary.bytes += movies.len() as u64;
    Ok(summary)
}

/// The random streams: one for each purpose and each user.
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
