//! The origin of a value that the program refuses: only the settings know where it was given.

use clap::Arg;
use limits::Refused;

use crate::command_line::{Sources, setting};
use crate::effective::{deepest, origin_of};
use crate::error::{Error, Given, Origin};

impl Sources {
    /// Returns the error for a value that the program refuses: by its option, or by its line and key in the file, or by its
    /// variable. If it contradicts another one and is a default, the error is about the other.
    #[must_use]
    pub fn explain(&self, refused: &Refused) -> Error {
        let Refused { option, value, against, problem } = refused;
        let given = self.given(option, value);
        let against = against.as_ref().map(|(option, value)| self.given(option, value));
        let (given, against) = match against {
            Some(other) if given.origin == Origin::Default && other.origin != Origin::Default => {
                (other, Some(given))
            }
            against => (given, against),
        };
        Error::Unfit { given: given.into(), against: against.map(Box::new), detail: problem.clone() }
    }

    fn given(&self, option: &str, value: &str) -> Given {
        let (arguments, matches) = deepest(self);
        let is_it = |arg: &&Arg| {
            let names = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
            names.into_iter().any(|name| option.strip_prefix("--") == Some(name))
        };
        let arg = arguments.into_iter().find(is_it);
        let origin = arg.map_or(Origin::CommandLine, |arg| origin_of(self, matches, arg));
        let key =
            arg.and_then(setting).filter(|_| matches!(origin, Origin::File(..) | Origin::Environment(_)));
        Given { name: key.unwrap_or_else(|| option.to_owned()), value: value.to_owned(), origin }
    }
}
