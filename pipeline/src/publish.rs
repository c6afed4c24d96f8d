//! From matrix positions back to identities, and into the store.

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

/// What a night has found out, to be written record by record.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// The numbering of users and items.
    pub vocabulary: &'a Vocabulary,
    /// The ratings.
    pub interactions: &'a Interactions,
    /// What was learnt of them.
    pub model: &'a Model,
    /// The stars that a prediction may have.
    pub scale: Scale,
}

impl Findings<'_> {
    /// Names each rated movie that has no metadata by its id, and returns which these are.
    pub fn name_unnamed(&self, metadata: &mut BTreeMap<MovieId, Movie>) -> Vec<MovieId> {
        let unnamed: Vec<_> =
            self.vocabulary.items().iter().copied().filter(|id| !metadata.contains_key(id)).collect();
        metadata.extend(unnamed.iter().map(|&id| (id, Movie::unnamed(id))));
        unnamed
    }

    /// Announces the records of users that will follow.
    ///
    /// # Errors
    /// Those of the store.
    pub fn announce_users(&self, writer: &mut DraftGeneration) -> Result<()> {
        let users = || self.vocabulary.users().iter().copied();
        writer.top_n.announce(users())?;
        writer.histories.announce(users())?;
        Ok(writer.user_factors.announce(users())?)
    }

    /// Announces the records of movies that will follow.
    ///
    /// # Errors
    /// Those of the store.
    pub fn announce_movies(
        &self,
        writer: &mut DraftGeneration,
        metadata: &BTreeMap<MovieId, Movie>,
    ) -> Result<()> {
        writer.item_factors.announce(self.vocabulary.items().iter().copied())?;
        writer.similar.announce(self.vocabulary.items().iter().copied())?;
        Ok(writer.movies.announce(metadata.keys().copied())?)
    }

    /// Writes the lists, histories and factors of a range of users, `lists[0]` being that of the first: two threads'
    /// work, for lists are about half of the bytes. Cost: a prediction of stars for each entry of a list.
    ///
    /// # Errors
    /// Those of the store.
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

    /// Writes what is known of movies and candidates: metadata, factors, the list for users whom nobody knows, and
    /// what factors of further users are solved from.
    ///
    /// # Errors
    /// Those of the store.
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

    /// What a user has rated. Columns ascend, and items are numbered by ascending id: so do the ids.
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

    /// The `depth` movies that most users have rated; a score is how many.
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
        let findings = Findings {
            vocabulary: &vocabulary,
            interactions: &interactions,
            model: &model,
            scale: Scale::default(),
        };
        let list = findings.most_rated(3);
        assert_eq!(list.movies, [MovieId::new(20), MovieId::new(10), MovieId::new(30)]);
        assert_eq!(list.scores, [3.0, 2.0, 2.0]);
        assert!(list.stars.iter().all(|stars| (stars - 4.0).abs() < 0.01), "{:?}", list.stars);
    }
}
