//! What a driver does about its executors as a whole: waits for the first ones, gives up when all stay away, and sends
//! them home at the end. It makes none; the operator does.

use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::StopExecutorParams;
use ballista_core::serde::protobuf::executor_grpc_client::ExecutorGrpcClient;
use futures::future::join_all;
use onager_contract::ExecutorDemand;
use tracing::{debug, info};

use super::ledger::Ledger;
use super::scheduler::Scheduler;
use crate::{Error, Result};

const SAY_EVERY: Duration = Duration::from_secs(5);

/// Returns when the minimum of executors is there, or an error when it did not come in time.
pub(super) async fn wait_for_minimum(demand: &ExecutorDemand, ledger: &Ledger) -> Result<()> {
    let (started, limit) = (Instant::now(), Duration::from_secs(demand.wait_seconds));
    let mut registered = ledger.registered();
    loop {
        let count = *registered.borrow_and_update();
        if count >= demand.minimum as usize {
            info!(
                executors = count,
                wanted = demand.wanted,
                seconds = started.elapsed().as_secs_f64(),
                "executors are there"
            );
            return Ok(());
        }
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(Error::platform(format!(
                "{count} of at least {} executors came within {} s",
                demand.minimum, demand.wait_seconds
            )));
        }
        if tokio::time::timeout(left.min(SAY_EVERY), registered.changed()).await.is_err() {
            let waited = started.elapsed().as_secs();
            info!("waits for executors: {count} of at least {} are there after {waited} s", demand.minimum);
        }
    }
}

/// Returns only when there was no executor at all for as long as the first ones may take.
pub(super) async fn all_lost_for_long(demand: &ExecutorDemand, ledger: &Ledger) -> Error {
    if demand.minimum == 0 {
        return std::future::pending().await;
    }
    let limit = Duration::from_secs(demand.wait_seconds);
    let mut registered = ledger.registered();
    loop {
        if registered.wait_for(|count| *count == 0).await.is_err() {
            return std::future::pending().await;
        }
        info!("all executors are lost; waits up to {} s for others", demand.wait_seconds);
        if tokio::time::timeout(limit, registered.wait_for(|count| *count > 0)).await.is_err() {
            return Error::platform(format!("all executors were lost and none came within {} s", demand.wait_seconds));
        }
    }
}

/// Tells every executor to leave and waits for the answers.
pub(super) async fn send_home(scheduler: &Scheduler) {
    let farewells = scheduler.executors().await.into_iter().map(|executor| async move {
        let url = format!("http://{}:{}", executor.host, executor.grpc_port);
        let stop =
            StopExecutorParams { executor_id: executor.id, reason: "the application has ended".into(), force: true };
        match ExecutorGrpcClient::connect(url).await {
            Ok(mut client) => {
                if let Err(status) = client.stop_executor(stop).await {
                    debug!("an executor did not answer: {status}");
                }
            }
            Err(error) => debug!("an executor was not reached: {error}"),
        }
    });
    join_all(farewells).await;
}
