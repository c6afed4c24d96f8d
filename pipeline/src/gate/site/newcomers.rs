//! Movies whose support is new: rated by users alone who were not there in the last run.

use reading::Input;
use store::MovieId;
use store::sample::{Sample, is_chosen};

/// The least number of sampled raters of such a movie. A usual day has fewer new users who agree on an unknown movie.
const FEWEST: u32 = 5;
/// The least share of raters who are new: an obscure movie has a few old ones.
const NEW: f64 = 0.9;

/// A movie that new users alone have rated, or nearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewUserMovie {
    /// The movie.
    pub movie: MovieId,
    /// Its raters among the sampled users.
    pub n_raters: u32,
    /// The new users among them.
    pub n_new: u32,
}

/// Finds the movies of an input that new users alone have rated, ids ascending. Cost: the ratings of the sampled users.
pub(super) fn find(input: &Input, then: &Sample) -> Vec<NewUserMovie> {
    let Input { vocabulary, interactions, sample: now, .. } = input;
    let level = then.users.level.max(now.users.level);
    let mut raters = vec![(0u32, 0u32); vocabulary.items().len()];
    for (row, user) in vocabulary.users().iter().enumerate().filter(|(_, user)| is_chosen(*user, level)) {
        let is_new = then.users.get(user).is_none();
        for &item in interactions.by_user.columns(row) {
            let (n, n_new) = &mut raters[item as usize];
            *n += 1;
            *n_new += u32::from(is_new);
        }
    }
    let all = vocabulary.items().iter().zip(raters);
    all.filter(|&(_, (n, n_new))| n_new >= FEWEST && f64::from(n_new) >= NEW * f64::from(n))
        .map(|(&movie, (n_raters, n_new))| NewUserMovie { movie, n_raters, n_new })
        .collect()
}
