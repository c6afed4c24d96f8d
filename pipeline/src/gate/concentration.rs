//! Concentration and repetition, which a first run is judged by too: doubled users, titles that say nothing, a user who has
//! rated everything, a movie in every list, and movies that new users alone have rated.

use store::manifest::{Account, Check};

use super::bounds::Bounds;
use super::lists::ListAudit;
use super::site::Site;
use super::{check, percent, skipped};

/// The least number of movies and of users for a statement about the most shown movie.
const ENOUGH: u64 = 100;
/// Movies named in a message.
const NAMED: usize = 5;

/// Checks the figures of the input and of the lists. `before` is the account of the published generation.
pub(super) fn checks(
    site: &Site,
    account: &Account,
    lists: &ListAudit,
    before: Option<&Account>,
    bounds: &Bounds,
) -> Vec<Check> {
    let shape = &site.shape;
    let titles = shape.titles.at_most(
        "distinct titles",
        bounds.max_unusable_titles,
        "movies",
        "have the title of another, or one without letters and digits",
        "; check the column of titles, or raise --max-unusable-titles",
    );
    let doubled = shape.doubled.at_most(
        "doubled users",
        bounds.max_doubled,
        "users with five ratings or more",
        "have exactly the ratings of another user",
        "; check that no user is exported under two ids, or raise --max-doubled",
    );
    let mut checks = vec![titles, doubled, longest(site, bounds), most_shown(account, lists, bounds)];
    checks.push(single(site, before, bounds));
    if matches!(site.since_last, Some(Ok(_))) {
        checks.push(new_user_movies(site, lists, bounds));
    }
    checks
}

fn longest(site: &Site, bounds: &Bounds) -> Check {
    const NAME: &str = "longest history";
    let longest = site.shape.longest;
    let Some(usual) = site.shape.usual_longest else {
        return skipped(
            NAME,
            "there are fewer than 100 users to compare the longest history with".to_owned(),
        );
    };
    // On a small site many users may have rated nearly everything.
    let good = longest.value() <= bounds.max_history || longest.part <= 2 * usual;
    let advice = if good { "" } else { "; find the user and name it in --deny-list, or raise --max-history" };
    let detail = format!(
        "one user has rated {} of {} movies: {}; one user in a hundred has rated more than {usual} (allowed: {}, or twice as \
         many){advice}",
        longest.part,
        longest.of,
        percent(longest.value()),
        percent(bounds.max_history)
    );
    check(NAME, good, longest.value(), None, detail)
}

fn most_shown(account: &Account, lists: &ListAudit, bounds: &Bounds) -> Check {
    const NAME: &str = "most shown movie";
    let n_users = lists.statistics().users;
    if account.counts.movies < ENOUGH || n_users < ENOUGH {
        return skipped(NAME, "with fewer than 100 movies or users, lists resemble each other".to_owned());
    }
    // Users with few ratings get the most rated movies, however many such users there are.
    let others = lists.shown().iter().filter(|&(&movie, _)| !lists.is_most_rated(movie));
    let most = others.max_by_key(|&(&movie, &n)| (n, std::cmp::Reverse(movie)));
    let Some((movie, &n)) = most else {
        return skipped(NAME, "the lists begin with the ten most rated movies only".to_owned());
    };
    let share = n as f64 / n_users as f64;
    let good = share <= bounds.max_most_shown;
    let advice =
        if good { "" } else { "; compare the lists with `pipeline diff`, or raise --max-most-shown" };
    let detail = format!(
        "movie {movie} is among the first ten of {n} of {n_users} lists: {} (allowed: {}){advice}",
        percent(share),
        percent(bounds.max_most_shown)
    );
    check(NAME, good, share, None, detail)
}

/// Compares the share of users with one rating with that of the published generation, which is a figure of its gate.
fn single(site: &Site, before: Option<&Account>, bounds: &Bounds) -> Check {
    const NAME: &str = "users with one rating";
    let of_gate = |account: &Account| account.gate.checks.iter().find(|check| check.name == NAME)?.value;
    let before = before.and_then(of_gate);
    let value = site.shape.single.value();
    let detail = match before {
        // A first run records the figure for the next one.
        None => format!("{} of the users have one rating", percent(value)),
        Some(before) => format!(
            "{} of the users have one rating, after {} (allowed: {} more)",
            percent(value),
            percent(before),
            percent(bounds.max_more_single)
        ),
    };
    let good = before.is_none_or(|before| value - before <= bounds.max_more_single);
    let advice = if good { "" } else { "; check that the new users are people, or raise --max-more-single" };
    check(NAME, good, value, before, detail + advice)
}

fn new_user_movies(site: &Site, lists: &ListAudit, bounds: &Bounds) -> Check {
    const NAME: &str = "movies of new users";
    let movies = site.new_user_movies();
    let named: Vec<_> = movies.iter().take(NAMED).map(|found| found.movie.to_string()).collect();
    let more = if movies.len() > NAMED { ", ..." } else { "" };
    let named = format!("{}{more}", named.join(", "));
    if site.is_held_back && !movies.is_empty() {
        let detail =
            format!("{} movies that new users alone have rated are held back: {named}", movies.len());
        return check(NAME, true, 0.0, None, detail);
    }
    let n_users = lists.statistics().users.max(1) as f64;
    let shown = movies.iter().filter_map(|found| lists.shown().get(&found.movie)).sum::<u64>();
    // A list with two of them counts twice; it is no better for that.
    let share = shown as f64 / n_users;
    let good = share <= bounds.max_new_user_movies;
    let detail = match movies {
        [] => "there is no movie that new users alone have rated".to_owned(),
        _ => format!(
            "{} movies that new users alone have rated ({named}) are {shown} times among the first ten of a list: {} of the \
             lists (allowed: {}){}",
            movies.len(),
            percent(share),
            percent(bounds.max_new_user_movies),
            if good {
                ""
            } else {
                "; leave them out with --new-user-movies hold-back, or raise --max-new-user-movies"
            }
        ),
    };
    check(NAME, good, share, None, detail)
}
