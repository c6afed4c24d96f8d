//! The outcome and the metrics of a run for Prometheus, as a file for the textfile collector of node_exporter.
//!
//! The file is replaced after every run, also a failed one. A run that is killed leaves it unchanged. Each file carries
//! over the time of the last successful run, so that an alert on its age notices every kind of failure.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::manifest::{self, Account, Manifest, Verdict};

use crate::error::Result;
use crate::run::{Outcome, Report};

const LAST_SUCCESS: &str = "recommender_batch_last_success_timestamp_seconds";
/// The values of the label `outcome`, of which one has the value 1.
const OUTCOMES: [&str; 6] = ["published", "unchanged", "withdrawn", "refused", "busy", "failed"];

/// The maximum length of the existing file.
const MAX_BYTES: u64 = 1 << 20;

type Number = Gauge<f64, AtomicU64>;
type Numbers = Family<Vec<(&'static str, String)>, Number>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InfoLabels {
    generation: String,
    version: String,
}

/// Writes the outcome of a run that began at `start` and has just ended.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store) if the file cannot be replaced.
pub fn write(path: &Path, start: Timestamp, ended: &Result<Report>) -> Result<()> {
    let end = Timestamp::now();
    let text = text(start, end, ended, last_success(path));
    // The collector reads *.prom only, so it never reads the draft.
    Ok(store::durable::write_file(path, |file| file.write_all(text.as_bytes()))?)
}

/// Returns the time of the last successful run, from the existing file.
fn last_success(path: &Path) -> Option<f64> {
    let before = String::from_utf8(store::files::read(path, MAX_BYTES).ok()?).ok()?;
    before.lines().find_map(|line| line.strip_prefix(LAST_SUCCESS)?.trim().parse().ok())
}

fn text(start: Timestamp, end: Timestamp, ended: &Result<Report>, last_success: Option<f64>) -> String {
    let outcome = match ended {
        Ok(report) => match report.outcome {
            Outcome::Published => "published",
            Outcome::Unchanged => "unchanged",
            Outcome::Withdrawn => "withdrawn",
            Outcome::Refused => "refused",
        },
        Err(error) if error.is_busy() => "busy",
        Err(_) => "failed",
    };
    let mut metrics = Metrics::default();
    let outcomes = OUTCOMES.map(|name| (name.to_owned(), f64::from(u8::from(name == outcome))));
    metrics.numbers("outcome", "Outcome of the last run", "outcome", outcomes);
    metrics.number("last_run_timestamp_seconds", "Time at which the last run ended", seconds_of(end));
    metrics.number("duration_seconds", "Duration of the last run", start.duration_until(end).as_secs_f64());
    let succeeded = matches!(outcome, "published" | "unchanged" | "withdrawn");
    if let Some(time) = if succeeded { Some(seconds_of(end)) } else { last_success } {
        let name = LAST_SUCCESS.trim_start_matches("recommender_batch_");
        metrics.number(name, "Time of the last run that published or had nothing to do", time);
    }
    if let Ok(report) = ended {
        let behind = report.dated_ahead.as_ref().map_or(0, |ahead| ahead.seconds);
        let help = "Time by which the latest generation was dated ahead of the clock when the run began";
        metrics.number("clock_behind_seconds", help, behind as f64);
        metrics.generation(&report.manifest);
        // A run that had nothing to do has none: those of the manifest are of the run that made the generation.
        if matches!(report.outcome, Outcome::Published | Outcome::Refused) {
            metrics.phases(&report.manifest.account);
        }
    }
    metrics.encode()
}

fn seconds_of(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

/// Returns text, which may come from a manifest, as the value of a label. `prometheus_client` writes labels as they are.
fn label_of(text: &str) -> String {
    printable::line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// The metrics of the file.
#[derive(Debug, Default)]
struct Metrics {
    registry: Registry,
}

impl Metrics {
    fn number(&mut self, name: &str, help: &str, value: f64) {
        let number = Number::default();
        number.set(value);
        self.registry.register(format!("recommender_batch_{name}"), help, number);
    }

    fn numbers(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (String, f64)>,
    ) {
        let numbers = Numbers::default();
        for (word, value) in values {
            numbers.get_or_create(&vec![(label, label_of(&word))]).set(value);
        }
        self.registry.register(format!("recommender_batch_{name}"), help, numbers);
    }

    /// Adds the account of a generation: the one made, or the one that was unchanged.
    fn generation(&mut self, manifest: &Manifest) {
        let account = &manifest.account;
        let info = Family::<InfoLabels, Number>::default();
        let (generation, version) = (manifest.generation.to_string(), label_of(&account.code_version));
        info.get_or_create(&InfoLabels { generation, version }).set(1.0);
        self.registry.register(
            "recommender_batch_generation",
            "The generation that the last run ended with",
            info,
        );

        let (rows, movies) = (&account.rows, &account.movie_rows);
        let named = |counts: &[(&str, u64)]| {
            counts.iter().map(|&(name, n)| (name.to_owned(), n as f64)).collect::<Vec<_>>()
        };
        let ratings = [
            ("kept", rows.kept),
            ("merged", rows.merged),
            ("rejected", rows.rejected),
            ("denied", rows.denied),
        ];
        self.numbers("rows", "Rows of the ratings, by outcome", "outcome", named(&ratings));
        let reasons = rows.rejected_by_reason.iter().map(|(reason, &n)| (reason.clone(), n as f64));
        self.numbers("rejected_rows", "Rejected rows of the ratings, by reason", "reason", reasons);
        let movies = [("kept", movies.kept), ("rejected", movies.rejected), ("denied", movies.denied)];
        self.numbers("movie_rows", "Rows of the movies, by outcome", "outcome", named(&movies));
        let counts = &account.counts;
        let of = [("users", counts.users), ("movies", counts.movies), ("ratings", counts.ratings)];
        self.numbers("size", "Size of the training data", "of", named(&of));

        let quality = account.metrics.iter().map(|(name, &figure)| (name.clone(), figure));
        self.numbers("metric", "Quality on held-out ratings", "name", quality);

        let gate = &account.gate;
        let passed = f64::from(u8::from(gate.verdict != Verdict::Refused));
        self.number("gate_passed", "Whether the gate let the generation pass, also by force", passed);
        let n = |outcome| gate.checks.iter().filter(|check| check.outcome == outcome).count() as u64;
        let checks = [
            ("passed", n(manifest::Outcome::Passed)),
            ("failed", n(manifest::Outcome::Failed)),
            ("skipped", n(manifest::Outcome::Skipped)),
        ];
        self.numbers("gate_checks", "Checks of the gate, by outcome", "outcome", named(&checks));
    }

    /// Adds the time and the memory of the phases of a run.
    fn phases(&mut self, account: &Account) {
        let phases = || account.phases.iter();
        let seconds = phases().map(|(phase, usage)| (phase.to_string(), usage.seconds));
        self.numbers("phase_seconds", "Duration of each phase", "phase", seconds);
        let peaks = phases().map(|(phase, usage)| (phase.to_string(), usage.peak_rss_bytes as f64));
        self.numbers("phase_peak_memory_bytes", "Peak memory of each phase", "phase", peaks);
    }

    fn encode(self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // A `String` accepts every write.
            tracing::error!("the metrics cannot be written as text; please report it");
        }
        text
    }
}

#[cfg(test)]
mod tests;
