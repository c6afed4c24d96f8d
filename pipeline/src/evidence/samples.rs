//! Sample users: the recommendations of each beside the highest ratings.

use report::Sample;
use store::records::{History, TopN};
use store::{MovieId, UserId};

use super::{SHOWN, Sources, title};
use crate::error::Result;

/// Returns users with few, some and many ratings. The choice depends on the data alone, so that it is the same from run to
/// run while the data are.
pub(super) fn of(sources: &Sources<'_>) -> Result<Vec<Sample>> {
    let Sources { tables, vocabulary, interactions, deny, .. } = *sources;
    let seen = &interactions.by_user;
    let mut users: Vec<(usize, UserId)> =
        (0..seen.n_rows()).map(|row| (seen.columns(row).len(), vocabulary.users()[row])).collect();
    users.retain(|&(_, user)| deny.is_none_or(|deny| !deny.deletes(user)));
    users.sort_unstable();
    let Some(last) = users.len().checked_sub(1) else { return Ok(Vec::new()) };
    let mut chosen =
        vec![("the fewest ratings", 0), ("as many ratings as most", last / 2), ("the most ratings", last)];
    chosen.dedup_by_key(|&mut (_, at)| at);
    let named = |movie: MovieId| title(tables, movie, deny);
    let sample = |(why, at): (&'static str, usize)| {
        let (n_ratings, user) = users[at];
        let TopN { movies, scores, stars } = tables.top_n(user)?.unwrap_or_default();
        let mut list = Vec::new();
        for ((movie, score), stars) in movies.into_iter().zip(scores).zip(stars).take(SHOWN) {
            list.extend(named(movie)?.map(|title| (title, score, stars)));
        }
        let History { movies, stars } = tables.history(user)?.unwrap_or_default();
        let mut best: Vec<_> = movies.into_iter().zip(stars).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut liked = Vec::new();
        for (movie, stars) in best.into_iter().take(SHOWN) {
            liked.extend(named(movie)?.map(|title| (title, stars)));
        }
        Ok(Sample { why, user, n_ratings, liked, list })
    };
    chosen.into_iter().map(sample).collect()
}
