//! The preference that a rating expresses: the target of the ranking model.

use store::records::UserTerms;

/// A logistic curve from ratings to preferences, with the lower asymptote `floor` and the upper asymptote 1:
/// `floor + (1 - floor) / (1 + exp(-steepness * (x - midpoint)))`, where `x` is the rating as a share of the scale, from 0
/// to 1. No rating reaches an asymptote: at the default settings (0.1, 0.55, 5.5) half a star has the preference 0.142 and
/// five stars have 0.930.
#[derive(Debug, Clone, Copy)]
pub struct Preference {
    /// The lowest rating of the scale, in stars.
    pub min: f32,
    /// The highest rating of the scale, in stars.
    pub max: f32,
    /// The lower asymptote: a rated movie was chosen, and counts for more than an unrated one.
    pub floor: f32,
    /// The share of the scale at which the preference is halfway between the asymptotes.
    pub midpoint: f32,
    /// The steepness of the curve, for the scale as the unit of length.
    pub steepness: f32,
}

impl Preference {
    /// The preference that a rating expresses, between the asymptotes.
    #[must_use]
    pub fn of(self, stars: f32) -> f32 {
        let place = (stars - self.min) / (self.max - self.min);
        let liking = 1.0 / (1.0 + (-self.steepness * (place - self.midpoint)).exp());
        self.floor + (1.0 - self.floor) * liking
    }
}

impl From<&UserTerms> for Preference {
    fn from(terms: &UserTerms) -> Self {
        let &UserTerms { min, max, floor, midpoint, steepness, .. } = terms;
        Self { min, max, floor, midpoint, steepness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_stars_the_stronger_the_preference() {
        let preference = Preference { min: 0.5, max: 5.0, floor: 0.1, midpoint: 0.55, steepness: 5.5 };
        let of: Vec<f32> = [0.5, 2.0, 2.975, 4.0, 5.0].map(|stars| preference.of(stars)).to_vec();
        assert!(of.is_sorted_by(|a, b| a < b), "{of:?}");
        // Half of the way from the floor to 1 at the midpoint.
        assert!((of[2] - 0.55).abs() < 1e-6 && of[0] < 0.15 && of[4] > 0.9, "{of:?}");
    }

    #[test]
    fn the_floor_and_1_are_asymptotes_that_no_rating_reaches() {
        let preference = Preference { min: 0.5, max: 5.0, floor: 0.1, midpoint: 0.55, steepness: 5.5 };
        assert!((preference.of(0.5) - 0.142).abs() < 5e-4, "{}", preference.of(0.5));
        assert!((preference.of(5.0) - 0.930).abs() < 5e-4, "{}", preference.of(5.0));
        let steep = Preference { steepness: 100.0, ..preference };
        assert!((steep.of(0.5) - 0.1).abs() < 1e-6 && (steep.of(5.0) - 1.0).abs() < 1e-6);
    }
}
