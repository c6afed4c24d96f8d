//! The kernels of a shard, on plain slices: fold in users, and find the best unseen items of each.
//!
//! Both are the kernels of a run on one machine ([`ItemModel::fold_in`], [`Scorer`]). This module converts ids to positions and
//! back.

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

/// The minimum number of users that a thread takes at a time.
const MIN_USERS: usize = 16;

/// The items of a model, prepared for fold-ins and lists of any users.
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
pub struct UserLists {
    /// The movies, best first.
    pub movies: Lists<u32>,
    /// The score of each.
    pub scores: Vec<f32>,
    /// The predicted stars of each.
    pub stars: Vec<f32>,
}

/// The part of a model that belongs to no item.
#[derive(Serialize, Deserialize)]
struct Terms {
    n_factors: usize,
    /// The encoded record of the store.
    user_terms: Option<Vec<u8>>,
    stars: StarTerms,
}

impl ShardModel {
    /// Prepares the items for lists of `depth` entries.
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

    /// Computes the factors of some users from rows of movies, ids ascending, and stars. Returns the factors that order
    /// lists (n_users x n_factors) and those that predict stars (n_users x width, the bias first). Movies that are not
    /// items are ignored. `are_trained` states whether the items were trained on these users' ratings, among others.
    ///
    /// # Errors
    /// [`Error::BadRatings`] for ratings that cleaning would not leave; [`Error::Training`] where factors diverge.
    pub fn fold_in(
        &self,
        indptr: &[usize],
        movies: &[u32],
        stars: &[f32],
        are_trained: bool,
    ) -> Result<(Lists<f32>, Lists<f32>)> {
        let folded: Vec<_> = indptr
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
        for mut user in folded {
            ranking.push(&user.ranking);
            user.rating.insert(0, user.bias);
            rating.push(&user.rating);
        }
        Ok((ranking, rating))
    }

    /// Returns the lists of some users with such factors, without the movies that each has rated.
    ///
    /// # Errors
    /// [`Error::BadRatings`] for factors of another length than this model's.
    pub fn top_n(
        &self,
        ranking: &[f32],
        rating: &[f32],
        indptr: &[usize],
        movies: &[u32],
    ) -> Result<UserLists> {
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
        let mut best = UserLists::default();
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

    /// Returns the user's ratings of items, by position.
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
    /// [`Error::Store`].
    pub fn write(path: &Path, ids: &[MovieId], items: &ItemModel) -> Result<()> {
        let ItemModel { n_factors, item_factors, user_terms, rating } = items;
        let terms = Terms {
            n_factors: *n_factors,
            user_terms: user_terms.as_ref().map(Record::encode).transpose()?,
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

    /// Reads items and prepares them for lists of `depth` entries.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] where the file is not one that [`ShardModel::write`] writes.
    pub fn read(path: &Path, depth: usize, scale: Scale) -> Result<Self> {
        let damaged = |detail: String| store::Error::Damaged { path: path.to_path_buf(), detail };
        let Items { ids, features, rating, terms } = shards::read_items(path)?;
        let Terms { n_factors, user_terms, stars } =
            serde_json::from_str(&terms).map_err(|e| damaged(format!("its terms: {e}")))?;
        let user_terms = user_terms.map(|bytes| UserTerms::decode(&bytes)).transpose().map_err(damaged)?;
        check_terms(&stars, rating.len()).map_err(damaged)?;
        let (d, h) = (stars.n_factors(), stars.payload_len());
        let width = 1 + d + h;
        if n_factors == 0 {
            return Err(damaged("its terms have 0 factors".to_owned()).into());
        }
        if features.len() != ids.len() * n_factors || rating.len() != ids.len() * width {
            return Err(damaged("its rows are not as long as its terms say".to_owned()).into());
        }
        let with_popularity =
            |terms: &UserTerms| terms.gram.len() + usize::from(!terms.popularity_shares.is_empty());
        let solved_from = user_terms.as_ref().map_or(d + 1, with_popularity);
        if solved_from != n_factors {
            let detail = format!("its items have {n_factors} factors and its users {solved_from}");
            return Err(damaged(detail).into());
        }
        // The numbers of the terms are finite, as JSON has no others.
        let gram = user_terms.as_ref().map_or(&[][..], |terms| &terms.gram);
        if [&features[..], &rating, gram].iter().any(|row| row.iter().any(|value| !value.is_finite())) {
            return Err(damaged("it has a number that is not finite".to_owned()).into());
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
        let items = ItemModel { n_factors, item_factors: features, user_terms, rating: items };
        Ok(Self::new(ids, items, depth, scale))
    }

    /// The items, as they were trained.
    #[must_use]
    pub fn into_items(self) -> ItemModel {
        self.items
    }
}

/// Checks that the terms of predicted stars describe rows from which users can be folded in. `n_values` is the number of
/// values in all rows together.
fn check_terms(terms: &StarTerms, n_values: usize) -> std::result::Result<(), String> {
    let &StarTerms { rank, width, n_draws, ref segments, ref unknown_user, ref unknown_item, .. } = terms;
    if ![16, 32, 64].contains(&width) {
        return Err(format!("its rows are {width} wide; 16, 32 and 64 are possible"));
    }
    if !(1..=width).contains(&rank) {
        return Err(format!("its rows have a rank of {rank} in a width of {width}"));
    }
    // An item has at least one number for each draw in each segment, so that no product of these overflows.
    if n_draws.checked_mul(segments.len()).is_none_or(|n| n > n_values) {
        return Err(format!("it has too few numbers for {n_draws} draws in {} segments", segments.len()));
    }
    let n_numbers = 1 + terms.n_factors();
    if unknown_user.len() != n_numbers || unknown_item.len() != n_numbers {
        return Err(format!("its unknown user and item do not have {n_numbers} numbers each"));
    }
    if segments
        .iter()
        .any(|segment| [&segment.prior_mean, &segment.prior_precision].iter().any(|row| row.len() != width))
    {
        return Err(format!("a prior of users does not have {width} numbers"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;
    use interactions::Interactions;
    use models::{RankingSettings, RatingSettings, TrainSettings};
    use serde_json::{Value, json};

    use super::*;

    type Change = fn(&mut Items, &mut Value);

    /// Writes the items of a small model, changed by `change`, and reads them back.
    fn read_changed(change: impl Fn(&mut Items, &mut Value)) -> std::result::Result<(), String> {
        let cells: Vec<(u32, u32)> = (0..6).flat_map(|user| [(user, user % 4), (user, 4)]).collect();
        let columns = cells.iter().map(|cell| cell.1).collect();
        let stars = (0..cells.len()).map(|cell| (cell % 5 + 1) as f32).collect();
        let by_user = Csr::from_sorted(6, cells.iter().map(|cell| cell.0), columns, stars);
        let settings = TrainSettings {
            ranking: RankingSettings { n_factors: Some(2), epochs: 1, ..RankingSettings::default() },
            rating: RatingSettings { n_factors: 1, sweeps: Some(2) },
            ..TrainSettings::default()
        };
        let interactions = Interactions::from_users(by_user, 5);
        let (items, _) = ItemModel::train(&interactions, &settings, &ProgressBar::hidden()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items.parquet");
        let ids: Vec<_> = (1..=5).map(MovieId::new).collect();
        ShardModel::write(&path, &ids, &items).unwrap();
        let mut items = shards::read_items(&path).unwrap();
        let mut terms = serde_json::from_str(&items.terms).unwrap();
        change(&mut items, &mut terms);
        items.terms = terms.to_string();
        let path = dir.path().join("changed.parquet");
        shards::write_items(&path, &items).unwrap();
        let model = match ShardModel::read(&path, 3, Scale::default()) {
            Ok(model) => model,
            Err(Error::Store(e @ store::Error::Damaged { .. })) => return Err(e.to_string()),
            Err(other) => panic!("{other}"),
        };
        model.fold_in(&[0, 2], &[1, 3], &[4.0, 2.0], false).unwrap();
        Ok(())
    }

    #[test]
    fn items_with_invalid_values_are_damaged_and_their_file_is_named() {
        assert_eq!(read_changed(|_, _| ()), Ok(()));
        let cases: [(&str, Change); 10] = [
            ("17 wide", |_, terms| terms["stars"]["width"] = json!(17)),
            ("0 wide", |_, terms| terms["stars"]["width"] = json!(0)),
            ("64", |_, terms| terms["stars"]["width"] = json!(64)),
            ("a rank of 0", |_, terms| terms["stars"]["rank"] = json!(0)),
            ("a rank of 99", |_, terms| terms["stars"]["rank"] = json!(99)),
            ("too few numbers", |_, terms| terms["stars"]["n_draws"] = json!(u64::MAX)),
            ("0 factors", |_, terms| terms["n_factors"] = json!(0)),
            ("unknown user", |_, terms| terms["stars"]["unknown_item"] = json!([])),
            ("out of range", |_, terms| terms["stars"]["noise_rate"] = json!(1e300)),
            ("not finite", |items, _| items.features[3] = f32::NAN),
        ];
        for (says, change) in cases {
            let error = read_changed(change).unwrap_err();
            assert!(error.contains("changed.parquet") && error.contains(says), "{says}: {error}");
        }
    }
}
