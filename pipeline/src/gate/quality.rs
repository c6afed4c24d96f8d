//! The quality of the model on held-out ratings, compared with the most rated movies and with the published generation.

use std::collections::BTreeMap;

use evaluation::judged_length;
use store::manifest::{Account, Check};

use super::bounds::Bounds;
use super::{check, percent, skipped};

/// The figure of predicted stars that is compared; less is better.
const STARS: &str = "rmse";

/// Checks that the lists are better than those of the most rated movies, and that lists and predicted stars are not much
/// worse than those of the published generation.
pub(super) fn checks(account: &Account, before: Option<&Account>, bounds: &Bounds) -> Vec<Check> {
    let Some(&stars) = account.metrics.get(STARS) else {
        let why = match account.parameters.get("test_fraction").and_then(serde_json::Value::as_f64) {
            Some(share) if share > 0.0 => "no rating could be held out, since the users have one rating each",
            _ => "no ratings were held out (--test-fraction 0)",
        };
        return vec![skipped("quality", why.to_owned())];
    };
    let mut checks = vec![lift(account, bounds)];
    let Some(before) = before else { return checks };
    let comparable = comparable(account, before);
    if account.metrics.contains_key(&judged(account)) {
        checks.push(lists_compared(account, before, comparable.as_ref(), bounds));
    }
    checks.push(match (comparable, before.metrics.get(STARS)) {
        (Err(why), _) => skipped(STARS, why),
        (Ok(()), None) => skipped(STARS, "the published generation was not measured".to_owned()),
        (Ok(()), Some(&before)) => no_worse(STARS, stars, before, relative(stars, before), bounds),
    });
    checks
}

/// Returns the figure of lists that is judged: of those that a run measures it looks at the longest part of a list, and
/// so varies the least.
pub(super) fn judged(account: &Account) -> String {
    let length = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let k = judged_length(length(account.counts.depth), length(account.counts.movies));
    format!("ndcg@{k}")
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
    let name = judged(account);
    if let Err(why) = comparable {
        return skipped(&name, why.clone());
    }
    let (of_run, of_published) = (ndcg_by_length(account), ndcg_by_length(before));
    let both = of_run.iter().rev().find_map(|(k, &value)| Some((k, value, *of_published.get(k)?)));
    match both {
        Some((k, value, before)) => {
            no_worse(&format!("ndcg@{k}"), value, before, -relative(value, before), bounds)
        }
        None if of_published.is_empty() => {
            skipped(&name, "the lists of the published generation were not measured".to_owned())
        }
        None => {
            let measured: Vec<_> = of_published.keys().map(|k| format!("ndcg@{k}")).collect();
            skipped(&name, format!("the published generation has {} only", measured.join(", ")))
        }
    }
}

/// Returns NDCG@k by k.
fn ndcg_by_length(account: &Account) -> BTreeMap<usize, f64> {
    let metrics = account.metrics.iter();
    metrics.filter_map(|(name, &value)| Some((name.strip_prefix("ndcg@")?.parse().ok()?, value))).collect()
}

/// Checks a figure that got worse by the share `loss`.
fn no_worse(name: &str, value: f64, before: f64, loss: f64, bounds: &Bounds) -> Check {
    let allowed = percent(bounds.max_quality_loss);
    let change = if loss > 0.0 { format!("{} worse", percent(loss)) } else { "no worse".to_owned() };
    let detail = format!("{name} {value:.4} after {before:.4}: {change} (allowed: {allowed})");
    // The comparison is false for a figure that is not a number.
    check(name, loss <= bounds.max_quality_loss, value, Some(before), detail)
}

/// Returns by which share `value` is above `of`; 0 where `of` is 0.
fn relative(value: f64, of: f64) -> f64 {
    if of == 0.0 { 0.0 } else { value / of - 1.0 }
}

/// Compares the lists with those of the most rated movies.
fn lift(account: &Account, bounds: &Bounds) -> Check {
    const NAME: &str = "lift over popularity";
    let name = judged(account);
    let figure = |name: &str| account.metrics.get(name).copied();
    let (Some(model), Some(popular)) = (figure(&name), figure(&format!("popularity_{name}"))) else {
        let why = "lists were not measured, as no held-out rating is high enough to be relevant";
        return skipped(NAME, why.to_owned());
    };
    let lift = relative(model, popular);
    let good = lift >= bounds.min_lift;
    // Where most rows were rejected, their check has the advice: the model cannot be good.
    let has_cause = super::drift::share_rejected(account) > bounds.max_rejected;
    let advice = match good || has_cause {
        true => "",
        false => "; try another --unobserved-weight or --factors, or lower --min-lift",
    };
    let detail = format!(
        "{name} {model:.4} against {popular:.4} of the most rated movies: {:+.1} % (at least {:+.1} %){advice}",
        100.0 * lift,
        100.0 * bounds.min_lift
    );
    check(NAME, good, model, Some(popular), detail)
}
