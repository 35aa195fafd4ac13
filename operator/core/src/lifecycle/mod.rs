//! The life of an application: from its state and what is seen to the next plan. One file for each part of a life: `start`
//! (before it has pods), `run` (while it has), `end` (when nothing may follow). The state machine is this table:
//!
//! | from | on | to |
//! | --- | --- | --- |
//! | New | a spec that cannot run | FAILED |
//! | New, QUEUED | no room, no quota, a predecessor's driver still there | QUEUED |
//! | New, QUEUED | room | SUBMITTED |
//! | SUBMITTED | the driver runs | RUNNING |
//! | SUBMITTED | a quota that a race used up | QUEUED |
//! | SUBMITTED, RUNNING | the driver ended well | COMPLETED |
//! | SUBMITTED, RUNNING | it ended badly, is gone, or did not start in time | FAILED |

mod end;
mod report;
mod run;
mod start;

use jiff::Timestamp;
use onager_crds::{SparkApplication, State};

pub use report::show_duration;
pub use run::reject;
pub use start::undo_admission;

use crate::{Settings, plan::Plan, seen::Seen};

/// What is to be done about an application now.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    if seen.app.metadata.deletion_timestamp.is_some() {
        // The garbage collector takes everything that the application owns.
        return Plan::default();
    }
    let state = seen.app.status.as_ref().map(|status| status.application_state.state).unwrap_or_default();
    let mut plan = match state {
        State::New | State::Queued => start::plan(seen, settings, now),
        State::Submitted | State::Running => run::plan(seen, settings, now),
        State::Completed | State::Failed => end::plan(seen, now),
    };
    if plan.status == seen.app.status {
        plan.status = None;
    }
    plan
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
