//! The DataFusion sessions of client, scheduler and executor.

use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::optimizer::ballista_default_optimizer_rules;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::functions::functions;

/// Returns the settings of a job. The client's are sent with the job and override those of the scheduler and the
/// executor.
pub(crate) fn config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        // A file is one partition, so that a job is one task and writes one file. A sink accepts one partition.
        .with_target_partitions(1)
        .with_repartition_file_scans(false)
        // Planning reads no footers, since this plan has no alternatives.
        .with_collect_statistics(false)
        // The adaptive planner is on by default. It cannot improve a plan of one stage, and it loses the jobs of a lost
        // executor.
        .with_ballista_adaptive_query_planner(false)
        // A slot is one core.
        .set_bool("datafusion.execution.parquet.allow_single_file_parallelism", false)
        .set_str("datafusion.execution.parquet.compression", "snappy")
        // Nearly all values are distinct, so a dictionary would be built and discarded. All pages are read, so their
        // minima and maxima are not needed.
        .set_bool("datafusion.execution.parquet.dictionary_enabled", false)
        .set_str("datafusion.execution.parquet.statistics_enabled", "none")
}

/// Returns the session state with which the client and the scheduler plan.
pub(crate) fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionState {
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_optimizer_rules(ballista_default_optimizer_rules())
        .build();
    register(&mut state);
    state
}

fn register(state: &mut SessionState) {
    use datafusion::execution::FunctionRegistry;

    for function in functions(None) {
        // Registration does not fail, and there is no earlier function of the same name to be returned.
        if let Err(error) = state.register_udf(function) {
            tracing::error!("{error}");
        }
    }
}

/// Returns a session builder with one runtime for all sessions. The scheduler creates a session for every job.
pub(crate) fn builder() -> Result<ballista_scheduler::SessionBuilder> {
    let runtime = crate::objects::runtime()?;
    Ok(Arc::new(move |config| Ok(state(config, Arc::clone(&runtime)))))
}
