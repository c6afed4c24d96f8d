//! Runs as processes of their own, and the signals that stop them.
//!
//! SIGTERM and SIGINT end the scheduler, and before it the run in progress. A run may be killed at any time: the next one
//! removes its unpublished files.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{Clock, Job, RunOutcome, Wait};
use crate::ExitCode;

/// The pause between two checks of a run in progress.
const POLL: Duration = Duration::from_millis(50);
/// The time that a run has between SIGTERM and SIGKILL.
const TERM_GRACE: Duration = Duration::from_secs(10);

/// The system clock, whose waits end at a signal, and at once after one.
#[derive(Debug, Clone)]
pub struct Signals {
    stop: Arc<Mutex<Receiver<()>>>,
    is_stopped: Arc<AtomicBool>,
}

impl Signals {
    /// Catches SIGTERM and SIGINT from now on.
    ///
    /// # Errors
    /// The error of the system if the handlers cannot be set.
    pub fn catch() -> io::Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT])?;
        let (sender, stop): (Sender<()>, _) = channel();
        thread::spawn(move || {
            for _ in signals.forever() {
                // The receiver is gone once the program ends.
                let _ = sender.send(());
            }
        });
        Ok(Self { stop: Arc::new(Mutex::new(stop)), is_stopped: Arc::default() })
    }

    fn stopped_within(&self, time: Duration) -> Wait {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Wait::Stopped;
        }
        match self.stop.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Wait::Over,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                // A signal that has ended a run must end the scheduler, too.
                self.is_stopped.store(true, Ordering::Relaxed);
                Wait::Stopped
            }
        }
    }
}

impl Clock for Signals {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn wait(&mut self, time: Duration) -> Wait {
        self.stopped_within(time)
    }
}

/// A program that is started for each run. Its exit codes are those of [`ExitCode`].
#[derive(Debug)]
pub struct Subprocess {
    program: PathBuf,
    arguments: Vec<OsString>,
    signals: Signals,
}

impl Subprocess {
    /// Returns a program with its arguments, to be ended by signals.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>, signals: Signals) -> Self {
        Self { program, arguments, signals }
    }

    /// Waits for the end of the process, and ends it at a signal.
    fn wait_for(&self, child: &mut Child) -> io::Result<(ExitStatus, Wait)> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok((status, Wait::Over));
            }
            if self.signals.stopped_within(POLL) == Wait::Stopped {
                return Ok((end(child)?, Wait::Stopped));
            }
        }
    }
}

impl Job for Subprocess {
    fn run(&mut self) -> RunOutcome {
        let mut child = match Command::new(&self.program).args(&self.arguments).spawn() {
            Ok(child) => child,
            Err(e) => return RunOutcome::Failed(format!("cannot start {}: {e}", self.program.display())),
        };
        match self.wait_for(&mut child) {
            Ok((_, Wait::Stopped)) => RunOutcome::Stopped,
            Ok((status, Wait::Over)) => outcome_of(status),
            Err(e) => {
                // There must never be two runs at once.
                let _ = child.kill();
                let _ = child.wait();
                RunOutcome::Failed(format!("cannot wait for the run: {e}"))
            }
        }
    }
}

/// Has this process receive SIGTERM when its parent, the scheduler, ends in any way. Only Linux can do that. On other
/// systems the run continues, and its lock keeps other runs out.
pub fn stop_with_parent() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::warn!("the run will continue if its scheduler is killed: {error}");
    }
}

/// Returns the outcome that an exit status stands for.
fn outcome_of(status: ExitStatus) -> RunOutcome {
    match status.code().map(|number| (number, ExitCode::from_number(number))) {
        Some((_, Some(ExitCode::Success))) => RunOutcome::Succeeded,
        Some((_, Some(ExitCode::Usage))) => RunOutcome::InvalidUsage,
        Some((_, Some(ExitCode::Refused))) => RunOutcome::Refused,
        Some((_, Some(ExitCode::Busy))) => RunOutcome::Busy,
        Some((number, Some(ExitCode::Failure) | None)) => RunOutcome::Failed(format!("code {number}")),
        None => RunOutcome::Failed(status.to_string()),
    }
}

/// Ends a process by SIGTERM, or by SIGKILL after [`TERM_GRACE`].
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    tracing::info!(process = child.id(), "stopping the run in progress");
    // An error means that it has just ended by itself.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let start = Instant::now();
    while start.elapsed() < TERM_GRACE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(POLL);
    }
    child.kill()?;
    child.wait()
}
