//! What a rating says for a movie.

use crate::ingest::Scale;
use crate::model::RankingSettings;

/// From `floor` (disliked, but chosen) to 1 (loved):
/// `floor + (1 - floor) / (1 + exp(-steepness * (x - midpoint)))`, x being the rating's place on the scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preference {
    scale: Scale,
    floor: f32,
    midpoint: f32,
    steepness: f32,
}

impl Preference {
    pub(super) fn new(settings: &RankingSettings, scale: Scale) -> Self {
        let &RankingSettings { floor, midpoint, steepness, .. } = settings;
        Self { scale, floor, midpoint, steepness }
    }

    pub(super) fn of(self, stars: f32) -> f32 {
        let place = (stars - self.scale.min) / (self.scale.max - self.scale.min);
        let liking = 1.0 / (1.0 + (-self.steepness * (place - self.midpoint)).exp());
        self.floor + (1.0 - self.floor) * liking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_stars_the_stronger_the_preference() {
        let preference = Preference::new(&RankingSettings::default(), Scale::default());
        let of: Vec<f32> = [0.5, 2.0, 2.975, 4.0, 5.0].map(|stars| preference.of(stars)).to_vec();
        assert!(of.is_sorted_by(|a, b| a < b), "{of:?}");
        // Half of the way from the floor to 1 at the midpoint.
        assert!((of[2] - 0.55).abs() < 1e-6 && of[0] < 0.15 && of[4] > 0.9, "{of:?}");
    }
}
