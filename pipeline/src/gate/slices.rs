//! The lists of users by their number of ratings, compared with those of the most rated movies.
//!
//! A mean over all users hides a slice of users that would be served better by popularity. A difference counts where it
//! exceeds the noise of the measurement: the users of a slice are a sample, and so is what is held out of each.

use store::manifest::{Account, ActivitySlice, Check};

use super::bounds::Bounds;
use super::quality::judged;
use super::{check, skipped};

/// The number of standard errors that a difference must exceed. Of seven hundred differences that are pure noise, one does
/// so in one direction.
const STANDARD_ERRORS: f64 = 3.0;
/// The fewest users whose mean difference is about normally distributed, so that its standard error means something.
const FEWEST_USERS: u64 = 30;

/// Checks the lists of each slice of users.
pub(super) fn checks(account: &Account, bounds: &Bounds) -> Vec<Check> {
    let slices = account.measurement.iter().flat_map(|measurement| &measurement.slices);
    slices.map(|slice| lift(slice, &judged(account).key(), bounds)).collect()
}

/// Compares the lists of a slice with those of the most rated movies.
fn lift(slice: &ActivitySlice, metric: &str, bounds: &Bounds) -> Check {
    let name = format!("lift at {slice}");
    let n = slice.users;
    let Some(figures) = slice.metrics.get(metric) else {
        return skipped(&name, format!("{metric} was not measured"));
    };
    let Some(error) = figures.standard_error.filter(|_| n >= FEWEST_USERS) else {
        return skipped(
            &name,
            format!("{n} measured users with {slice} are too few to compare; {FEWEST_USERS} are enough"),
        );
    };
    let (model, popular) = (figures.model, figures.popularity);
    // Popularity that finds nothing sets no bound; 0 times infinity would be no number.
    let asked = if popular > 0.0 { popular * (1.0 + bounds.min_lift) } else { 0.0 };
    let (difference, noise) = (model - asked, STANDARD_ERRORS * error);
    let found = format!(
        "{metric} {model:.4} against {popular:.4} of the most rated movies, for {n} users with {slice}"
    );
    if difference < noise && difference >= -noise && difference != 0.0 {
        return skipped(&name, format!("{found}: the difference is within the noise of ±{noise:.4}"));
    }
    let good = difference >= 0.0;
    let advice =
        if good { "" } else { "; try another --unobserved-weight or --factors, or lower --min-lift" };
    check(&name, good, model, Some(popular), format!("{found}: more than the noise of ±{noise:.4}{advice}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use store::manifest::{Counts, Measurement, Outcome, PairedMetric};

    use super::*;

    /// The outcome for one slice.
    fn outcome(users: u64, model: f64, popularity: f64, standard_error: Option<f64>, min_lift: f64) -> Check {
        let figures = PairedMetric { model, popularity, standard_error };
        let slice = ActivitySlice {
            min_ratings: 1,
            max_ratings: Some(1),
            users,
            metrics: BTreeMap::from([("ndcg@20".to_owned(), figures)]),
        };
        let measurement = Some(Measurement { slices: vec![slice], ..Measurement::default() });
        let counts = Counts { depth: 20, movies: 900, ..Counts::default() };
        let account = Account { measurement, counts, ..Account::default() };
        checks(&account, &Bounds { min_lift, ..Bounds::default() }).remove(0)
    }

    #[test]
    fn a_slice_below_popularity_by_more_than_the_noise_is_refused() {
        for (users, model, popularity, error, min_lift, expected) in [
            (500, 0.30, 0.20, Some(0.01), 0.0, Outcome::Passed),
            (500, 0.10, 0.20, Some(0.01), 0.0, Outcome::Failed),
            (500, 0.19, 0.20, Some(0.01), 0.0, Outcome::Skipped),
            (500, 0.21, 0.20, Some(0.01), 0.0, Outcome::Skipped),
            (500, 0.20, 0.20, Some(0.0), 0.0, Outcome::Passed),
            (500, 0.20, 0.20, Some(0.01), 0.0, Outcome::Passed),
            (29, 0.10, 0.20, Some(0.01), 0.0, Outcome::Skipped),
            (1, 0.10, 0.20, None, 0.0, Outcome::Skipped),
            (500, 0.22, 0.20, Some(0.001), 0.5, Outcome::Failed),
            (500, 0.10, 0.20, Some(0.01), f64::NEG_INFINITY, Outcome::Passed),
            (500, 0.00, 0.00, Some(0.0), f64::NEG_INFINITY, Outcome::Passed),
            (500, f64::NAN, 0.20, Some(0.01), 0.0, Outcome::Failed),
        ] {
            let check = outcome(users, model, popularity, error, min_lift);
            assert_eq!(check.outcome, expected, "{model} {popularity} {error:?} {min_lift}: {check:?}");
            assert_eq!(check.name, "lift at 1 rating");
        }
        let refused = outcome(500, 0.10, 0.20, Some(0.01), 0.0);
        assert!(refused.detail.contains("500 users with 1 rating"), "{refused:?}");
    }

    #[test]
    fn a_run_without_a_measurement_has_no_slices_to_check() {
        assert!(checks(&Account::default(), &Bounds::default()).is_empty());
    }
}
