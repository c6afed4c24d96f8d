//! Advice about errors that is a command. The library states the error; only the program knows how it was started and on
//! which repository.

use std::error::Error;

use pipeline::Error as BatchError;
use reading::Reason;
use store::Location;

use super::cli::N_SHARDS;
use super::invocation::Hints;

/// Returns the text of an error, with the command that helps where there is one.
pub(crate) fn with_advice(error: &(dyn Error + 'static), output: Option<&Location>) -> String {
    let known = error.downcast_ref::<BatchError>();
    let on_output =
        || known.zip(output).and_then(|(error, output)| advice(error, &Hints::about(output.clone())));
    match known.and_then(on_scale).or_else(on_output) {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

/// Returns the advice on ratings that are on another scale.
fn on_scale(error: &BatchError) -> Option<String> {
    use reading::Error::TooFewRatings;
    let example = match error {
        BatchError::Reading(TooFewRatings { example, .. })
        | BatchError::Evaluation(evaluation::Error::Reading(TooFewRatings { example, .. })) => example,
        _ => return None,
    };
    let reason = Reason::RatingOutOfRange.name().replace('_', " ");
    let advice = "state the scale of the ratings with --min-rating and --max-rating";
    example.contains(&reason).then(|| advice.to_owned())
}

fn advice(error: &BatchError, hints: &Hints) -> Option<String> {
    use store::Error::{
        BadCurrent, Damaged, Incomplete, NoRollbackTarget, NoSuchGeneration, NotPartitioned, OtherFormat,
        Overtaken,
    };
    match error {
        BatchError::NothingPublished { .. } => {
            Some(format!("publish with `{}`, or name another repository with --output", hints.run_on_files()))
        }
        BatchError::NotPrepared { .. } => {
            let run = hints.run_on_files();
            Some(format!(
                "start a run with `{run} --engine indexed --shards {N_SHARDS}` and leave it running"
            ))
        }
        BatchError::Store(Overtaken { generation, .. }) => {
            let command = hints.command([&"rollback", generation]);
            Some(format!("`{command}` publishes it"))
        }
        BatchError::Store(NotPartitioned { .. })
        | BatchError::Reading(reading::Error::Store(NotPartitioned { .. })) => {
            let command = hints.invocation().pipeline([&"partition"]);
            Some(format!("`{command}` cuts them"))
        }
        BatchError::Store(
            BadCurrent { .. }
            | NoRollbackTarget { .. }
            | NoSuchGeneration { .. }
            | Incomplete { .. }
            | OtherFormat { .. }
            | Damaged { .. },
        ) => {
            let command = hints.command([&"generations"]);
            Some(format!("`{command}` lists all generations"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_a_command_helps_with_names_the_command_and_the_repository() {
        let id: store::GenerationId = "20261124T023000.000Z".parse().unwrap();
        let hints = Hints::installed();
        let (advice, output) = (|error| advice(&error, &hints), hints.output());
        let text = advice(BatchError::NothingPublished { output: output.clone() }).unwrap();
        assert!(
            text.contains("`pipeline run --ratings RATINGS.csv --movies MOVIES.csv --output 'my lists'`"),
            "{text}"
        );
        let incomplete = store::Error::Incomplete { generation: id.clone(), location: output.to_string() };
        let text = advice(incomplete.into()).unwrap();
        assert_eq!(text, "`pipeline generations --output 'my lists'` lists all generations");
        let absent = store::Error::NoSuchGeneration { generation: id.clone(), location: output.to_string() };
        assert_eq!(advice(absent.into()).unwrap(), text);
        let uncut = store::Error::NotPartitioned { path: "shards.json".into() };
        assert!(advice(uncut.into()).unwrap().contains("`pipeline partition`"));
        let overtaken = store::Error::Overtaken { generation: id, from: "a".to_owned(), to: "b".to_owned() };
        let text = advice(overtaken.into()).unwrap();
        assert_eq!(text, "`pipeline rollback 20261124T023000.000Z --output 'my lists'` publishes it");
        let text = advice(BatchError::NotPrepared { location: output.clone(), job: None }).unwrap();
        assert!(text.contains("--output 'my lists' --engine indexed --shards 64`"), "{text}");
        let other = BatchError::BadRatings { problem: "other".to_owned() };
        assert_eq!(advice(other), None);
    }
}
