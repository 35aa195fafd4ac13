//! An executor, from its start to its exit code: it waits until its driver can be reached, works for it, and leaves by
//! itself when the driver sends it home or is gone. When its pod is to end it tells its driver, and goes on serving what
//! is still needed for as long as it may. It decides nothing about the application.

mod leave;
mod local;
mod metrics;
mod probe;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use ballista_executor::executor_server::TERMINATING;
use onager_contract::{Application, ExecutorSpec, endpoint};
use tracing::{error, info};

use self::local::LocalFolders;
use crate::functions::Functions;
use crate::overrides::var;
use crate::process::{self, KeptSignals};
use crate::stores::Stores;
use crate::{Error, Result, deps};

/// Kubernetes' `terminationGracePeriodSeconds` where a pod does not say.
const DEFAULT_GRACE_SECONDS: u32 = 30;

/// Ballista may take its time to end once it is told to.
const FAREWELL: Duration = Duration::from_millis(1_000);

/// The name an executor goes by at its driver.
pub(crate) fn executor_id(application: &Application, index: u32) -> String {
    format!("{}-{index}", application.uid)
}

/// The index of the executor that goes by this name.
pub(crate) fn executor_index(application: &Application, executor_id: &str) -> Option<u32> {
    executor_id.strip_prefix(&application.uid)?.strip_prefix('-')?.parse().ok()
}

/// Works for the driver of `spec` until one of them leaves.
pub(crate) fn run(spec: ExecutorSpec, functions: Functions) -> ExitCode {
    let id = executor_id(&spec.application, spec.index);
    info!(executor = id, cores = spec.cores, version = env!("CARGO_PKG_VERSION"), "executor starts");
    let result = KeptSignals::keep().and_then(|signals| {
        let runtime = process::runtime()?;
        let result = runtime.block_on(serve(spec, functions, id, signals));
        process::end(runtime);
        result
    });
    match result {
        Ok(reason) => {
            info!("executor leaves: {reason}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!("executor leaves: {error}");
            ExitCode::from(error.class().exit_code())
        }
    }
}

async fn serve(spec: ExecutorSpec, functions: Functions, id: String, signals: KeptSignals) -> Result<String> {
    let driver = var(endpoint::ENV_DRIVER_HOST)
        .ok_or_else(|| Error::bad_input(format!("{} is not set", endpoint::ENV_DRIVER_HOST)))?;
    metrics::serve(&spec).await;
    let leaving = signals.received();
    tokio::pin!(leaving);
    tokio::select! {
        reached = probe::wait_for(&driver, endpoint::SCHEDULER_PORT) => reached?,
        signal = &mut leaving => return Ok(format!("asked by {signal}")),
    }
    let stores = Stores::new(spec.conf.clone());
    tokio::select! {
        brought = deps::bring(&spec.deps, &stores) => brought?,
        signal = &mut leaving => return Ok(format!("asked by {signal}")),
    }
    let folders = LocalFolders::make(&spec)?;
    let config = work::configure(&spec, &driver, &id, functions, &folders)?;
    let grace = Duration::from_secs(spec.grace_seconds.unwrap_or(DEFAULT_GRACE_SECONDS).into());
    tokio::select! {
        worked = work::work(config.clone()) => worked.map(|()| "the driver sent it home".into()),
        () = sent_home() => Ok("the driver sent it home".into()),
        error = probe::until_gone(&driver, endpoint::SCHEDULER_PORT) => Err(error),
        reason = async { leave::in_order(&config, leaving.await, grace).await } => Ok(reason),
    }
}

/// Ballista raises this flag when it is told to stop, and then may take its time.
async fn sent_home() {
    while !TERMINATING.load(std::sync::atomic::Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(FAREWELL).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_executor_tells_its_index() {
        let application =
            Application { namespace: "team".into(), name: "app".into(), uid: "0c7e-2f".into(), attempt: 2 };
        assert_eq!(executor_index(&application, &executor_id(&application, 12)), Some(12));
        assert_eq!(executor_index(&application, "another-12"), None);
    }
}
