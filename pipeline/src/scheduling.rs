//! `pipeline schedule`: the keeper of `pipeline::schedule` with this program as its job.

use std::process::ExitCode;

use jiff::Timestamp;
use pipeline::schedule::{self, Ending, Keeper, Signals, Subprocess};

use crate::cli::{AS_RUN, ScheduleArgs};
use crate::{BUSY, Done, REFUSED, WRONG_USAGE};

/// The times that `--next` prints.
const SHOWN: usize = 5;

/// Keeps the schedule until it is stopped; or does what else was asked.
pub(crate) fn schedule(args: ScheduleArgs) -> Done {
    let times = args.times()?;
    if args.next {
        return Ok((next_times(&times), ExitCode::SUCCESS));
    }
    let (retries, once) = (args.retries(), args.once);
    // What every run would fail for had better be known before the night.
    let settings = args.run.settings()?;
    settings.check()?;

    let program = std::env::current_exe()?;
    let arguments = std::env::args_os().skip(1).chain([AS_RUN.into()]).collect();
    let signals = Signals::catch()?;
    let job = Subprocess::new(program, arguments, signals.clone());
    let mut keeper = Keeper::new(times, retries, signals, job);
    if once {
        return Ok((String::new(), code_of(&keeper.see_through())));
    }
    let last = match schedule::last_run(&settings.place) {
        Ok(Some(last)) => Some(last),
        Ok(None) => {
            tracing::info!("there are no lists yet; making the first now");
            keeper.see_through();
            None
        }
        Err(error) => {
            tracing::warn!("whether a run was missed is not known: {error}");
            None
        }
    };
    keeper.keep(last);
    Ok((String::new(), ExitCode::SUCCESS))
}

fn next_times(times: &schedule::Times) -> String {
    let mut instant = Timestamp::now();
    let next = std::iter::from_fn(|| {
        instant = times.next_after(instant)?;
        Some(times.shown(instant).strftime("%a %Y-%m-%d %H:%M:%S %Z (UTC%:z)").to_string())
    });
    next.take(SHOWN).collect::<Vec<_>>().join("\n")
}

/// The code that the run itself ended with.
fn code_of(ending: &Ending) -> ExitCode {
    match ending {
        Ending::Succeeded => ExitCode::SUCCESS,
        Ending::Refused => ExitCode::from(REFUSED),
        Ending::Busy => ExitCode::from(BUSY),
        Ending::Misused => ExitCode::from(WRONG_USAGE),
        Ending::Failed(_) | Ending::Stopped => ExitCode::FAILURE,
    }
}
