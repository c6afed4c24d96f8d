//! Time and memory by phase, for the manifest.

use std::collections::BTreeMap;
use std::time::Instant;

use store::manifest::Phase;

/// Adds up what each phase takes. A phase may be measured in slices.
#[derive(Debug, Default)]
pub struct Meter {
    phases: BTreeMap<String, Phase>,
}

impl Meter {
    /// Does some work of a phase and counts it.
    pub fn measure<T>(&mut self, phase: &str, work: impl FnOnce() -> T) -> T {
        reset_peak();
        let start = Instant::now();
        let result = work();
        let total = self.phases.entry(phase.to_owned()).or_default();
        total.seconds += start.elapsed().as_secs_f64();
        total.peak_rss_bytes = total.peak_rss_bytes.max(peak_rss_bytes());
        result
    }

    /// What a phase has taken until now.
    #[must_use]
    pub fn phase(&self, phase: &str) -> Phase {
        self.phases.get(phase).copied().unwrap_or_default()
    }

    /// All phases by name.
    #[must_use]
    pub fn into_phases(self) -> BTreeMap<String, Phase> {
        self.phases
    }
}

/// Linux keeps the peak since the last reset; other systems are not asked.
#[cfg(target_os = "linux")]
fn reset_peak() {
    // Where the kernel refuses, peaks are those since the start of the process.
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
        assert_eq!(meter.measure("score", || 7), 7);
        let first = meter.phase("score");
        meter.measure("score", || ());
        assert!(meter.phase("score").seconds >= first.seconds);
        assert_eq!(meter.into_phases().len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_a_phase_held_shows_in_its_peak() {
        let mut meter = Meter::default();
        meter.measure("big", || std::hint::black_box(vec![1u8; 200 << 20]).len());
        meter.measure("small", || ());
        assert!(meter.phase("big").peak_rss_bytes > 200 << 20);
    }
}
