//! How all three sides plan and run.

use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::optimizer::ballista_default_optimizer_rules;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::functions::functions;

/// The settings of a job. The client's travel with it and win over the scheduler's and an executor's.
pub(crate) fn config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        // A file is one partition, and so a job one task, which writes one file: a sink takes one partition.
        .with_target_partitions(1)
        .with_repartition_file_scans(false)
        // Planning looks at no footers: there is one way to run this plan.
        .with_collect_statistics(false)
        // The adaptive planner is on by default. It has nothing to adapt in one stage, and loses jobs with an executor.
        .with_ballista_adaptive_query_planner(false)
        // A slot is one core.
        .set_bool("datafusion.execution.parquet.allow_single_file_parallelism", false)
        .set_str("datafusion.execution.parquet.compression", "snappy")
        // Numbers that are nearly all different, of which all are read: a dictionary would be built and thrown away, and
        // nobody asks for the least and the greatest of a page.
        .set_bool("datafusion.execution.parquet.dictionary_enabled", false)
        .set_str("datafusion.execution.parquet.statistics_enabled", "none")
}

/// What the client and the scheduler plan with.
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
        // Never fails; an earlier function of the name would be handed back, and there is none.
        if let Err(error) = state.register_udf(function) {
            tracing::error!("{error}");
        }
    }
}

/// One runtime for all sessions: the scheduler makes a session for every job.
pub(crate) fn builder() -> Result<ballista_scheduler::SessionBuilder> {
    let runtime = crate::objects::runtime()?;
    Ok(Arc::new(move |config| Ok(state(config, Arc::clone(&runtime)))))
}
