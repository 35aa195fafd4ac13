//! Configures Ballista's executor from what the operator said and runs it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::SessionConfigExt;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use datafusion::prelude::SessionConfig;
use onager_contract::{ExecutorSpec, endpoint};
use tracing::warn;

use super::local::LocalFolders;
use crate::functions::Functions;
use crate::overrides::var;
use crate::settings::Settings;
use crate::{Error, Result};

/// A registration may fail when the driver cannot dial back yet.
const STARTS: u32 = 20;
const HEARTBEAT_SECONDS: u64 = 5;
/// What a process needs besides the memory its queries may use.
const BASE_BYTES: u64 = 96 << 20;

/// Works with `config` and returns when the driver told the executor to stop.
pub(super) async fn work(config: Arc<ExecutorProcessConfig>) -> Result<()> {
    let mut start = 1;
    loop {
        match start_executor_process(config.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) if start < STARTS => {
                warn!(start, "cannot register: {error}; tries again");
                tokio::time::sleep(Duration::from_millis(500)).await;
                start += 1;
            }
            Err(error) => return Err(Error::platform(format!("cannot register at the driver: {error}"))),
        }
    }
}

/// What Ballista is told.
pub(super) fn configure(
    spec: &ExecutorSpec,
    driver: &str,
    id: &str,
    functions: Functions,
    folders: &LocalFolders,
) -> Result<Arc<ExecutorProcessConfig>> {
    let settings = Settings::new(&spec.conf, spec.cores as usize, functions, folders.spill())?;
    let host = in_url(&var(endpoint::ENV_POD_IP).unwrap_or_else(|| "127.0.0.1".into()));
    let runtime = settings.runtime();
    Ok(Arc::new(ExecutorProcessConfig {
        executor_id: id.to_string(),
        bind_host: host.clone(),
        external_host: Some(host),
        port: spec.flight_port.unwrap_or(endpoint::FLIGHT_PORT),
        grpc_port: spec.task_port.unwrap_or(endpoint::EXECUTOR_PORT),
        scheduler_host: in_url(driver),
        scheduler_port: endpoint::SCHEDULER_PORT,
        vcores: spec.cores.max(1) as usize,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(folders.shuffle().to_string_lossy().into_owned()),
        executor_heartbeat_interval_seconds: HEARTBEAT_SECONDS,
        memory_pool_size: Some(query_bytes(spec.memory_bytes)),
        override_function_registry: Some(Arc::new(settings.functions.for_executor())),
        override_runtime_producer: Some(Arc::new(move |_| Ok(runtime.clone()))),
        // A task brings its session's options along; these are only what they are laid over.
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        ..ExecutorProcessConfig::default()
    }))
}

/// Seven tenths of what is left beside the process itself: Arrow batches on their way and the allocator are not counted
/// by the pool.
fn query_bytes(container: u64) -> u64 {
    (container.saturating_sub(BASE_BYTES) / 10 * 7).max(container / 4).max(16 << 20)
}

/// An IPv6 address needs brackets before a port.
fn in_url(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_leave_room_for_the_process() {
        for megabytes in [256, 512, 1024, 8192] {
            let container = megabytes << 20;
            let pool = query_bytes(container);
            assert!(pool >= container / 4 && pool <= container * 7 / 10, "{megabytes} MiB: {} MiB", pool >> 20);
        }
    }

    #[test]
    fn an_ipv6_address_gets_brackets() {
        assert_eq!(in_url("fd00::1"), "[fd00::1]");
        assert_eq!(in_url("10.0.0.1"), "10.0.0.1");
        assert_eq!(in_url("driver.svc"), "driver.svc");
    }
}
