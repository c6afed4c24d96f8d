//! From matrix positions back to identities, and into the store.

use std::collections::BTreeMap;
use std::ops::Range;

use store::MovieId;
use store::records::{Factors, History, Movie, TopN};
use store::writer::GenerationWriter;

use crate::error::Result;
use crate::interactions::{Csr, Interactions};
use crate::model::RankingFactors;
use crate::popularity;
use crate::scoring::Scored;
use crate::vocabulary::{ItemIndex, Vocabulary};

/// Writes the lists, histories and factors of a range of users, `lists[0]` being that of the first.
///
/// # Errors
/// Those of the store.
pub fn write_users(
    writer: &mut GenerationWriter,
    vocabulary: &Vocabulary,
    seen: &Csr,
    factors: &RankingFactors,
    users: Range<usize>,
    lists: &[Vec<Scored>],
) -> Result<()> {
    for (row, list) in users.zip(lists) {
        let top_n = TopN {
            movies: list.iter().map(|scored| vocabulary.movie(ItemIndex(scored.item))).collect(),
            scores: list.iter().map(|scored| scored.score).collect(),
        };
        // Columns ascend, and rows are numbered by ascending id: so do the ids.
        let movies = seen.columns(row).iter().map(|&item| vocabulary.movie(ItemIndex(item))).collect();
        let user_factors = Factors(factors.user(row).to_vec());
        writer.put_user(vocabulary.users()[row], &top_n, &History { movies }, &user_factors)?;
    }
    Ok(())
}

/// Writes what is known of movies and candidates: metadata, factors, and the list for users whom nobody
/// knows. Returns the rated movies that have no metadata; each is stored under the name of its id.
///
/// # Errors
/// Those of the store.
pub fn write_movies(
    writer: &mut GenerationWriter,
    vocabulary: &Vocabulary,
    interactions: &Interactions,
    factors: &RankingFactors,
    mut by_id: BTreeMap<MovieId, Movie>,
    depth: usize,
) -> Result<Vec<MovieId>> {
    let mut unnamed = Vec::new();
    for (row, &id) in vocabulary.items().iter().enumerate() {
        by_id.entry(id).or_insert_with(|| {
            unnamed.push(id);
            Movie { title: format!("Movie {id}"), genres: Vec::new() }
        });
        writer.put_item_factors(id, &Factors(factors.item(row).to_vec()))?;
    }
    for (&id, movie) in &by_id {
        writer.put_movie(id, movie)?;
    }
    writer.put_fallback(&most_rated(vocabulary, &interactions.by_item, depth))?;
    Ok(unnamed)
}

/// The `depth` movies that most users have rated; a score is how many. Ties go to the smaller id.
fn most_rated(vocabulary: &Vocabulary, by_item: &Csr, depth: usize) -> TopN {
    let mut items = popularity::by_raters(by_item);
    items.truncate(depth);
    TopN {
        movies: items.iter().map(|&item| vocabulary.movie(ItemIndex(item))).collect(),
        scores: items.iter().map(|&item| by_item.columns(item as usize).len() as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use store::UserId;

    use super::*;
    use crate::ingest::Ratings;

    #[test]
    fn the_fallback_is_ordered_by_raters_then_id() {
        let pairs = [(1, 10), (1, 20), (1, 30), (2, 20), (3, 20), (3, 30), (4, 10)];
        let ratings = Ratings {
            users: pairs.iter().map(|p| UserId(p.0)).collect(),
            movies: pairs.iter().map(|p| MovieId(p.1)).collect(),
            stars: vec![4.0; pairs.len()],
            timestamps: vec![0; pairs.len()],
        };
        let vocabulary = Vocabulary::of(&ratings);
        let interactions = Interactions::of(&ratings, &vocabulary);
        let list = most_rated(&vocabulary, &interactions.by_item, 3);
        assert_eq!(list.movies, [MovieId(20), MovieId(10), MovieId(30)]);
        assert_eq!(list.scores, [3.0, 2.0, 2.0]);
    }
}
