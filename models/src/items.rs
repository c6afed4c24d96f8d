//! Both models without their users, and users formed of them one by one.
//!
//! While items are held, a user's factors follow from the user's ratings alone. So users can be taken in any order, on
//! any number of machines, and those whom training has not seen are taken like those whom it has.

use ::ranking::FoldIn;
use indicatif::ProgressBar;
use interactions::{Csr, Interactions};
use rayon::prelude::*;
use store::records::UserTerms;

use super::{
    Course, Model, Objective, RankingFactors, RatingItems, RatingModel, TrainSettings, ranking, rating,
};
use crate::error::{Error, Result};

/// Users that a thread takes at a time, at least.
const MIN_USERS: usize = 16;

/// The side of items of both models, and all that users' factors are formed from.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemModel {
    /// Factors that order the lists, of each item and user.
    pub n_factors: usize,
    /// n_items x n_factors, row-major.
    pub item_factors: Vec<f32>,
    /// What users' ranking factors are solved from; `None` where predicted stars order the lists.
    pub user_terms: Option<UserTerms>,
    /// What orders the list of a user of whom nothing is known: n_factors numbers, those of the mean user.
    pub mean_user: Vec<f32>,
    /// The items of the model that predicts stars.
    pub rating: RatingItems,
}

/// What both models make of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct UserFactors {
    /// What orders the list: n_factors numbers.
    pub ranking: Vec<f32>,
    /// In stars.
    pub bias: f32,
    /// What predicts stars, beside the bias.
    pub rating: Vec<f32>,
}

impl ItemModel {
    /// Trains what the settings ask for. `bar` counts epochs and sweeps.
    ///
    /// # Errors
    /// Those of [`Model::train`].
    pub fn train(
        interactions: &Interactions,
        settings: &TrainSettings,
        bar: &ProgressBar,
    ) -> Result<(Self, Course)> {
        settings.check()?;
        let rank = settings.objective == Objective::Ranking;
        let n_sweeps = settings.rating.n_sweeps_for(interactions);
        bar.set_length((n_sweeps + if rank { settings.ranking.epochs } else { 0 }) as u64);
        let mut course = Course::default();
        let rating = rating::fit(interactions, &settings.rating, settings.seed, bar, &mut course.rating)?;
        let items = match settings.objective {
            Objective::Ranking => {
                let learned = ranking::fit(interactions, settings, bar, &mut course.ranking)?;
                let ranking::Learned { item_factors, mean_user, user_terms } = learned;
                Self {
                    n_factors: mean_user.len(),
                    item_factors,
                    user_terms: Some(user_terms),
                    mean_user,
                    rating,
                }
            }
            Objective::Rating => Self::by_stars(rating),
        };
        Ok((items, course))
    }

    /// Items that predicted stars order.
    pub(super) fn by_stars(rating: RatingItems) -> Self {
        let d = rating.terms.n_factors();
        // An item's last factor is its bias.
        let mean_user = [vec![0.0; d], vec![1.0]].concat();
        Self { n_factors: d + 1, item_factors: rating.ranking_factors(), user_terms: None, mean_user, rating }
    }

    /// The factors of an item that order the lists.
    fn item(&self, item: u32) -> &[f32] {
        &self.item_factors[item as usize * self.n_factors..][..self.n_factors]
    }

    /// Forms the factors of a user with ratings in stars of some items, of the same bits on any machine. Without ratings
    /// of items that anybody in training has rated the list is the mean user's, and no stars but the mean are predicted.
    /// `is_trained` says whether the items were trained on this user's ratings, among others.
    ///
    /// Cost: some ten steps of [`FoldIn`], and what [`RatingItems::form`] takes.
    ///
    /// # Errors
    /// [`Error::UserDiverged`] where numbers stop being numbers.
    pub fn form(&self, items: &[u32], stars: &[f32], is_trained: bool) -> Result<UserFactors> {
        let mut rating = vec![0.0; self.rating.terms.n_factors()];
        let diverged = |what| move || Error::UserDiverged { what };
        let bias =
            self.rating.form(items, stars, is_trained, &mut rating).ok_or_else(diverged("rating factors"))?;
        let ranking = match &self.user_terms {
            Some(terms) => {
                let ratings = items.iter().zip(stars).map(|(&item, &stars)| (self.item(item), stars));
                let factors = FoldIn::new(terms, ratings).factors();
                let is_known = factors.iter().any(|&factor| factor != 0.0);
                if is_known { factors } else { self.mean_user.clone() }
            }
            // An item's last factor is its bias.
            None => rating.iter().copied().chain([1.0]).collect(),
        };
        let finite = ranking.iter().all(|factor| factor.is_finite());
        finite.then_some(UserFactors { ranking, bias, rating }).ok_or_else(diverged("ranking factors"))
    }

    /// Forms all users and joins them with the items. `is_trained` says on whose ratings these were trained. Cost:
    /// [`Self::form`] for each, in parallel.
    ///
    /// # Errors
    /// Those of [`Self::form`].
    pub fn with_users(
        self,
        by_user: &Csr,
        is_trained: impl Fn(usize) -> bool + Sync,
        course: Course,
    ) -> Result<Model> {
        let (n_users, k, d) = (by_user.n_rows(), self.n_factors, self.rating.terms.n_factors());
        let mut ranking = vec![0.0; n_users * k];
        let (mut user_bias, mut rating) = (vec![0.0; n_users], vec![0.0; n_users * d]);
        let rows = ranking.par_chunks_exact_mut(k).zip(rating.par_chunks_exact_mut(d)).zip(&mut user_bias);
        rows.enumerate().with_min_len(MIN_USERS).try_for_each(|(user, ((ranking, rating), bias))| {
            let (items, stars) = by_user.row(user);
            let formed = self.form(items, stars, is_trained(user))?;
            ranking.copy_from_slice(&formed.ranking);
            rating.copy_from_slice(&formed.rating);
            *bias = formed.bias;
            Ok::<_, Error>(())
        })?;
        let RatingItems { terms, item_bias, item_factors, .. } = self.rating;
        Ok(Model {
            ranking: RankingFactors { n_factors: k, user_factors: ranking, item_factors: self.item_factors },
            user_terms: self.user_terms,
            rating: RatingModel {
                n_factors: d,
                global_mean: terms.global_mean,
                user_bias,
                item_bias,
                user_factors: rating,
                item_factors,
            },
            course,
        })
    }
}

#[cfg(test)]
mod tests;
