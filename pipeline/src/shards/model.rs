//! The kernels of a shard, on plain slices: users formed of the items, and the best of what each has not rated.
//!
//! Both are those of a run on one machine ([`ItemModel::fold_in`], [`Scorer`]). Here identities become positions and back.

use std::path::Path;
use std::sync::Arc;

use interactions::Csr;
use interactions::Scale;
use models::{ItemModel, RatingItems, StarTerms};
use rayon::prelude::*;
use scoring::{PreparedItems, Scorer};
use serde::{Deserialize, Serialize};
use store::MovieId;
use store::records::{Record, UserTerms};
use store::shards::{self, Items, Lists};

use crate::error::{Error, Result};

/// Users that a thread takes at a time, at least.
const MIN_USERS: usize = 16;

/// The items of a model, laid out for forming and scoring any users.
#[derive(Debug)]
pub struct ShardModel {
    /// The items, ids ascending.
    ids: Vec<MovieId>,
    items: ItemModel,
    catalogue: Arc<PreparedItems<'static>>,
    scale: Scale,
}

/// The lists of some users: rows of movies, with a score and predicted stars beside each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Best {
    /// The movies, best first.
    pub movies: Lists<u32>,
    /// What put each there.
    pub scores: Vec<f32>,
    /// What the user is predicted to give each.
    pub stars: Vec<f32>,
}

/// What of a model is no item's.
#[derive(Serialize, Deserialize)]
struct Terms {
    n_factors: usize,
    /// As the store keeps them.
    user_terms: Option<Vec<u8>>,
    mean_user: Vec<f32>,
    stars: StarTerms,
}

impl ShardModel {
    /// Lays out the items for lists of a length.
    #[must_use]
    pub fn new(ids: Vec<MovieId>, items: ItemModel, depth: usize, scale: Scale) -> Self {
        let catalogue = Arc::new(PreparedItems::new(items.item_factors.clone(), items.n_factors, depth));
        Self { ids, items, catalogue, scale }
    }

    /// The candidates, ids ascending.
    #[must_use]
    pub fn candidates(&self) -> &[MovieId] {
        &self.ids
    }

    /// The factors of some users (n_users x n_factors each), whose ratings are rows of movies, ids ascending, and stars:
    /// those that order lists, and those that predict stars, the bias first. Movies that are no items count for nothing.
    /// `are_trained` says whether the items were trained on these users' ratings, among others.
    ///
    /// # Errors
    /// [`Error::BadRatings`] for what no cleaning leaves; [`Error::UserDiverged`].
    pub fn form(
        &self,
        indptr: &[usize],
        movies: &[u32],
        stars: &[f32],
        are_trained: bool,
    ) -> Result<(Lists<f32>, Lists<f32>)> {
        let formed: Vec<_> = indptr
            .par_windows(2)
            .with_min_len(MIN_USERS)
            .map(|row| {
                let (movies, stars) = (&movies[row[0]..row[1]], &stars[row[0]..row[1]]);
                reading::check_user(movies, stars, self.scale)
                    .map_err(|problem| Error::BadRatings { problem })?;
                let (items, stars): (Vec<_>, Vec<_>) = self.known(movies, stars).unzip();
                Ok(self.items.fold_in(&items, &stars, are_trained)?)
            })
            .collect::<Result<_>>()?;
        let (mut ranking, mut rating) = (Lists::default(), Lists::default());
        for mut user in formed {
            ranking.push(&user.ranking);
            user.rating.insert(0, user.bias);
            rating.push(&user.rating);
        }
        Ok((ranking, rating))
    }

    /// The lists of some users with such factors, without the movies that each has rated.
    ///
    /// # Errors
    /// [`Error::BadRatings`] for factors that are no user's of this model.
    pub fn top_n(&self, ranking: &[f32], rating: &[f32], indptr: &[usize], movies: &[u32]) -> Result<Best> {
        let n_users = indptr.len().saturating_sub(1);
        let width = 1 + self.items.rating.terms.n_factors();
        if ranking.len() != n_users * self.items.n_factors || rating.len() != n_users * width {
            return Err(Error::BadRatings { problem: "users have factors of another model".to_owned() });
        }
        let users: Vec<Vec<u32>> = indptr
            .par_windows(2)
            .with_min_len(MIN_USERS)
            .map(|row| {
                self.known(&movies[row[0]..row[1]], &movies[row[0]..row[1]]).map(|(item, _)| item).collect()
            })
            .collect();
        let rows = (0u32..).zip(&users).flat_map(|(row, items)| std::iter::repeat_n(row, items.len()));
        let columns = users.concat();
        let n_cells = columns.len();
        let seen = Csr::from_sorted(n_users, rows, columns, vec![0.0; n_cells]);
        let lists = Scorer::over(Arc::clone(&self.catalogue), ranking, &seen).top_n(0..n_users);
        let mut best = Best::default();
        for (list, factors) in lists.iter().zip(rating.chunks_exact(width)) {
            let ids: Vec<u32> = list.iter().map(|scored| self.ids[scored.item as usize].get()).collect();
            best.movies.push(&ids);
            best.scores.extend(list.iter().map(|scored| scored.score));
            let (bias, factors) = (factors[0], &factors[1..]);
            best.stars.extend(list.iter().map(|scored| {
                self.scale.clamp(self.items.rating.predict(bias, factors, scored.item as usize))
            }));
        }
        Ok(best)
    }

    /// What of a user's ratings is of items, by position.
    fn known<'a, T: Copy>(
        &'a self,
        movies: &'a [u32],
        values: &'a [T],
    ) -> impl Iterator<Item = (u32, T)> + 'a {
        let mut from = 0;
        movies.iter().zip(values).filter_map(move |(&movie, &value)| {
            // Both ascend.
            let found = self.ids[from..].binary_search(&MovieId::new(movie));
            from += found.unwrap_or_else(|place| place);
            found.ok().map(|_| (from as u32, value))
        })
    }

    /// Writes the items to a file, for [`ShardModel::read`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn write(path: &Path, ids: &[MovieId], items: &ItemModel) -> Result<()> {
        let ItemModel { n_factors, item_factors, user_terms, mean_user, rating } = items;
        let terms = Terms {
            n_factors: *n_factors,
            user_terms: user_terms.as_ref().map(Record::encode).transpose()?,
            mean_user: mean_user.clone(),
            stars: rating.terms.clone(),
        };
        let terms = serde_json::to_string(&terms)
            .map_err(|e| Error::Internal { what: "the terms of a model", detail: e.to_string() })?;
        let (d, h) = (rating.terms.n_factors(), rating.terms.payload_len());
        let mut row = Vec::with_capacity(ids.len() * (1 + d + h));
        for item in 0..ids.len() {
            row.push(rating.item_bias[item]);
            row.extend_from_slice(&rating.item_factors[item * d..][..d]);
            row.extend_from_slice(&rating.item_payload[item * h..][..h]);
        }
        let items = Items { ids: ids.to_vec(), features: item_factors.clone(), rating: row, terms };
        Ok(shards::write_items(path, &items)?)
    }

    /// Reads items and lays them out for lists of a length.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for what no run has written.
    pub fn read(path: &Path, depth: usize, scale: Scale) -> Result<Self> {
        let damaged = |detail: String| store::Error::Damaged { path: path.to_path_buf(), detail };
        let Items { ids, features, rating, terms } = shards::read_items(path)?;
        let Terms { n_factors, user_terms, mean_user, stars } =
            serde_json::from_str(&terms).map_err(|e| damaged(format!("its terms: {e}")))?;
        let user_terms = user_terms.map(|bytes| UserTerms::decode(&bytes)).transpose().map_err(damaged)?;
        let (d, h) = (stars.n_factors(), stars.payload_len());
        let width = 1 + d + h;
        let is_whole = features.len() == ids.len() * n_factors && mean_user.len() == n_factors;
        if !is_whole || rating.len() != ids.len() * width {
            return Err(damaged("its rows are not as long as its terms say".to_owned()).into());
        }
        if ids.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(damaged("its items are not in order".to_owned()).into());
        }
        let mut items = RatingItems {
            terms: stars,
            item_bias: Vec::with_capacity(ids.len()),
            item_factors: Vec::with_capacity(ids.len() * d),
            item_payload: Vec::with_capacity(ids.len() * h),
        };
        for row in rating.chunks_exact(width) {
            items.item_bias.push(row[0]);
            items.item_factors.extend_from_slice(&row[1..=d]);
            items.item_payload.extend_from_slice(&row[1 + d..]);
        }
        let items = ItemModel { n_factors, item_factors: features, user_terms, mean_user, rating: items };
        Ok(Self::new(ids, items, depth, scale))
    }

    /// The items, as they were trained.
    #[must_use]
    pub fn into_items(self) -> ItemModel {
        self.items
    }
}
