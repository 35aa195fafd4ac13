//! The life of a schedule: from what is seen and the time to the next plan. A run that is due goes through three steps, so
//! that each time has one run at the most, whoever is killed in between:
//!
//! 1. `startingRunName` is saved over the version of the object that was decided on: of two operators one is refused.
//! 2. The run is made under that name, which follows from the schedule and the time.
//! 3. When the run was seen, `lastRun`, `lastRunName` and `nextRun` move on. From then on it is never made again.
//!
//! | a run is due, and | then |
//! | --- | --- |
//! | nothing of an earlier one works, or the policy is Allow | it starts |
//! | the policy is Forbid | it is skipped |
//! | the policy is Replace | the earlier one is deleted, and it starts when that one's driver is gone |
//! | it is one of several that were missed | the latest alone is made up for, within `startingDeadlineSeconds` |
//! | the schedule is suspended | nothing, also afterwards |

mod cron;
mod every;
mod history;
mod names;
mod plan;
mod seen;
mod timing;

use jiff::Timestamp;
use onager_crds::ScheduledSparkApplicationStatus;
use thiserror::Error;

pub use names::{of_run, run_name};
pub use plan::{plan, reject};
pub use seen::{Progress, RunSeen, Seen};
pub use timing::Schedule;

use crate::plan::PlanOf;

/// What is wrong with a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct Fault {
    /// The field.
    pub path: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Whether `spec.schedule` and `spec.timeZone` can be read.
///
/// # Errors
/// The field that cannot, and what would be right.
pub fn check(schedule: &str, time_zone: Option<&str>) -> Result<(), Fault> {
    Schedule::read(schedule, time_zone, Timestamp::UNIX_EPOCH).map(drop)
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The run that is due at a time; its name is on record already.
    CreateRun {
        /// Its name.
        name: String,
        /// When it is due.
        due: Timestamp,
    },
    /// A run, and no other that may have its name by now.
    DeleteRun {
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
}

impl Action {
    fn delete(run: &RunSeen) -> Self {
        Self::DeleteRun { name: run.name.clone(), uid: run.uid.clone() }
    }
}

/// What is to be done about one schedule.
pub type Plan = PlanOf<ScheduledSparkApplicationStatus, Action>;
