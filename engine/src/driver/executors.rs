//! What a driver does about its executors as a whole: waits for the first ones, gives up when all stay away, and sends
//! them home at the end. It makes none; the operator does.

use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::StopExecutorParams;
use ballista_core::serde::protobuf::executor_grpc_client::ExecutorGrpcClient;
use ballista_core::serde::scheduler::ExecutorMetadata;
use futures::future::join_all;
use onager_contract::ExecutorDemand;
use tracing::{debug, info};

use super::ledger::Ledger;
use super::scheduler::Scheduler;
use crate::words::{are, several};
use crate::{Error, Result};

/// What is waited for is said more and more seldom.
const SAY_FIRST: Duration = Duration::from_secs(5);
const SAY_LAST: Duration = Duration::from_secs(60);
/// How often a driver without executors asks whether there is work.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// Returns when the minimum of executors is there, or an error when it did not come in time.
pub(super) async fn wait_for_minimum(demand: &ExecutorDemand, ledger: &Ledger) -> Result<()> {
    let (started, limit) = (Instant::now(), Duration::from_secs(demand.wait_seconds));
    let (mut pause, mut said_at) = (SAY_FIRST, started);
    let mut registered = ledger.registered();
    loop {
        let count = *registered.borrow_and_update();
        if count >= demand.minimum as usize {
            let (wanted, seconds) = (demand.wanted, started.elapsed().as_secs_f64());
            let (wanted, are) = (several(wanted, "executor"), are(count));
            info!("{count} of {wanted} {are} here after {seconds:.1} s: the application begins");
            return Ok(());
        }
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(Error::platform(format!(
                "{count} of at least {} executors came within {} s",
                demand.minimum, demand.wait_seconds
            )));
        }
        let silent = pause.saturating_sub(said_at.elapsed());
        if silent.is_zero() {
            let (missing, waited) = (demand.minimum as usize - count, started.elapsed().as_secs());
            info!(
                "waiting for {missing} of {}, {count} registered ({waited} s of at most {} s)",
                several(demand.minimum, "executor"),
                demand.wait_seconds
            );
            (pause, said_at) = ((pause * 2).min(SAY_LAST), Instant::now());
        } else {
            let _ = tokio::time::timeout(left.min(silent), registered.changed()).await;
        }
    }
}

/// Returns only when there was no executor at all for as long as the first ones may take. One that may do without executors
/// misses them only while there is work.
pub(super) async fn all_lost_for_long(demand: &ExecutorDemand, scheduler: &Scheduler) -> Error {
    let limit = Duration::from_secs(demand.wait_seconds);
    let mut registered = scheduler.ledger().registered();
    loop {
        if registered.wait_for(|count| *count == 0).await.is_err() {
            return std::future::pending().await;
        }
        let has_work = || async { demand.minimum > 0 || scheduler.load().await.pending_tasks > 0 };
        if !has_work().await {
            let _ = tokio::time::timeout(LOOK_EVERY, registered.wait_for(|count| *count > 0)).await;
            continue;
        }
        info!(
            "waiting for an executor: there is none, and the application fails after {} s without",
            demand.wait_seconds
        );
        let came = tokio::time::timeout(limit, registered.wait_for(|count| *count > 0)).await.is_ok();
        if !came && has_work().await {
            return Error::platform(format!("there was no executor, and none came within {} s", demand.wait_seconds));
        }
    }
}

/// Tells every executor to leave and waits for the answers.
pub(super) async fn send_home(scheduler: &Scheduler) {
    let executors = scheduler.executors().await;
    join_all(executors.iter().map(|executor| farewell(executor, "the application has ended"))).await;
}

/// Tells one executor to leave, if it is there.
pub(super) async fn send_one_home(scheduler: &Scheduler, executor_id: &str, reason: &str) {
    let executors = scheduler.executors().await;
    let Some(executor) = executors.iter().find(|executor| executor.id == executor_id) else { return };
    if tokio::time::timeout(ANSWER_LIMIT, farewell(executor, reason)).await.is_err() {
        debug!(executor = executor_id, "an executor did not answer");
    }
}

async fn farewell(executor: &ExecutorMetadata, reason: &str) {
    let url = format!("http://{}:{}", executor.host, executor.grpc_port);
    let stop = StopExecutorParams { executor_id: executor.id.clone(), reason: reason.into(), force: true };
    match ExecutorGrpcClient::connect(url).await {
        Ok(mut client) => {
            if let Err(status) = client.stop_executor(stop).await {
                debug!("an executor did not answer: {status}");
            }
        }
        Err(error) => debug!("an executor was not reached: {error}"),
    }
}
