//! What a rating says for a movie.

use store::records::UserTerms;

/// From `floor` (disliked, but chosen) to 1 (loved):
/// `floor + (1 - floor) / (1 + exp(-steepness * (x - midpoint)))`, x being the rating's place on the scale.
#[derive(Debug, Clone, Copy)]
pub struct Preference {
    /// The fewest stars that a rating may have.
    pub min: f32,
    /// The most.
    pub max: f32,
    /// What the worst rating says, the best saying 1.
    pub floor: f32,
    /// Where on the scale a rating begins to speak for a movie, as a share of its length.
    pub midpoint: f32,
    /// How sharply it does, over the length of the scale.
    pub steepness: f32,
}

impl Preference {
    /// What a rating should score.
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
}
