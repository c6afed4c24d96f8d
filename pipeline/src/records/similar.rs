//! The lists of similar movies, by the cosine of the angle between two items' factors.
//!
//! The cosine does not depend on the lengths of the factors, and so not on popularity. The lists are exact. They come from
//! the scorer of users: with factors of length 1, the most similar items are the best of a user who has the item's factors
//! and has seen that item alone.

use interactions::Csr;
use interactions::{ItemIndex, Vocabulary};
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
    factors: &RankingFactors,
    vocabulary: &Vocabulary,
    n: usize,
    progress: Progress,
) -> Result<()> {
    let n_items = vocabulary.items().len();
    let bar = progress.bar("comparing", Unit::Count);
    bar.set_length(n_items as u64);
    let directions = directions(factors);
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

/// Returns the items' factors, each of length 1, as users and as items. Factors of length 0 stay so.
fn directions(factors: &RankingFactors) -> RankingFactors {
    let mut directions = factors.item_factors.clone();
    for row in directions.chunks_exact_mut(factors.n_factors) {
        let length = row.iter().map(|factor| f64::from(*factor).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|factor| *factor = (f64::from(*factor) / length) as f32);
        }
    }
    RankingFactors {
        n_factors: factors.n_factors,
        user_factors: directions.clone(),
        item_factors: directions,
    }
}

fn record(list: &[Scored], movie: impl Fn(u32) -> MovieId) -> Similar {
    Similar {
        movies: list.iter().map(|scored| movie(scored.item)).collect(),
        // Rounding may move the cosine of parallel factors a little above 1.
        cosines: list.iter().map(|scored| scored.score.clamp(-1.0, 1.0)).collect(),
    }
}
