//! Amounts compared with the published generation, shares of unusable input, and files that look cut off.

use store::manifest::{Account, Check, SourceFile};

use super::bounds::Bounds;
use super::site::Site;
use super::{check, percent, yes_or_no};

/// Checks the shares of rejected rows and of movies without metadata. Compared with the published generation, checks the
/// numbers of ratings, users, movies, described movies and recommended movies, the share of rejected rows, and the ends of
/// the files.
pub(super) fn checks(
    account: &Account,
    before: Option<&Account>,
    site: &Site,
    bounds: &Bounds,
) -> Vec<Check> {
    let mut checks = vec![rejected_share(account, bounds), unnamed(account, bounds)];
    let Some(before) = before else { return checks };
    for (name, now, then) in amounts(account, before, site) {
        checks.push(amount(name, now, then, bounds.max_loss, bounds.max_gain));
    }
    checks.push(more_rejected(account, before, bounds));
    checks.push(end("end of ratings", &account.source.ratings, &before.source.ratings));
    checks.push(end("end of movies", &account.source.movies, &before.source.movies));
    // Fewer recommended movies are a sign of a broken model; more are not.
    let (now, then) = (account.counts.recommended, before.counts.recommended);
    checks.push(amount(
        "movies recommended",
        now as f64,
        then as f64,
        bounds.max_coverage_loss,
        f64::INFINITY,
    ));
    checks
}

/// Returns the name of each amount, its number and the published one. What was denied on purpose is no loss: the published
/// numbers are those without the users and movies that were denied since.
fn amounts(account: &Account, before: &Account, site: &Site) -> [(&'static str, f64, f64); 4] {
    let (now, then) = (&account.counts, &before.counts);
    let (n_users, n_movies) = match &site.since_last {
        Some(Ok(found)) => (found.n_denied_users, found.n_denied_movies),
        Some(Err(_)) | None => (0.0, 0.0),
    };
    // All ratings count: the model may be trained on some of them.
    let n_ratings = account.rows.denied.saturating_sub(before.rows.denied);
    let without = |published: u64, denied: f64| (published as f64 - denied).max(0.0);
    [
        ("ratings", account.rows.kept as f64, without(before.rows.kept, n_ratings as f64)),
        ("users", now.users as f64, without(then.users, n_users)),
        ("movies", now.movies as f64, without(then.movies, n_movies)),
        ("movies described", account.movie_rows.kept as f64, without(before.movie_rows.kept, n_movies)),
    ]
}

/// Compares a number with the published one.
fn amount(name: &str, value: f64, before: f64, max_loss: f64, max_gain: f64) -> Check {
    let change = if before > 0.0 { value / before - 1.0 } else { 0.0 };
    // Zero is nothing to compare with.
    let good = before == 0.0 || (before * (1.0 - max_loss)..=before * (1.0 + max_gain)).contains(&value);
    let allowed = match max_gain {
        f64::INFINITY => format!("-{}", percent(max_loss)),
        _ => format!("-{} to +{}", percent(max_loss), percent(max_gain)),
    };
    let detail = format!("{value} {name} after {before}: {:+.1} % (allowed: {allowed})", 100.0 * change);
    check(name, good, value, Some(before), detail)
}

/// Checks that a file still ends with a line break if the published one did. A file that was cut off mostly does not. No
/// bound on amounts finds so small a loss.
fn end(name: &str, file: &SourceFile, before: &SourceFile) -> Check {
    let whole = file.ends_with_newline || !before.ends_with_newline;
    let how =
        if whole { "ends as before" } else { "ends within a row, as it did not before: it may be cut off" };
    yes_or_no(name, whole, format!("{} {how}", file.path))
}

pub(super) fn share_rejected(account: &Account) -> f64 {
    account.rows.rejected as f64 / account.rows.read.max(1) as f64
}

/// Checks the share of rejected rows by itself. The detail names the most frequent reason.
fn rejected_share(account: &Account, bounds: &Bounds) -> Check {
    let value = share_rejected(account);
    let good = value <= bounds.max_rejected;
    let reason =
        account.rows.rejected_by_reason.iter().max_by_key(|&(_, n)| n).map(|(name, _)| name.as_str());
    let most = reason.map_or_else(String::new, |name| format!(", most often for {}", name.replace('_', " ")));
    let advice = match reason {
        _ if good => "",
        Some("rating_out_of_range") => "; state the scale of the ratings with --min-rating and --max-rating",
        _ => "; rejects.csv lists the rows, and --max-rejected sets the bound",
    };
    let detail = format!(
        "{} of the rows rejected{most} (allowed: {}){advice}",
        percent(value),
        percent(bounds.max_rejected)
    );
    check("rejected share", good, value, None, detail)
}

fn more_rejected(account: &Account, before: &Account, bounds: &Bounds) -> Check {
    let (value, before) = (share_rejected(account), share_rejected(before));
    let detail = format!(
        "{} of the rows rejected after {} (allowed: {} more)",
        percent(value),
        percent(before),
        percent(bounds.max_more_rejected)
    );
    check("rejected rows", value - before <= bounds.max_more_rejected, value, Some(before), detail)
}

fn unnamed(account: &Account, bounds: &Bounds) -> Check {
    let counts = &account.counts;
    let value = counts.movies_without_metadata as f64 / counts.movies.max(1) as f64;
    let good = value <= bounds.max_unnamed;
    let advice = if good { "" } else { "; check that --movies describes them, or raise --max-unnamed" };
    let detail = format!(
        "{} of the rated movies without metadata (allowed: {}){advice}",
        percent(value),
        percent(bounds.max_unnamed)
    );
    check("movies without metadata", good, value, None, detail)
}
