//! Progress bars on a terminal. Without a terminal they are hidden.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Makes a progress bar for each phase.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    visible: bool,
}

/// The unit of a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown in kB, MB and so on.
    Bytes,
    /// Anything else.
    Count,
}

impl Progress {
    /// Shows bars on standard error if that is a terminal.
    #[must_use]
    pub fn on_terminal() -> Self {
        Self { visible: std::io::stderr().is_terminal() }
    }

    /// Shows no bars, for tests and for `--quiet`.
    #[must_use]
    pub fn hidden() -> Self {
        Self { visible: false }
    }

    /// Makes a bar for a phase, which sets its length. The bar disappears when it is dropped.
    #[must_use]
    pub fn bar(&self, phase: &'static str, unit: Unit) -> ProgressBar {
        let count = match unit {
            Unit::Bytes => "{decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}",
            Unit::Count => "{human_pos}/{human_len}  {per_sec}",
        };
        let template = format!("{{prefix:>10}} {{bar:32}} {count}  {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let target = if self.visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style).with_prefix(phase);
        if self.visible {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_bar_counts() {
        let bar = Progress::hidden().bar("reading", Unit::Bytes);
        bar.set_length(10);
        bar.inc(4);
        assert_eq!((bar.position(), bar.length()), (4, Some(10)));
    }
}
