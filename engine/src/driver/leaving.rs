//! Lets executors go that asked to leave: those whose pods are to end, as soon as they have neither a task nor a file that
//! is still needed. Ballista alone would drop them with everything they hold.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::crew::short;
use super::executors;
use super::scheduler::Scheduler;

/// How often somebody who waits to leave is looked at: a stage's end makes no sound.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs as long as the driver.
pub(super) async fn watch(scheduler: Arc<Scheduler>) {
    loop {
        let ledger = scheduler.ledger();
        let waiting = ledger.leaving().await;
        if waiting.is_empty() {
            ledger.somebody_leaves().await;
            continue;
        }
        let idle: Vec<String> = waiting.into_iter().filter(|(_, cores)| *cores == 0).map(|(id, _)| id).collect();
        if !idle.is_empty() {
            let holders = scheduler.holders().await;
            for id in idle.iter().filter(|id| !holders.contains(*id)) {
                let_go(&scheduler, id).await;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn let_go(scheduler: &Scheduler, executor_id: &str) {
    info!("executor {} may leave: it has no task and no file that is needed", short(executor_id));
    scheduler.ledger().let_go(executor_id).await;
    // It ends by itself at its grace period's end where it does not hear this.
    executors::send_one_home(scheduler, executor_id, "nothing needs it any more").await;
    scheduler.executor_lost(executor_id.to_string(), "its pod is to end, and nothing needed it any more".into()).await;
}
