//! How much there is of what, against what is published, and whether the files look cut off.

use store::manifest::{Account, Check, SourceFile};

use super::bounds::Bounds;
use super::{check, percent, yes_or_no};

/// Ratings, users, movies and described movies within the bounds; rejected rows and movies without metadata below
/// theirs; the reach of the lists not narrowed.
pub(super) fn checks(tonight: &Account, before: Option<&Account>, bounds: &Bounds) -> Vec<Check> {
    let mut checks = vec![unnamed(tonight, bounds)];
    let Some(before) = before else { return checks };
    let of = |account: &Account| {
        let counts = &account.counts;
        // All that there are, whichever a model was trained on.
        [account.rows.kept, counts.users, counts.movies, account.movie_rows.kept]
    };
    let names = ["ratings", "users", "movies", "movies described"];
    for ((name, now), then) in names.into_iter().zip(of(tonight)).zip(of(before)) {
        checks.push(amount(name, now, then, bounds.max_loss, bounds.max_gain));
    }
    checks.push(rejected(tonight, before, bounds));
    checks.push(end("end of ratings", &tonight.source.ratings, &before.source.ratings));
    checks.push(end("end of movies", &tonight.source.movies, &before.source.movies));
    // Narrower lists are a sign of a broken model; wider ones are none.
    let reach = |account: &Account| account.counts.recommended;
    let narrowed =
        amount("movies recommended", reach(tonight), reach(before), bounds.max_coverage_loss, f64::INFINITY);
    checks.push(narrowed);
    checks
}

/// An amount against the one before.
fn amount(name: &str, value: u64, before: u64, max_loss: f64, max_gain: f64) -> Check {
    let (value, before) = (value as f64, before as f64);
    let change = if before > 0.0 { value / before - 1.0 } else { 0.0 };
    // Where there was nothing there is nothing to compare with.
    let good = before == 0.0 || (before * (1.0 - max_loss)..=before * (1.0 + max_gain)).contains(&value);
    let allowed = match max_gain {
        f64::INFINITY => format!("-{}", percent(max_loss)),
        _ => format!("-{} to +{}", percent(max_loss), percent(max_gain)),
    };
    let detail = format!("{value} {name} after {before}: {:+.1} % (allowed: {allowed})", 100.0 * change);
    check(name, good, value, Some(before), detail)
}

/// A file that used to end with a newline and does not any more was cut off: no bound on amounts is as sharp.
fn end(name: &str, tonight: &SourceFile, before: &SourceFile) -> Check {
    let whole = tonight.ends_with_newline || !before.ends_with_newline;
    let how =
        if whole { "ends as before" } else { "ends within a row, as it did not before: it may be cut off" };
    yes_or_no(name, whole, format!("{} {how}", tonight.path))
}

fn rejected(tonight: &Account, before: &Account, bounds: &Bounds) -> Check {
    let share = |account: &Account| account.rows.rejected as f64 / account.rows.read.max(1) as f64;
    let (value, before) = (share(tonight), share(before));
    let detail = format!(
        "{} of the rows rejected after {} (allowed: {} more)",
        percent(value),
        percent(before),
        percent(bounds.max_more_rejected)
    );
    check("rejected rows", value - before <= bounds.max_more_rejected, value, Some(before), detail)
}

fn unnamed(tonight: &Account, bounds: &Bounds) -> Check {
    let counts = &tonight.counts;
    let value = counts.movies_without_metadata as f64 / counts.movies.max(1) as f64;
    let detail = format!(
        "{} of the rated movies without metadata (allowed: {})",
        percent(value),
        percent(bounds.max_unnamed)
    );
    check("movies without metadata", value <= bounds.max_unnamed, value, None, detail)
}
