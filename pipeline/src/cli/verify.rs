//! The options of `pipeline verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use pipeline::verify::VerifySettings;
use store::GenerationId;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The generation, such as 20261123T023000.125Z [default: the published one]
    #[arg(value_name = "GENERATION")]
    generation: Option<GenerationId>,
    /// Where it was published
    #[arg(long, value_name = "DIR", default_value = "output")]
    output: PathBuf,
    /// How many users to draw and to score again
    #[arg(long, value_name = "N", default_value = "200")]
    users: NonZeroUsize,
    /// What draws them: same generation and seed, same users
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Where the working copy of the generation lives while it is open
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir().join("movie-recommender-verify"))]
    work_dir: PathBuf,
    /// Print JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}

impl VerifyArgs {
    pub(crate) fn settings(self) -> VerifySettings {
        VerifySettings {
            output: self.output,
            generation: self.generation,
            work: self.work_dir,
            n_users: self.users,
            seed: self.seed,
        }
    }
}
