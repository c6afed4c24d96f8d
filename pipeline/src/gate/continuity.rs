//! Whether this is still the same site: what of the last input, and of that of two weeks ago, is still there.

use store::manifest::{Account, Check};

use super::bounds::Bounds;
use super::site::{Anchor, Comparison, Site};
use super::{check, percent, skipped};

/// Compares the input with the samples of the published generation and of the anchor. Without a published generation there
/// is nothing to compare.
pub(super) fn checks(site: &Site, account: &Account, bounds: &Bounds) -> Vec<Check> {
    let mut checks = match &site.since_last {
        None => return Vec::new(),
        Some(Err(why)) => vec![skipped("continuity", why.clone())],
        Some(Ok(comparison)) => since_last(comparison, site, account, bounds),
    };
    checks.extend(site.since_anchor.iter().flat_map(|anchor| since_anchor(anchor, account, bounds)));
    checks
}

fn since_last(found: &Comparison, site: &Site, account: &Account, bounds: &Bounds) -> Vec<Check> {
    let &Bounds { max_loss, max_lost_history, max_changed_ratings, max_changed_movies, .. } = bounds;
    let lost = "; check the export, name users and movies that were deleted on purpose in --deny-list, or raise --max-loss";
    let users = found.users.at_most("users lost", max_loss, "users of the last run", "are gone", lost);
    let movies = found.movies.at_most("movies lost", max_loss, "movies of the last run", "are gone", lost);
    let histories = found.ratings.at_most(
        "histories",
        max_lost_history,
        "ratings of the last run by users who are still there",
        "are gone",
        "; check that the ids of users and movies are those of the last run, or raise --max-lost-history",
    );
    let stars = found.stars.at_most(
        "stars",
        max_changed_ratings,
        "ratings of both runs",
        "have other stars",
        "; check the column of ratings, or raise --max-changed-ratings",
    );
    let titles = found.titles.at_most(
        "titles",
        max_changed_movies,
        "movies of both runs",
        "have another title",
        "; check the column of titles, or raise --max-changed-movies",
    );
    let genres = found.genres.at_most(
        "genres",
        max_changed_movies,
        "movies of both runs",
        "have other genres",
        "; check the column of genres, or raise --max-changed-movies",
    );
    vec![
        users,
        movies,
        histories,
        stars,
        star_distribution(found, bounds),
        times(found, bounds),
        titles,
        genres,
        of_one_user(found, site, account, bounds),
        of_one_movie(found, account, bounds),
    ]
}

fn star_distribution(found: &Comparison, bounds: &Bounds) -> Check {
    let (distance, most) = (found.star_distance, bounds.max_star_shift);
    let good = distance <= most;
    let advice =
        if good { "" } else { "; check the column and the scale of ratings, or raise --max-star-shift" };
    let detail = format!(
        "the distribution of stars differs from the last one by up to {} (allowed: {}){advice}",
        percent(distance),
        percent(most)
    );
    check("star distribution", good, distance, None, detail)
}

fn times(found: &Comparison, bounds: &Bounds) -> Check {
    const NAME: &str = "times";
    if !found.have_times {
        return skipped(NAME, "ratings that were cut into shards before a run have no times".to_owned());
    }
    let advice = "; check the column of times, or raise --max-changed-ratings";
    let whole = "ratings of both runs that had a time";
    found.times.at_most(NAME, bounds.max_changed_ratings, whole, "have another or none", advice)
}

/// The least number of new ratings that a check of concentration judges.
const FEWEST_ADDED: f64 = 100.0;

fn of_one_user(found: &Comparison, site: &Site, account: &Account, bounds: &Bounds) -> Check {
    let (n_all, most) = (account.counts.ratings as f64, bounds.max_one_user);
    let n = found.busiest_user.map_or(0.0, |(_, n)| n);
    let share = n / n_all.max(1.0);
    // On a small site a usual history is a large share. It is one that another user has too.
    let is_usual = n < FEWEST_ADDED || n <= site.shape.second_longest as f64;
    let good = is_usual || share <= most;
    // The user is named only where somebody has to look at the ratings.
    let advice = match found.busiest_user {
        Some((user, _)) if !good => {
            format!(
                "; look at the ratings of user {user}, delete the user with --deny-list, or raise --max-one-user"
            )
        }
        _ => String::new(),
    };
    let detail = format!(
        "about {n} new ratings are of one user, beside {n_all} ratings of all users: {} (allowed: {}){advice}",
        percent(share),
        percent(most)
    );
    check("new ratings of one user", good, share, None, detail)
}

fn of_one_movie(found: &Comparison, account: &Account, bounds: &Bounds) -> Check {
    let (n_users, most) = (account.counts.users as f64, bounds.max_one_movie);
    let n = found.busiest_movie.map_or(0.0, |(_, n)| n);
    let share = n / n_users.max(1.0);
    let good = n < FEWEST_ADDED || share <= most;
    let advice = match found.busiest_movie {
        Some((movie, _)) if !good => {
            format!(
                "; look at the new ratings of movie {movie}, hide it with --deny-list, or raise --max-one-movie"
            )
        }
        _ => String::new(),
    };
    let detail = format!(
        "about {n} new ratings are of one movie, at {n_users} users: {} (allowed: {}){advice}",
        percent(share),
        percent(most)
    );
    check("new ratings of one movie", good, share, None, detail)
}

fn since_anchor(anchor: &Anchor, account: &Account, bounds: &Bounds) -> Vec<Check> {
    let Anchor { generation, account: then, comparison } = anchor;
    let most = bounds.max_total_loss;
    let advice = "; many small losses add up: check the export, or raise --max-total-loss";
    let (users, movies) = (format!("users of {generation}"), format!("movies of {generation}"));
    let users = comparison.users.at_most("users lost in two weeks", most, &users, "are gone", advice);
    let movies = comparison.movies.at_most("movies lost in two weeks", most, &movies, "are gone", advice);
    // Ratings that were denied on purpose are no loss.
    let amount = |account: &Account| (account.rows.kept + account.rows.denied) as f64;
    let (now, before) = (amount(account), amount(then));
    let loss = if before > 0.0 { 1.0 - now / before } else { 0.0 };
    let good = loss <= most;
    let detail = format!(
        "{now} ratings after {before} of {generation}: {:+.1} % (allowed: -{}){}",
        -100.0 * loss,
        percent(most),
        if good { "" } else { advice }
    );
    vec![users, movies, check("ratings lost in two weeks", good, now, Some(before), detail)]
}
