//! How good the model was on held-out ratings, against the most rated movies and against what is published.

use store::manifest::{Account, Check};

use super::bounds::Bounds;
use super::{check, percent, skipped};

/// The figure of lists that decides. Of those that a run measures it is the steadiest: it looks at most of a list.
const LISTS: &str = "ndcg@100";
/// The figure of predicted stars that decides; less is better.
const STARS: &str = "rmse";

/// Lists better than the most rated movies; lists and stars not much worse than before.
pub(super) fn checks(tonight: &Account, before: Option<&Account>, bounds: &Bounds) -> Vec<Check> {
    let Some(&stars) = tonight.metrics.get(STARS) else {
        return vec![skipped("quality", "no ratings were held out (--test-fraction 0)".to_owned())];
    };
    let mut checks = vec![lift(tonight, bounds)];
    let Some(before) = before else { return checks };
    let comparable = |name: &str| {
        for (parameter, what) in
            [("test_fraction", "measured on another share"), ("trained_shards", "trained on other users")]
        {
            let of = |account: &Account| account.parameters.get(parameter).cloned();
            if of(tonight) != of(before) {
                let which = of(before).map_or_else(String::new, |value| format!(" ({value})"));
                return Err(format!("what is published was {what}{which}"));
            }
        }
        before.metrics.get(name).copied().ok_or_else(|| "what is published was not measured".to_owned())
    };
    if let Some(&lists) = tonight.metrics.get(LISTS) {
        checks.push(match comparable(LISTS) {
            Ok(before) => no_worse(LISTS, lists, before, -relative(lists, before), bounds),
            Err(why) => skipped(LISTS, why),
        });
    }
    checks.push(match comparable(STARS) {
        Ok(before) => no_worse(STARS, stars, before, relative(stars, before), bounds),
        Err(why) => skipped(STARS, why),
    });
    checks
}

fn no_worse(name: &str, value: f64, before: f64, loss: f64, bounds: &Bounds) -> Check {
    let allowed = percent(bounds.max_quality_loss);
    let change = if loss > 0.0 { format!("{} worse", percent(loss)) } else { "no worse".to_owned() };
    let detail = format!("{name} {value:.4} after {before:.4}: {change} (allowed: {allowed})");
    // A figure that is no number is not good.
    check(name, loss <= bounds.max_quality_loss, value, Some(before), detail)
}

/// How much more a figure is than another, as a share of that; where that is nothing, nothing is more.
fn relative(value: f64, of: f64) -> f64 {
    if of == 0.0 { 0.0 } else { value / of - 1.0 }
}

fn lift(tonight: &Account, bounds: &Bounds) -> Check {
    const NAME: &str = "lift over popularity";
    let popularity = format!("popularity_{LISTS}");
    let (Some(&model), Some(&popular)) = (tonight.metrics.get(LISTS), tonight.metrics.get(&popularity))
    else {
        return skipped(NAME, "no held-out rating could be found by a list".to_owned());
    };
    let lift = relative(model, popular);
    let detail = format!(
        "{LISTS} {model:.4} against {popular:.4} of the most rated movies: {:+.1} % (at least {:+.1} %)",
        100.0 * lift,
        100.0 * bounds.min_lift
    );
    check(NAME, lift >= bounds.min_lift, model, Some(popular), detail)
}
