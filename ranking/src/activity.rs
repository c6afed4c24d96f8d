//! Slices of users by their number of ratings: what is measured of few ratings, and what is learned, holds for few alone.

/// The fewest ratings of the users of each slice. The last slice has no upper end.
pub const FEWEST_RATINGS: [usize; 6] = [1, 2, 3, 6, 11, 21];

/// Returns the slice of a user with a number of ratings; `None` for a user without ratings.
#[must_use]
pub fn slice_of(n_ratings: usize) -> Option<usize> {
    FEWEST_RATINGS.iter().rposition(|&fewest| n_ratings >= fewest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_the_last_slice_that_begins_at_or_below_the_number_of_ratings() {
        let found: Vec<_> = [0, 1, 2, 3, 5, 6, 10, 11, 20, 21, 9999].map(slice_of).into();
        let slices = [0, 1, 2, 2, 3, 3, 4, 4, 5, 5].map(Some);
        assert_eq!(found, [&[None][..], &slices].concat());
    }
}
