//! The sample of the input of a run, which the gate of later runs compares with theirs.

use std::path::Path;

use interactions::Ratings;
use store::sample::{Part, SAMPLE, Sample, SampledMovie, SampledRating};

use crate::error::Result;
use crate::tables::Movies;

/// Draws the sample of clean tables. `has_times` says whether the ratings come from where times are kept. Cost: three
/// hashes for each rating.
pub(crate) fn draw(ratings: &Ratings, movies: &Movies, has_times: bool) -> Sample {
    let rated = || {
        (0..ratings.len()).map(|row| {
            let rating = ratings.at(row);
            let time = Some(rating.timestamp).filter(|&time| time != Ratings::NO_TIME);
            SampledRating { user: rating.user, movie: rating.movie, stars: rating.stars, time }
        })
    };
    let users = || ratings.users.chunk_by(|a, b| a == b).filter_map(|of_user| of_user.first().copied());
    let described: Vec<_> = movies.by_id.iter().map(|(&id, movie)| SampledMovie::of(id, movie)).collect();
    Sample {
        users: Part::choose(users),
        ratings: Part::choose(rated),
        movies: Part::choose(|| described.iter().copied()),
        has_times,
    }
}

/// Writes a sample into the directory of a generation.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub fn write_sample(dir: &Path, sample: &Sample) -> Result<()> {
    let (path, bytes) = (dir.join(SAMPLE), sample.encode()?);
    Ok(std::fs::write(&path, bytes).map_err(store::Error::io("write", &path))?)
}

#[cfg(test)]
mod tests {
    use interactions::Rating;
    use store::{MovieId, UserId};

    use super::*;

    #[test]
    fn each_user_is_drawn_once_and_a_rating_without_a_time_has_none() {
        let rating = |user, movie, timestamp| Rating {
            user: UserId::new(user),
            movie: MovieId::new(movie),
            stars: 3.0,
            timestamp,
        };
        let ratings =
            [rating(1, 5, 9), rating(1, 6, Ratings::NO_TIME), rating(4, 5, 0)].into_iter().collect();
        let sample = draw(&ratings, &Movies::default(), true);
        assert_eq!(sample.users.chosen, [UserId::new(1), UserId::new(4)]);
        let times: Vec<_> = sample.ratings.chosen.iter().map(|rating| rating.time).collect();
        assert_eq!(times, [Some(9), None, Some(0)]);
    }
}
