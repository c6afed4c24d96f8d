//! The options that say where generations are.

use std::path::PathBuf;

use clap::Args;
use pipeline::generations::Place;
use store::Location;

#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// Where copies of generations live while they are open, or on their way to a bucket
    #[arg(long, value_name = "DIR", default_value_os_t = store::work_dir::default_work_dir("pipeline"))]
    #[arg(env = "RECOMMENDER__BATCH__WORK_DIR")]
    pub(crate) work_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Where generations are published: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LOCATION", default_value = "output")]
    #[arg(env = "RECOMMENDER__STORE__LOCATION")]
    output: Location,
    #[command(flatten)]
    work: WorkArgs,
}

impl PlaceArgs {
    pub(crate) fn location(&self) -> &Location {
        &self.output
    }

    pub(crate) fn place(self) -> Place {
        Place { location: self.output, work: self.work.work_dir }
    }
}
