//! The figures of a run that its page shows beyond the manifest. The caller collects them from the records.

use evaluation::Concentration;
use models::TrainingCurve;
use store::UserId;

/// The figures of a run that its page shows beyond the manifest.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The error after each step of training.
    pub course: TrainingCurve,
    /// The distribution of the first entries of all lists over the movies; `None` if no list was read.
    pub exposure: Option<Exposure>,
    /// Scores of the first entries of lists.
    pub scores: Histogram,
    /// Predicted stars of the first entries of lists.
    pub stars: Histogram,
    /// A few users with their lists.
    pub samples: Vec<Sample>,
    /// The difference to the published lists, or the reason why they were not compared; `None` if nothing was
    /// published.
    pub change: Option<Result<ListChange, String>>,
}

/// The distribution of the first entries of all lists over the movies.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// The measures of concentration.
    pub concentration: Concentration,
    /// Users with a list.
    pub n_users: u64,
    /// Candidates.
    pub n_movies: usize,
    /// Candidates among the first entries of any list.
    pub n_shown: usize,
    /// Points of the curve: the share of movies, the most recommended first, and the share of entries that they have.
    pub curve: Vec<(f64, f64)>,
    /// The most recommended movies: title and users.
    pub most: Vec<(String, u64)>,
}

/// A user shown as an example.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The reason why the user was chosen.
    pub why: &'static str,
    /// The id of the user.
    pub user: UserId,
    /// The number of ratings of the user.
    pub n_ratings: usize,
    /// The movies that the user rated best: title and stars.
    pub liked: Vec<(String, f32)>,
    /// The first entries of the list: title, score and predicted stars.
    pub list: Vec<(String, f32, f32)>,
}

/// The difference between the new lists and the published ones.
#[derive(Debug, Clone)]
pub struct ListChange {
    /// The compared users: a sample of those with a list in both generations.
    pub n_compared: u64,
    /// Users whose first entries, or their order, changed.
    pub n_changed: u64,
    /// The share of the first entries that a user's two lists have in common, a mean over the users.
    pub mean_overlap: f64,
    /// Movies that are recommended to more users, the largest change first.
    pub movies_in: Vec<MovieChange>,
    /// Movies that are recommended to fewer users, the largest change first.
    pub movies_out: Vec<MovieChange>,
}

/// A movie that is recommended to more or fewer users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovieChange {
    /// The title.
    pub title: String,
    /// Users who had the movie among the first entries of the published list.
    pub before: u64,
    /// Users who have it among the first entries of the new list.
    pub after: u64,
}

/// Counts of numbers in bars of equal width.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// The lower bound of the first bar.
    pub start: f64,
    /// The width of each bar.
    pub width: f64,
    /// The count of each bar.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts numbers in bars of equal width. A number at a bound counts in the bar above, the greatest in the last
    /// bar.
    #[must_use]
    pub fn of(values: &[f64], (min, max): (f64, f64), n_bars: usize) -> Self {
        let width = (max - min) / n_bars as f64;
        if n_bars == 0 || !width.is_finite() || width <= 0.0 {
            return Self::default();
        }
        let mut counts = vec![0; n_bars];
        for value in values {
            // Numbers outside the bounds count in the first or last bar: the cast saturates.
            let bar = ((value - min) / width) as usize;
            counts[bar.min(n_bars - 1)] += 1;
        }
        Self { start: min, width, counts }
    }

    /// The bounds of the bar that contains the median; `None` without numbers.
    #[must_use]
    pub fn middle(&self) -> Option<(f64, f64)> {
        let half = self.counts.iter().sum::<u64>().div_ceil(2);
        let mut sum = 0;
        let bar = self.counts.iter().position(|count| {
            sum += count;
            sum >= half && half > 0
        })?;
        let start = self.start + self.width * bar as f64;
        Some((start, start + self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_number_once() {
        let histogram = Histogram::of(&[0.5, 0.9, 1.0, 5.0, 7.0], (0.5, 5.0), 9);
        assert_eq!(histogram.counts, [2, 1, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(histogram.middle(), Some((1.0, 1.5)));
        assert_eq!(Histogram::of(&[], (f64::INFINITY, f64::NEG_INFINITY), 9), Histogram::default());
        assert_eq!(Histogram::of(&[2.0], (2.0, 2.0), 9).middle(), None);
    }
}
