//! ScheduledSparkApplications, the same way as applications go: `scope` watches, `observe` reads, `core::schedule` plans,
//! `act` makes and deletes runs, `report` saves the status. A run is an application like any other from its creation on.

mod act;
mod build;
mod cache;
mod observe;
mod reconcile;
mod report;
mod scope;

pub use cache::Schedules;
pub use scope::{serve, take_in_runs, wake_for_run};
