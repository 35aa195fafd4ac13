//! The life of an application: from its state and what is seen to the next plan. One file for each part of a life: `start`
//! (before it has pods), `run` and `executors` (while it has), `conclude` (when the driver has ended), `rerun` (between two
//! runs), `edit` and `suspend` (when its author changes his mind), `end` (when nothing may follow). Which state follows which
//! is the table in `transitions`, and a picture in docs/lifecycle.md.

mod conclude;
mod edit;
mod end;
mod executors;
mod report;
mod rerun;
mod retry;
mod run;
mod start;
mod suspend;
pub mod transitions;

use jiff::Timestamp;
use onager_crds::{SparkApplication, State};

pub use conclude::reject;
pub use edit::run_hash;
pub use report::show_duration;
pub use start::{GANG_TIMEOUT, undo_admission};

use crate::{Settings, plan::Plan, seen::Seen};

/// What is to be done about an application now.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    if seen.app.metadata.deletion_timestamp.is_some() {
        // The garbage collector takes everything that the application owns.
        return Plan::default();
    }
    let mut plan = match seen.state() {
        State::New | State::Queued if suspend::is_asked_for(seen) => suspend::begin(seen, now),
        State::New | State::Queued => start::plan(seen, settings, now),
        State::Submitted | State::Running | State::Unknown => run::plan(seen, settings, now),
        State::Succeeding | State::Failing | State::SubmissionFailed | State::PendingRerun => {
            rerun::plan(seen, settings, now)
        }
        State::Invalidating => edit::plan(seen, settings, now),
        State::Suspending | State::Suspended | State::Resuming => suspend::plan(seen, settings, now),
        State::Completed | State::Failed => end::plan(seen, now),
    };
    if plan.status == seen.app.status {
        plan.status = None;
    }
    plan
}

/// Whether an application in this state may be given room by its next plan.
pub fn asks_for_room(state: State) -> bool {
    matches!(state, State::New | State::Queued | State::PendingRerun | State::Invalidating | State::Resuming)
}

/// The name of the Service at which an application's driver is found, and of its pod where the application names none.
pub fn driver_name(app: &str) -> String {
    format!("{app}-driver")
}

/// The name of an application's driver pod, without the attempt: etcd then allows one at a time. The CRD keeps it from
/// changing.
pub fn driver_pod_name(app: &SparkApplication) -> String {
    let given = app.spec.driver.pod_name.clone().filter(|name| !name.is_empty());
    given.unwrap_or_else(|| driver_name(app.metadata.name.as_deref().unwrap_or_default()))
}

/// The name of the executor pod of an index.
pub fn executor_name(app: &str, index: u32) -> String {
    format!("{app}-exec-{index}")
}
