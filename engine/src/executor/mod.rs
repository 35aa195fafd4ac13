//! An executor, from its start to its exit code: it waits until its driver can be reached, works for it, and leaves by
//! itself when the driver sends it home, is gone, or the pod is to end. It decides nothing about the application.

mod probe;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use ballista_executor::executor_server::TERMINATING;
use onager_contract::{Application, ExecutorSpec, endpoint};
use tracing::{error, info};

use crate::functions::Functions;
use crate::overrides::var;
use crate::{Error, Result, process};

/// Ballista tells its driver within this time that it leaves; it would go on to wait for its tasks.
const FAREWELL: Duration = Duration::from_millis(1_000);

/// The name an executor goes by at its driver.
pub(crate) fn executor_id(application: &Application, index: u32) -> String {
    format!("{}-{index}", application.uid)
}

/// Works for the driver of `spec` until one of them leaves.
pub(crate) fn run(spec: ExecutorSpec, functions: Functions) -> ExitCode {
    let id = executor_id(&spec.application, spec.index);
    info!(executor = id, cores = spec.cores, version = env!("CARGO_PKG_VERSION"), "executor starts");
    let result = process::runtime().and_then(|runtime| {
        let result = runtime.block_on(serve(spec, functions, id));
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

async fn serve(spec: ExecutorSpec, functions: Functions, id: String) -> Result<String> {
    let driver = var(endpoint::ENV_DRIVER_HOST)
        .ok_or_else(|| Error::bad_input(format!("{} is not set", endpoint::ENV_DRIVER_HOST)))?;
    let leaving = process::asked_to_leave();
    tokio::pin!(leaving);
    tokio::select! {
        reached = probe::wait_for(&driver, endpoint::SCHEDULER_PORT) => reached?,
        signal = &mut leaving => return Ok(format!("asked by {signal}")),
    }
    tokio::select! {
        worked = work::work(&spec, &driver, id, functions) => worked.map(|()| "the driver sent it home".into()),
        () = sent_home() => Ok("the driver sent it home".into()),
        error = probe::until_gone(&driver, endpoint::SCHEDULER_PORT) => Err(error),
        signal = &mut leaving => {
            // Ballista hears the signal too and takes itself off at the driver.
            tokio::time::sleep(FAREWELL).await;
            Ok(format!("asked by {signal}"))
        }
    }
}

/// Ballista raises this flag when it is told to stop, and then may take its time.
async fn sent_home() {
    while !TERMINATING.load(std::sync::atomic::Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(FAREWELL).await;
}
