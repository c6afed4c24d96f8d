//! The quality of lists by the number of the user's training ratings.
//!
//! A mean over all users hides what becomes of the users with few ratings. Each slice has the model and the lists of the
//! most rated movies side by side, for the same users, and the standard error of their difference.

use interactions::Csr;
use ranking::activity::FEWEST_RATINGS;
use store::manifest::{ActivitySlice, PairedMetric};

use super::cutoffs::Cutoffs;
use super::metric::Metric;
use super::noise::standard_error;
use super::ranking_metrics::ListQuality;

/// The numbers of training ratings of each slice: the fewest, and the most.
fn bounds() -> impl Iterator<Item = (u64, Option<u64>)> {
    let next = FEWEST_RATINGS.iter().skip(1).map(|&next| Some(next as u64 - 1)).chain([None]);
    FEWEST_RATINGS.iter().map(|&fewest| fewest as u64).zip(next)
}

/// Cuts the measured users, ascending, into slices by their training ratings (`n_users x n_items`). Slices without users
/// are left out.
pub(super) fn by_activity(
    train: &Csr,
    users: &[usize],
    cutoffs: &Cutoffs,
    model: &ListQuality,
    popularity: &ListQuality,
) -> Vec<ActivitySlice> {
    let n_cutoffs = cutoffs.iter().count().max(1);
    let of_slice = |(min_ratings, max_ratings): (u64, Option<u64>)| {
        let is_in = |user: usize| {
            let n = train.columns(user).len() as u64;
            min_ratings <= n && max_ratings.is_none_or(|max| n <= max)
        };
        let places: Vec<usize> = (0..users.len()).filter(|&place| is_in(users[place])).collect();
        let metrics = cutoffs.iter().enumerate().map(|(column, k)| {
            let cell = |place: usize| place * n_cutoffs + column;
            let pairs = places.iter().map(|&place| (model.ndcg[cell(place)], popularity.ndcg[cell(place)]));
            (Metric::Ndcg(k).key(), paired(pairs))
        });
        let metrics = metrics.collect();
        ActivitySlice { min_ratings, max_ratings, users: places.len() as u64, metrics }
    };
    bounds().map(of_slice).filter(|slice| slice.users > 0).collect()
}

/// The means of pairs, and the standard error of the mean difference.
fn paired(pairs: impl ExactSizeIterator<Item = (f64, f64)> + Clone) -> PairedMetric {
    let n = pairs.len() as f64;
    let mean = |of: fn((f64, f64)) -> f64| pairs.clone().map(of).sum::<f64>() / n;
    let (model, popularity) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let standard_error = standard_error(pairs.map(|(a, b)| a - b));
    PairedMetric { model, popularity, standard_error }
}

/// Joins the slices of several splits: the users are added up, and the figures are means over them. So the standard error
/// is that of one split, since the splits share their users.
pub(super) fn mean<'a>(splits: impl Iterator<Item = &'a [ActivitySlice]> + Clone) -> Vec<ActivitySlice> {
    let joined = |(min_ratings, max_ratings)| {
        let same = splits.clone().flatten().filter(|slice| slice.min_ratings == min_ratings);
        let mut joined = ActivitySlice { min_ratings, max_ratings, ..ActivitySlice::default() };
        joined.users = same.clone().map(|slice| slice.users).sum();
        for slice in same {
            let share = slice.users as f64 / joined.users as f64;
            for (name, metric) in &slice.metrics {
                let mean = joined.metrics.entry(name.clone()).or_default();
                mean.model += share * metric.model;
                mean.popularity += share * metric.popularity;
                if let Some(error) = metric.standard_error {
                    *mean.standard_error.get_or_insert_default() += share * error;
                }
            }
        }
        joined
    };
    bounds().map(joined).filter(|slice| slice.users > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(ndcg: &[f64]) -> ListQuality {
        ListQuality { ndcg: ndcg.to_vec(), ..ListQuality::default() }
    }

    #[test]
    fn users_are_cut_by_their_training_ratings_and_compared_in_pairs() {
        let n_ratings = [1u32, 1, 1, 2, 5, 21, 30];
        let rows = (0u32..).zip(n_ratings).flat_map(|(user, n)| (0..n).map(move |_| user));
        let columns: Vec<u32> = n_ratings.iter().flat_map(|&n| 0..n).collect();
        let values = vec![1.0; columns.len()];
        let train = Csr::from_sorted(7, rows, columns, values);
        let cutoffs = Cutoffs::new(&[10, 100]).unwrap();
        // User 3 was not measured. The second column is the NDCG@100.
        let model = quality(&[0.2, 0.1, 0.4, 0.1, 0.6, 0.1, 0.3, 0.1, 0.5, 0.1, 0.7, 0.1]);
        let popular = quality(&[0.1, 0.2, 0.3, 0.2, 0.2, 0.2, 0.3, 0.2, 0.1, 0.2, 0.1, 0.2]);
        let slices = by_activity(&train, &[0, 1, 2, 4, 5, 6], &cutoffs, &model, &popular);
        let names: Vec<_> = slices.iter().map(|slice| (slice.to_string(), slice.users)).collect();
        let name = |name: &str, users| (name.to_owned(), users);
        assert_eq!(names, [name("1 rating", 3), name("3 to 5 ratings", 1), name("21 or more ratings", 2)]);
        let metric = slices[0].metrics["ndcg@10"];
        // Differences of 0.1, 0.1 and 0.4 with a mean of 0.2: squares of 0.01, 0.01 and 0.04, divided by 3 * 2.
        assert!((metric.model - 0.4).abs() < 1e-12 && (metric.popularity - 0.2).abs() < 1e-12);
        assert!((metric.standard_error.unwrap() - 0.1).abs() < 1e-12, "{metric:?}");
        assert_eq!(slices[0].metrics["ndcg@100"].standard_error.map(|error| error < 1e-12), Some(true));
        assert_eq!(slices[1].metrics["ndcg@10"].standard_error, None);

        let joined = mean([&slices[..], &slices[1..]].into_iter());
        assert_eq!(joined.iter().map(|slice| slice.users).collect::<Vec<_>>(), [3, 2, 4]);
        let close = |a: PairedMetric, b: PairedMetric| (a.model - b.model).abs() < 1e-12;
        assert!(joined.iter().zip(&slices).all(|(a, b)| close(a.metrics["ndcg@10"], b.metrics["ndcg@10"])));
    }
}
