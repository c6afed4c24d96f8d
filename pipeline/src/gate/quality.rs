//! The quality of the model on held-out ratings, compared with the most rated movies and with the published generation.

use std::collections::BTreeMap;

use evaluation::{Metric, judged_length};
use store::manifest::{Account, Check};

use super::bounds::Bounds;
use super::{check, percent, skipped};

/// The figure of predicted stars that is compared; less is better.
const STARS: Metric = Metric::Rmse;
/// The standard errors below which the difference of two runs is noise. It is large because runs are daily and each has
/// a split of its own: without a cause, one of some ten thousand runs exceeds it.
const ERRORS_BETWEEN_RUNS: f64 = 4.0;
/// The standard errors below which the difference from popularity is noise, which is measured on the same split.
const ERRORS_OF_LIFT: f64 = 3.0;

/// Checks that the lists are better than those of the most rated movies, and that lists and predicted stars are not much
/// worse than those of the published generation.
pub(super) fn checks(account: &Account, before: Option<&Account>, bounds: &Bounds) -> Vec<Check> {
    let Some(stars) = STARS.of(&account.metrics) else {
        let why = match account.parameters.get("test_fraction").and_then(serde_json::Value::as_f64) {
            Some(share) if share > 0.0 => "no rating could be held out, since the users have one rating each",
            _ => "no ratings were held out (--test-fraction 0)",
        };
        return vec![skipped("quality", why.to_owned())];
    };
    let mut checks = vec![lift(account, bounds)];
    let Some(before) = before else { return checks };
    let comparable = comparable(account, before);
    if judged(account).of(&account.metrics).is_some() {
        checks.push(lists_compared(account, before, comparable.as_ref(), bounds));
    }
    let name = STARS.key();
    checks.push(match (comparable, STARS.of(&before.metrics)) {
        (Err(why), _) => skipped(&name, why),
        (Ok(()), None) => skipped(&name, "the published generation was not measured".to_owned()),
        (Ok(()), Some(of_before)) => {
            let noise = noise_of_stars((account, stars), (before, of_before));
            no_worse(STARS, (stars, of_before), relative(stars, of_before), noise, bounds)
        }
    });
    checks
}

/// Returns the figure of lists that is judged: of those that a run measures it looks at the longest part of a list, and
/// so varies the least.
pub(super) fn judged(account: &Account) -> Metric {
    let length = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Metric::Ndcg(judged_length(length(account.counts.depth), length(account.counts.movies)))
}

/// Checks that both generations were measured in the same way.
fn comparable(account: &Account, before: &Account) -> Result<(), String> {
    for (parameter, how) in
        [("test_fraction", "measured on another share"), ("trained_shards", "trained on other users")]
    {
        let of = |account: &Account| account.parameters.get(parameter).cloned();
        if of(account) != of(before) {
            let which = of(before).map_or_else(String::new, |value| format!(" ({value})"));
            return Err(format!("the published generation was {how}{which}"));
        }
    }
    let bound = |account: &Account| account.measurement.as_ref().map(|measurement| measurement.relevant_at);
    match (bound(account), bound(before)) {
        (Some(now), Some(then)) if now != then => {
            let stars = then.map_or("any rating".to_owned(), |least| format!("{least} stars or more"));
            Err(format!("for the published generation {stars} counted as relevant"))
        }
        _ => Ok(()),
    }
}

/// Compares the lists by the longest NDCG@k that both generations have.
fn lists_compared(
    account: &Account,
    before: &Account,
    comparable: Result<&(), &String>,
    bounds: &Bounds,
) -> Check {
    let name = judged(account).key();
    if let Err(why) = comparable {
        return skipped(&name, why.clone());
    }
    let (of_run, of_published) = (ndcg_by_length(account), ndcg_by_length(before));
    let both =
        of_run.iter().rev().find_map(|(k, &value)| Some((Metric::Ndcg(*k), value, *of_published.get(k)?)));
    match both {
        Some((metric, value, of_before)) => {
            let noise = noise_between(metric, account, before);
            no_worse(metric, (value, of_before), -relative(value, of_before), noise, bounds)
        }
        None if of_published.is_empty() => {
            skipped(&name, "the lists of the published generation were not measured".to_owned())
        }
        None => {
            let measured: Vec<_> = of_published.keys().map(|&k| Metric::Ndcg(k).key()).collect();
            skipped(&name, format!("the published generation has {} only", measured.join(", ")))
        }
    }
}

/// Returns NDCG@k by k.
fn ndcg_by_length(account: &Account) -> BTreeMap<usize, f64> {
    let measured = Metric::all_in(&account.metrics).into_iter();
    let of_length = |metric| match metric {
        Metric::Ndcg(k) => Some((k, metric.of(&account.metrics)?)),
        _ => None,
    };
    measured.filter_map(of_length).collect()
}

/// Returns the noise of the difference of two runs, whose users are held out independently. That of a run that recorded
/// none is taken to be that of the other. `None` where both recorded none.
fn noise_between(metric: Metric, account: &Account, before: &Account) -> Option<f64> {
    let error = |account: &Account| account.metrics.get(&metric.error_key()).copied();
    let (now, then) = (error(account), error(before));
    let (now, then) = (now.or(then)?, then.or(now)?);
    Some(ERRORS_BETWEEN_RUNS * now.hypot(then))
}

/// Returns the noise of the difference of the errors of predicted stars of two runs: that of a root mean square of `n` normal
/// errors, which is the share `1 / sqrt(2 n)` of it. `None` where nothing was held out.
fn noise_of_stars(now: (&Account, f64), then: (&Account, f64)) -> Option<f64> {
    let error = |(account, rmse): (&Account, f64)| {
        let n = account.parameters.get("test_fraction")?.as_f64()? * account.counts.ratings as f64;
        (n > 0.0).then(|| rmse / (2.0 * n).sqrt())
    };
    Some(ERRORS_BETWEEN_RUNS * error(now)?.hypot(error(then)?))
}

/// Checks that a figure, of the run and of the published generation, got worse by a share that is allowed. A larger share
/// whose difference is noise decides nothing.
fn no_worse(
    metric: Metric,
    (value, before): (f64, f64),
    loss: f64,
    noise: Option<f64>,
    bounds: &Bounds,
) -> Check {
    let name = metric.key();
    let allowed = percent(bounds.max_quality_loss);
    let change = if loss > 0.0 { format!("{} worse", percent(loss)) } else { "no worse".to_owned() };
    let detail = format!("{name} {value:.4} after {before:.4}: {change} (allowed: {allowed})");
    // The comparison is false for a figure that is not a number.
    let good = loss <= bounds.max_quality_loss;
    match noise {
        Some(noise) if !good && (value - before).abs() < noise => undecided(&name, &detail, noise),
        _ => check(&name, good, value, Some(before), detail),
    }
}

/// Makes a check of a difference that is less than the noise of the split, which neither passes nor fails.
fn undecided(name: &str, detail: &str, noise: f64) -> Check {
    skipped(name, format!("{detail}; the held-out ratings are too few to tell a difference below {noise:.4}"))
}

/// Returns by which share `value` is above `of`; 0 where `of` is 0.
fn relative(value: f64, of: f64) -> f64 {
    if of == 0.0 { 0.0 } else { value / of - 1.0 }
}

/// Compares the lists with those of the most rated movies.
fn lift(account: &Account, bounds: &Bounds) -> Check {
    const NAME: &str = "lift over popularity";
    let (metric, metrics) = (judged(account), &account.metrics);
    let name = metric.key();
    let (Some(model), Some(popular)) = (metric.of(metrics), metric.of_popularity(metrics)) else {
        let why = "lists were not measured, as no held-out rating is high enough to be relevant";
        return skipped(NAME, why.to_owned());
    };
    let lift = relative(model, popular);
    let good = lift >= bounds.min_lift;
    let detail = format!(
        "{name} {model:.4} against {popular:.4} of the most rated movies: {:+.1} % (at least {:+.1} %)",
        100.0 * lift,
        100.0 * bounds.min_lift
    );
    let noise = metrics.get(&metric.lift_error_key()).map(|error| ERRORS_OF_LIFT * error);
    let distance = (model - popular * (1.0 + bounds.min_lift)).abs();
    match noise {
        Some(noise) if distance < noise => undecided(NAME, &detail, noise),
        _ => {
            // Where most rows were rejected, their check has the advice: the model cannot be good.
            let has_cause = super::drift::share_rejected(account) > bounds.max_rejected;
            let advice = match good || has_cause {
                true => "",
                false => "; try another --unobserved-weight or --factors, or lower --min-lift",
            };
            check(NAME, good, model, Some(popular), detail + advice)
        }
    }
}
