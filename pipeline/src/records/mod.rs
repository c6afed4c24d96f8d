//! Builds the records of users and movies from matrix positions, and writes them to the draft of a generation.

mod similar;

use std::collections::BTreeMap;
use std::ops::Range;

use interactions::Interactions;
use interactions::Scale;
use interactions::popularity;
use interactions::{ItemIndex, Vocabulary};
use models::Model;
use rayon::prelude::*;
use scoring::Scored;
use store::MovieId;
use store::draft::DraftGeneration;
use store::records::{Factors, History, Movie, TopN};

use crate::error::Result;
pub use similar::write_similar;

/// Builds records from the results of a run.
#[derive(Debug, Clone, Copy)]
pub struct RecordBuilder<'a> {
    /// The keys of users and items by index.
    pub vocabulary: &'a Vocabulary,
    /// The ratings.
    pub interactions: &'a Interactions,
    /// The model trained on them.
    pub model: &'a Model,
    /// The range of predicted stars.
    pub scale: Scale,
}

impl RecordBuilder<'_> {
    /// Adds each rated movie without metadata, with a title made of its id. Returns the ids of these movies.
    pub fn name_unnamed(&self, metadata: &mut BTreeMap<MovieId, Movie>) -> Vec<MovieId> {
        let unnamed: Vec<_> =
            self.vocabulary.items().iter().copied().filter(|id| !metadata.contains_key(id)).collect();
        metadata.extend(unnamed.iter().map(|&id| (id, Movie::unnamed(id))));
        unnamed
    }

    /// Announces the keys of the users' records, which must be written in this order.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store).
    pub fn announce_users(&self, writer: &mut DraftGeneration) -> Result<()> {
        let users = || self.vocabulary.users().iter().copied();
        writer.top_n.announce(users())?;
        writer.histories.announce(users())?;
        Ok(writer.user_factors.announce(users())?)
    }

    /// Announces the keys of the movies' records, which must be written in this order.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store).
    pub fn announce_movies(
        &self,
        writer: &mut DraftGeneration,
        metadata: &BTreeMap<MovieId, Movie>,
    ) -> Result<()> {
        writer.item_factors.announce(self.vocabulary.items().iter().copied())?;
        writer.similar.announce(self.vocabulary.items().iter().copied())?;
        Ok(writer.movies.announce(metadata.keys().copied())?)
    }

    /// Writes the lists, histories and factors of a range of users. `lists[0]` is the list of the first user. One thread
    /// writes the lists, about half of the bytes, and another the rest. Cost: a prediction of stars for each entry.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store).
    pub fn write_users(
        &self,
        writer: &mut DraftGeneration,
        users: Range<usize>,
        lists: &[Vec<Scored>],
    ) -> Result<()> {
        let rows = || users.clone().zip(&self.vocabulary.users()[users.clone()]);
        let records: Vec<TopN> =
            users.clone().into_par_iter().zip(lists).map(|(row, list)| self.top_n(row, list)).collect();
        let DraftGeneration { top_n, histories, user_factors, .. } = writer;
        let (lists, others) = rayon::join(
            || rows().zip(&records).try_for_each(|((_, &user), list)| top_n.put(user, list)),
            || {
                rows().try_for_each(|(row, &user)| {
                    histories.put(user, &self.history(row))?;
                    user_factors.put(user, &Factors(self.model.ranking.user(row).to_vec()))
                })
            },
        );
        Ok(lists.and(others)?)
    }

    /// Writes the metadata of movies, the factors of candidates, the fallback list of `depth` entries, and the terms that
    /// factors of new users are solved from.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store).
    pub fn write_movies(
        &self,
        writer: &mut DraftGeneration,
        metadata: &BTreeMap<MovieId, Movie>,
        depth: usize,
    ) -> Result<()> {
        for (row, &id) in self.vocabulary.items().iter().enumerate() {
            writer.item_factors.put(id, &Factors(self.model.ranking.item(row).to_vec()))?;
        }
        for (&id, movie) in metadata {
            writer.movies.put(id, movie)?;
        }
        if let Some(terms) = &self.model.user_terms {
            writer.put_user_terms(terms)?;
        }
        Ok(writer.put_fallback(&self.most_rated(depth))?)
    }

    /// Returns the history of a user, ids ascending: columns ascend, and items are numbered by ascending id.
    fn history(&self, user: usize) -> History {
        let (items, stars) = self.interactions.by_user.row(user);
        History { movies: items.iter().map(|&item| self.movie(item)).collect(), stars: stars.to_vec() }
    }

    fn top_n(&self, user: usize, list: &[Scored]) -> TopN {
        let stars = |scored: &Scored| self.model.rating.predict(user, scored.item as usize);
        TopN {
            movies: list.iter().map(|scored| self.movie(scored.item)).collect(),
            scores: list.iter().map(|scored| scored.score).collect(),
            stars: list.iter().map(|scored| self.scale.clamp(stars(scored))).collect(),
        }
    }

    /// Returns the `depth` movies that most users have rated. A score is the number of raters.
    fn most_rated(&self, depth: usize) -> TopN {
        let mut items = popularity::by_raters(&self.interactions.by_item);
        items.truncate(depth);
        let n_raters = |item: u32| self.interactions.by_item.columns(item as usize).len();
        let stars = |item: u32| self.model.rating.predict_for_unknown_user(item as usize);
        TopN {
            movies: items.iter().map(|&item| self.movie(item)).collect(),
            scores: items.iter().map(|&item| n_raters(item) as f32).collect(),
            stars: items.iter().map(|&item| self.scale.clamp(stars(item))).collect(),
        }
    }

    fn movie(&self, item: u32) -> MovieId {
        self.vocabulary.movie(ItemIndex(item))
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;
    use store::UserId;

    use super::*;
    use interactions::Ratings;
    use models::TrainSettings;

    #[test]
    fn the_fallback_is_ordered_by_raters_then_id_and_says_what_anyone_would_give() {
        let pairs = [(1, 10), (1, 20), (1, 30), (2, 20), (3, 20), (3, 30), (4, 10)];
        let ratings = Ratings {
            users: pairs.iter().map(|p| UserId::new(p.0)).collect(),
            movies: pairs.iter().map(|p| MovieId::new(p.1)).collect(),
            stars: vec![4.0; pairs.len()],
            timestamps: vec![0; pairs.len()],
        };
        let vocabulary = Vocabulary::of(&ratings);
        let interactions = Interactions::of(&ratings, &vocabulary);
        let model = Model::train(&interactions, &TrainSettings::default(), &ProgressBar::hidden()).unwrap();
        let builder = RecordBuilder {
            vocabulary: &vocabulary,
            interactions: &interactions,
            model: &model,
            scale: Scale::default(),
        };
        let list = builder.most_rated(3);
        assert_eq!(list.movies, [MovieId::new(20), MovieId::new(10), MovieId::new(30)]);
        assert_eq!(list.scores, [3.0, 2.0, 2.0]);
        assert!(list.stars.iter().all(|stars| (stars - 4.0).abs() < 0.01), "{:?}", list.stars);
    }
}
