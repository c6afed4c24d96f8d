//! The options of `pipeline verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use limits::Limits;
use pipeline::Error;
use pipeline::verify::VerifySettings;
use settings::within;
use store::{DenyList, GenerationId};

use super::place::PlaceArgs;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The generation, such as 20261123T023000.125Z [default: the published one]
    #[arg(value_name = "GENERATION")]
    generation: Option<GenerationId>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The number of users, drawn at random, whose lists are scored again
    #[arg(long, value_name = "N", default_value = "200", value_parser = within(Limits::at_least(NonZeroUsize::MIN)))]
    users: NonZeroUsize,
    /// The seed of the draw: same generation and seed, same users
    #[arg(long, value_name = "SEED", default_value_t = 1, value_parser = within(Limits::<u64>::ANY))]
    seed: u64,
    /// Also check that nothing of this deny list is stored: a file with `movie ID` or `user ID` per line, and # comments
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    deny_list: Option<PathBuf>,
    /// Print JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}

impl VerifyArgs {
    /// Returns the settings that the options stand for.
    ///
    /// # Errors
    /// [`Error::Store`] if the deny list cannot be read.
    pub(crate) fn settings(self) -> Result<VerifySettings, Error> {
        Ok(VerifySettings {
            place: self.place.place(),
            generation: self.generation,
            n_users: self.users,
            seed: self.seed,
            deny_list: self.deny_list.as_deref().map(DenyList::read).transpose()?,
        })
    }
}
