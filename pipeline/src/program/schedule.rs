//! `pipeline schedule`: the scheduler of the library with this program as its job.

use jiff::Timestamp;
use pipeline::ExitCode;
use pipeline::schedule::{self, RunOutcome, Scheduler, Signals, Subprocess};

use super::Result;
use super::cli::{AS_RUN, ScheduleArgs};

/// The times that `--next` prints.
const N_NEXT: usize = 5;

/// Runs the batch by its schedule until the process is stopped; with `--once` runs it once, with `--next` prints times.
pub(super) fn schedule(args: ScheduleArgs) -> Result<(String, ExitCode)> {
    let times = args.times();
    if args.next {
        return Ok((next_times(&times), ExitCode::Success));
    }
    let (retries, once) = (args.retries(), args.once);
    // A wrong setting ends the program at its start, not each run later.
    let settings = args.run.settings()?;
    settings.check()?;

    let program = std::env::current_exe()?;
    let arguments = std::env::args_os().skip(1).chain([AS_RUN.into()]).collect();
    let signals = Signals::catch()?;
    let job = Subprocess::new(program, arguments, signals.clone());
    let mut scheduler = Scheduler::new(times, retries, signals, job);
    if once {
        return Ok((String::new(), exit_code(&scheduler.run_with_retries())));
    }
    let last = match schedule::last_run(&settings.place) {
        Ok(Some(last)) => Some(last),
        Ok(None) => {
            tracing::info!("nothing was ever published; running now");
            scheduler.run_with_retries();
            None
        }
        Err(error) => {
            tracing::warn!("cannot find out whether a run was missed: {error}");
            None
        }
    };
    scheduler.run_until_stopped(last);
    Ok((String::new(), ExitCode::Success))
}

fn next_times(times: &schedule::Times) -> String {
    let mut instant = Timestamp::now();
    let next = std::iter::from_fn(|| {
        instant = times.next_after(instant)?;
        Some(times.shown(instant).strftime("%a %Y-%m-%d %H:%M:%S %Z (UTC%:z)").to_string())
    });
    next.take(N_NEXT).collect::<Vec<_>>().join("\n")
}

/// Returns the exit code of the run.
fn exit_code(outcome: &RunOutcome) -> ExitCode {
    match outcome {
        RunOutcome::Succeeded => ExitCode::Success,
        RunOutcome::Refused => ExitCode::Refused,
        RunOutcome::Busy => ExitCode::Busy,
        RunOutcome::InvalidUsage => ExitCode::Usage,
        RunOutcome::Failed(_) | RunOutcome::Stopped => ExitCode::Failure,
    }
}
