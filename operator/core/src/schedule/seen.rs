//! What the operator sees of one schedule: the runs it owns, and what still works of runs that are gone. Facts alone.

use jiff::Timestamp;
use onager_crds::ScheduledSparkApplication;

use crate::seen::Held;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has not ended.
    Active,
    /// COMPLETED.
    Succeeded,
    /// FAILED.
    Failed,
}

/// A SparkApplication that the schedule owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSeen {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// When it was made.
    pub created: Timestamp,
    /// How far it has come.
    pub progress: Progress,
    /// Whether its deletion was asked for.
    pub deleting: bool,
}

/// What is seen of one schedule.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The schedule.
    pub schedule: &'a ScheduledSparkApplication,
    /// The runs it owns.
    pub runs: Vec<RunSeen>,
    /// Names of runs, there or gone, whose driver's pod has not ended.
    pub driving: Vec<String>,
    /// No run is to be made for a while, since a create failed.
    pub held: Option<Held>,
}

impl Seen<'_> {
    /// The schedule's name.
    pub fn name(&self) -> &str {
        self.schedule.metadata.name.as_deref().unwrap_or_default()
    }

    /// Names of the runs that have not ended, or whose driver has not.
    pub fn at_work(&self) -> Vec<&str> {
        let active = self.runs.iter().filter(|run| run.progress == Progress::Active).map(|run| run.name.as_str());
        let mut names: Vec<&str> = active.chain(self.driving.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
