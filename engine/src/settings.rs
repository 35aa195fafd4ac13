//! Builds DataFusion sessions from an application's configuration: the client's, the scheduler's and the local one, all
//! with the same stores, functions and options, so that a statement means the same everywhere. It starts nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::config::BALLISTA_CLIENT_GRPC_CONNECT_TIMEOUT_SECONDS;
use ballista_core::extension::{
    SessionConfigExt, SessionStateExt, ballista_aggregate_functions, ballista_scalar_functions,
    ballista_window_functions,
};
use ballista_core::optimizer::ballista_default_optimizer_rules;
use datafusion::common::DataFusionError;
use datafusion::config::ConfigOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::functions::Functions;
use crate::order::SortAfterShuffle;
use crate::stores::Stores;
use crate::{Error, Result};

/// Spark's names that have one of DataFusion's behind them.
const SPARK_NAMES: [(&str, &str); 2] = [
    ("spark.sql.shuffle.partitions", "datafusion.execution.target_partitions"),
    ("spark.sql.session.timeZone", "datafusion.execution.time_zone"),
];

/// Where what does not fit into memory goes.
#[derive(Default)]
pub(crate) enum Spill {
    /// Where the operating system puts temporary files.
    #[default]
    Anywhere,
    /// Into these folders in turn, at most so many bytes; `None` is for as much as the volumes take.
    Folders(Vec<PathBuf>, Option<u64>),
}

/// What all sessions of one process share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub stores: Arc<Stores>,
    pub functions: Functions,
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
}

impl Settings {
    /// `cores` is how many tasks can run at once in all.
    pub(crate) fn new(
        conf: &BTreeMap<String, String>,
        cores: usize,
        functions: Functions,
        spill: Spill,
    ) -> Result<Self> {
        let stores = Arc::new(Stores::new(conf.clone()));
        let mut builder = RuntimeEnvBuilder::new().with_object_store_registry(stores.clone());
        if let Spill::Folders(folders, limit) = spill {
            let manager = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(folders));
            let manager = manager.with_max_temp_directory_size(limit.unwrap_or(u64::MAX));
            builder = builder.with_disk_manager_builder(manager);
        }
        let runtime = builder.build_arc().map_err(|error| Error::platform(error.to_string()))?;
        Ok(Self { stores, functions, runtime, config: session_config(conf, cores)? })
    }

    /// The file system, memory and caches of this process.
    pub(crate) fn runtime(&self) -> Arc<RuntimeEnv> {
        self.runtime.clone()
    }

    pub(crate) fn config(&self) -> SessionConfig {
        self.config.clone()
    }

    /// A session that computes in this process.
    pub(crate) fn local_context(&self) -> Result<SessionContext, DataFusionError> {
        let mut state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(self.config())
            .with_runtime_env(self.runtime())
            .build();
        self.functions.register(&mut state)?;
        Ok(SessionContext::new_with_state(state))
    }

    /// A session that hands its plans to the scheduler at `url`.
    pub(crate) fn client_context(&self, url: &str) -> Result<SessionContext, DataFusionError> {
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(self.config())
            .with_runtime_env(self.runtime())
            .build();
        let mut state = state.upgrade_for_ballista(url.to_string())?;
        // The upgrade sets the functions anew, so ours come after it.
        self.functions.register(&mut state)?;
        Ok(SessionContext::new_with_state(state))
    }

    /// What the scheduler plans with, for a session of this configuration.
    pub(crate) fn scheduler_state(&self, config: SessionConfig) -> Result<SessionState, DataFusionError> {
        let mut state = SessionStateBuilder::new()
            .with_default_features()
            // Whatever a script has set: the driver's own way to recover is for jobs that are planned once.
            .with_config(config.with_ballista_adaptive_query_planner(false))
            .with_runtime_env(self.runtime())
            .with_optimizer_rules(ballista_default_optimizer_rules())
            .with_physical_optimizer_rule(Arc::new(SortAfterShuffle))
            .with_scalar_functions(ballista_scalar_functions())
            .with_aggregate_functions(ballista_aggregate_functions())
            .with_window_functions(ballista_window_functions())
            .build();
        self.functions.register(&mut state)?;
        Ok(state)
    }
}

fn session_config(conf: &BTreeMap<String, String>, cores: usize) -> Result<SessionConfig> {
    let mut config = SessionConfig::new_with_ballista()
        .with_target_partitions(cores.max(1))
        // With it a lost executor leaves a job hanging: it has no way back from lost shuffle files.
        .with_ballista_adaptive_query_planner(false);
    let options = config.options_mut();
    // An executor whose node vanished answers nothing; its readers should know soon.
    set(options, BALLISTA_CLIENT_GRPC_CONNECT_TIMEOUT_SECONDS, "5")?;
    // Positions in a script, for messages.
    options.sql_parser.collect_spans = true;
    // One file for each write: it appears whole or not at all when its executor is lost.
    set(options, "datafusion.execution.minimum_parallel_output_files", "1")?;
    let renamed = SPARK_NAMES.iter().filter_map(|(spark, ours)| Some((*ours, conf.get(*spark)?)));
    let own = conf.iter().map(|(key, value)| (key.as_str(), value));
    let own = own.filter(|(key, _)| key.starts_with("datafusion.") || key.starts_with("ballista."));
    for (key, value) in renamed.chain(own) {
        set(options, key, value.trim())?;
    }
    Ok(config)
}

fn set(options: &mut ConfigOptions, key: &str, value: &str) -> Result<()> {
    options.set(key, value).map_err(|error| Error::bad_input(format!("{key}={value}: {}", error.strip_backtrace())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(conf: &[(&str, &str)]) -> Result<usize> {
        let conf = conf.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Ok(session_config(&conf, 6)?.target_partitions())
    }

    #[test]
    fn every_core_gets_a_partition_unless_told_otherwise() {
        assert_eq!(partitions(&[]).expect("config"), 6);
        assert_eq!(partitions(&[("spark.sql.shuffle.partitions", "9")]).expect("config"), 9);
        assert_eq!(partitions(&[("datafusion.execution.target_partitions", "4")]).expect("config"), 4);
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let error = partitions(&[("spark.sql.shuffle.partitions", "many")]).expect_err("no number");
        assert!(error.to_string().contains("target_partitions=many"), "{error}");
    }

    #[test]
    fn what_spark_alone_knows_is_let_pass() {
        assert!(partitions(&[("spark.eventLog.enabled", "true")]).is_ok());
    }
}
