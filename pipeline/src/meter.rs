//! Time and memory by phase, for the manifest and the report of a run.

use std::collections::BTreeMap;
use std::time::Instant;

use store::manifest::{Phase, Usage};

/// Adds up the time of each phase and keeps its peak of memory. A phase may be measured in slices.
#[derive(Debug, Default)]
pub struct Meter {
    phases: BTreeMap<Phase, Usage>,
}

impl Meter {
    /// Does some work and adds its time and memory to a phase.
    pub fn measure<T>(&mut self, phase: Phase, work: impl FnOnce() -> T) -> T {
        reset_peak();
        let start = Instant::now();
        let result = work();
        let total = self.phases.entry(phase).or_default();
        total.seconds += start.elapsed().as_secs_f64();
        total.peak_rss_bytes = total.peak_rss_bytes.max(peak_rss_bytes());
        result
    }

    /// Returns the time and memory of a phase until now.
    #[must_use]
    pub fn usage(&self, phase: Phase) -> Usage {
        self.phases.get(&phase).copied().unwrap_or_default()
    }

    /// Returns the phases measured until now, in order.
    #[must_use]
    pub fn phases(&self) -> &BTreeMap<Phase, Usage> {
        &self.phases
    }
}

/// Resets the peak of memory that Linux keeps for the process. Other systems have no such peak.
#[cfg(target_os = "linux")]
fn reset_peak() {
    // If the kernel refuses, the peaks are those since the start of the process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(target_os = "linux")]
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

#[cfg(not(target_os = "linux"))]
fn reset_peak() {}

#[cfg(not(target_os = "linux"))]
fn peak_rss_bytes() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_a_phase_add_up() {
        let mut meter = Meter::default();
        assert_eq!(meter.measure(Phase::Score, || 7), 7);
        let first = meter.usage(Phase::Score);
        meter.measure(Phase::Score, || ());
        assert!(meter.usage(Phase::Score).seconds >= first.seconds);
        assert_eq!(meter.phases().len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_a_phase_holds_is_in_its_peak() {
        let mut meter = Meter::default();
        meter.measure(Phase::Train, || std::hint::black_box(vec![1u8; 200 << 20]).len());
        meter.measure(Phase::Score, || ());
        assert!(meter.usage(Phase::Train).peak_rss_bytes > 200 << 20);
    }
}
