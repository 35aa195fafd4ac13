//! After an executor was lost, gives back the cores of its rolled-back tasks and wakes the scheduler. It looks again every
//! few seconds besides, because a core that is lost for ever would end in a job that never does.

use std::sync::Arc;
use std::time::Duration;

use ballista_core::serde::protobuf::UpdateTaskStatusParams;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use tonic::Request;
use tracing::{debug, warn};

use super::ledger::Ledger;
use super::scheduler::Server;

const EVERY: Duration = Duration::from_secs(5);
/// Ballista rolls tasks back some time after the removal, in its event loop.
const AFTER_A_LOSS: [u64; 8] = [5, 20, 50, 100, 200, 400, 800, 1600];

/// Runs as long as the driver.
pub(super) async fn watch(server: Server, ledger: Arc<Ledger>) {
    loop {
        tokio::select! {
            () = ledger.removed() => {
                for pause in AFTER_A_LOSS {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    settle(&server, &ledger).await;
                    wake(&server, &ledger).await;
                }
            }
            () = tokio::time::sleep(EVERY) => {
                if settle(&server, &ledger).await > 0 {
                    wake(&server, &ledger).await;
                }
            }
        }
    }
}

async fn settle(server: &Server, ledger: &Ledger) -> u32 {
    let jobs = server.state.task_manager.get_running_job_cache();
    match ledger.settle(&jobs).await {
        Ok(0) => 0,
        Ok(cores) => {
            debug!(cores, "gave cores back that no task holds");
            cores
        }
        Err(error) => {
            warn!("cannot give cores back: {error}");
            0
        }
    }
}

/// An empty report of tasks makes the scheduler look for work to hand out.
async fn wake(server: &Server, ledger: &Ledger) {
    let Some(executor_id) = ledger.anyone().await else {
        return;
    };
    let report = Request::new(UpdateTaskStatusParams { executor_id, task_status: Vec::new() });
    if let Err(status) = SchedulerGrpc::update_task_status(server, report).await {
        warn!("cannot wake the scheduler: {status}");
    }
}
