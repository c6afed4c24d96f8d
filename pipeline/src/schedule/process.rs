//! A run as a process of its own, and the signals that stop it.
//!
//! SIGTERM and SIGINT end the keeper; while a run is at work they end that first. A run may be killed at any moment:
//! what it has not published is swept by the next.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{Clock, Ending, Job, Wait};

/// How often a run that is at work is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a run may take to end once it was told to; then it is killed.
const MERCY: Duration = Duration::from_secs(10);

/// The machine's clock, and the signals that end a wait by it.
#[derive(Debug, Clone)]
pub struct Signals {
    stop: Arc<Mutex<Receiver<()>>>,
}

impl Signals {
    /// Catches SIGTERM and SIGINT from here on.
    ///
    /// # Errors
    /// The system's, if it refuses.
    pub fn catch() -> io::Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT])?;
        let (sender, stop): (Sender<()>, _) = channel();
        thread::spawn(move || {
            for _ in signals.forever() {
                // Nobody listens any more once everything ends.
                let _ = sender.send(());
            }
        });
        Ok(Self { stop: Arc::new(Mutex::new(stop)) })
    }

    fn stopped_within(&self, time: Duration) -> Wait {
        match self.stop.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Wait::Over,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Wait::Stopped,
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

/// A program that is started anew for each run. Its exit code says what came of it, as that of `pipeline run` does.
#[derive(Debug)]
pub struct Subprocess {
    program: PathBuf,
    arguments: Vec<OsString>,
    signals: Signals,
}

impl Subprocess {
    /// A program with its arguments, ended by signals.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>, signals: Signals) -> Self {
        Self { program, arguments, signals }
    }

    /// Waits for the end, and passes on a stop.
    fn see_out(&self, child: &mut Child) -> io::Result<(ExitStatus, Wait)> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok((status, Wait::Over));
            }
            if self.signals.stopped_within(LOOK) == Wait::Stopped {
                return Ok((end(child)?, Wait::Stopped));
            }
        }
    }
}

impl Job for Subprocess {
    fn run(&mut self) -> Ending {
        let mut child = match Command::new(&self.program).args(&self.arguments).spawn() {
            Ok(child) => child,
            Err(e) => return Ending::Failed(format!("cannot start {}: {e}", self.program.display())),
        };
        match self.see_out(&mut child) {
            Ok((_, Wait::Stopped)) => Ending::Stopped,
            Ok((status, Wait::Over)) => ending(status),
            Err(e) => {
                // Never two at once: what cannot be waited for must not go on either.
                let _ = child.kill();
                let _ = child.wait();
                Ending::Failed(format!("cannot wait for the run: {e}"))
            }
        }
    }
}

/// Ends this process, a run, when its keeper is gone, however that ended: nobody else would wait for it. Linux alone can
/// do that; elsewhere the run goes on, and its lock keeps others out.
pub fn end_with_keeper() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::warn!("the run will not notice if its keeper is killed: {error}");
    }
}

/// What an exit says; the codes are those of the command line.
fn ending(status: ExitStatus) -> Ending {
    match status.code() {
        Some(0) => Ending::Succeeded,
        Some(2) => Ending::Misused,
        Some(3) => Ending::Refused,
        Some(4) => Ending::Busy,
        Some(code) => Ending::Failed(format!("code {code}")),
        None => Ending::Failed(status.to_string()),
    }
}

/// Tells a process to end, and waits until it has.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    tracing::info!(process = child.id(), "stopping the run that is at work");
    // It may just have ended by itself.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let start = Instant::now();
    while start.elapsed() < MERCY {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()
}
