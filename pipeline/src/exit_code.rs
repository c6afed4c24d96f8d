//! The exit codes of the `pipeline` program: `main` ends with them, the scheduler reads them from its runs, and
//! `--help` lists them.

use std::fmt::Write;

/// The outcome of a command, as a number for the calling process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Success = 0,
    /// The command failed, or `verify` found a fault.
    Failure = 1,
    /// The command line or a setting is invalid. The number is the one that clap uses.
    Usage = 2,
    /// The run made a generation and its gate refused it.
    Refused = 3,
    /// Another run holds the lock or has published in the meantime.
    Busy = 4,
}

impl ExitCode {
    /// All exit codes, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Success, Self::Failure, Self::Usage, Self::Refused, Self::Busy];

    /// Returns the number that the process ends with.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the exit code with a number, if there is one.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|code| i32::from(code.number()) == number)
    }

    /// Returns the exit code for an error of the library: [`ExitCode::Busy`] if a later attempt may succeed.
    #[must_use]
    pub fn of_error(error: &crate::Error) -> Self {
        if error.is_busy() { Self::Busy } else { Self::Failure }
    }

    /// Returns a table of all exit codes for a help text, one line each.
    #[must_use]
    pub fn help() -> String {
        let mut text = "Exit codes:".to_owned();
        for code in Self::ALL {
            // A `String` accepts every write.
            let _ = write!(text, "\n  {}  {}", code.number(), code.meaning());
        }
        text
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done",
            Self::Failure => "failed, or `verify` found a fault",
            Self::Usage => "invalid option or setting",
            Self::Refused => "the gate refused the generation of the run",
            Self::Busy => "another run holds the lock, or has published in the meantime",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_has_its_own_number_and_a_line_in_the_help() {
        let help = ExitCode::help();
        for (place, code) in ExitCode::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(code.number()), place);
            assert_eq!(ExitCode::from_number(place as i32), Some(code));
            assert!(help.contains(&format!("\n  {place}  ")), "{help}");
        }
        assert_eq!((ExitCode::from_number(5), ExitCode::from_number(-1)), (None, None));
    }
}
