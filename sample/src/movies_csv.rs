//! The content of `movies.csv`: id, title with year, genres.

use super::catalogue::Catalogue;
use super::{Shape, titles};
use crate::error::{Error, Result};

/// The most movies that are left out of the table.
const MOST_LEFT_OUT: u32 = 12;

/// Returns the table as bytes, and its number of rows.
///
/// With faulty rows, a few movies are left out, evenly over the ids, so that some rated movies have no title.
///
/// # Errors
/// [`Error::Internal`].
pub(super) fn table(shape: &Shape, catalogue: &Catalogue) -> Result<(Vec<u8>, u32)> {
    let left_out = left_out(shape);
    let mut table = csv::Writer::from_writer(Vec::new());
    let internal = |error: csv::Error| Error::Internal { what: "movies.csv", detail: error.to_string() };
    table.write_record(["movieId", "title", "genres"]).map_err(internal)?;
    let titles = titles::draw(shape.seed, catalogue.movies.iter().map(|movie| movie.year));
    let mut n_rows = 0;
    for ((index, movie), title) in (0u32..).zip(&catalogue.movies).zip(titles) {
        if left_out.contains(&index) {
            continue;
        }
        table.write_record([movie.id.to_string(), title, movie.genres()]).map_err(internal)?;
        n_rows += 1;
    }
    let bytes = table
        .into_inner()
        .map_err(|error| Error::Internal { what: "movies.csv", detail: error.error().to_string() })?;
    Ok((bytes, n_rows))
}

/// The indices of the movies that are left out.
fn left_out(shape: &Shape) -> Vec<u32> {
    if shape.dirt == 0.0 {
        return Vec::new();
    }
    let n_left_out = ((shape.dirt * f64::from(shape.movies) / 4.0) as u32).clamp(1, MOST_LEFT_OUT);
    (0..n_left_out).map(|k| (2 * k + 1) * (shape.movies / (2 * n_left_out))).collect()
}
