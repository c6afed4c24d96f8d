//! The lists of similar movies, by the cosine of the angle between two items' factors.
//!
//! The cosine does not depend on the lengths of the factors, and the factor of popularity is left out. The lists are exact. They come from
//! the scorer of users: with factors of length 1, the most similar items are the best of a user who has the item's factors
//! and has seen that item alone.

use interactions::Csr;
use interactions::{ItemIndex, Vocabulary};
use models::Model;
use progress::{Progress, Unit};
use ranking::RankingFactors;
use scoring::{Scored, Scorer};
use store::MovieId;
use store::draft::DraftGeneration;
use store::records::Similar;

use crate::error::Result;

/// Items whose lists are in memory at once.
const ITEMS_IN_FLIGHT: usize = 8192;

/// Writes the `n` movies most similar to each candidate. Cost: at most n_items^2 * n_factors multiplications. Memory: the item
/// factors twice.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub fn write_similar(
    writer: &mut DraftGeneration,
    model: &Model,
    vocabulary: &Vocabulary,
    n: usize,
    progress: Progress,
) -> Result<()> {
    let n_items = vocabulary.items().len();
    let bar = progress.bar("comparing", Unit::Count);
    bar.set_length(n_items as u64);
    // The last factor is that of popularity, unless predicted stars order the lists.
    let factors = &model.ranking;
    let n_compared = model.user_terms.as_ref().map_or(factors.n_factors, |terms| terms.gram.len());
    let directions = directions(factors, n_compared);
    let itself =
        Csr::from_sorted(n_items, 0..n_items as u32, (0..n_items as u32).collect(), vec![1.0; n_items]);
    let scorer = Scorer::new(&directions, &itself, n);
    let movie = |item: u32| vocabulary.movie(ItemIndex(item));
    for first in (0..n_items).step_by(ITEMS_IN_FLIGHT) {
        let items = first..n_items.min(first + ITEMS_IN_FLIGHT);
        for (item, list) in items.clone().zip(scorer.top_n(items.clone())) {
            writer.similar.put(movie(item as u32), &record(&list, movie))?;
        }
        bar.inc(items.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Returns the first `n_factors` factors of each item, at length 1, as users and as items. Factors of length 0 stay so.
fn directions(factors: &RankingFactors, n_factors: usize) -> RankingFactors {
    let rows = factors.item_factors.chunks_exact(factors.n_factors);
    let mut directions: Vec<f32> = rows.flat_map(|row| &row[..n_factors]).copied().collect();
    for row in directions.chunks_exact_mut(n_factors) {
        let length = row.iter().map(|factor| f64::from(*factor).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|factor| *factor = (f64::from(*factor) / length) as f32);
        }
    }
    RankingFactors { n_factors, user_factors: directions.clone(), item_factors: directions }
}

fn record(list: &[Scored], movie: impl Fn(u32) -> MovieId) -> Similar {
    Similar {
        movies: list.iter().map(|scored| movie(scored.item)).collect(),
        // Rounding may move the cosine of parallel factors a little above 1.
        cosines: list.iter().map(|scored| scored.score.clamp(-1.0, 1.0)).collect(),
    }
}
