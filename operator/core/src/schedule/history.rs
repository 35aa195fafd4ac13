//! Runs that have ended: the newest are kept and named in the status, the others are deleted.

use onager_crds::ScheduledSparkApplicationStatus;

use super::{
    Action,
    seen::{Progress, RunSeen, Seen},
};

/// Names the runs that are kept in the status, and answers what is to be deleted.
pub fn settle(status: &mut ScheduledSparkApplicationStatus, seen: &Seen<'_>) -> Vec<Action> {
    let (successful, failed) = seen.schedule.spec.history();
    let (kept, mut actions) = split(seen, Progress::Succeeded, successful);
    status.past_successful_run_names = kept;
    let (kept, more) = split(seen, Progress::Failed, failed);
    status.past_failed_run_names = kept;
    actions.extend(more);
    actions
}

fn split(seen: &Seen<'_>, progress: Progress, limit: usize) -> (Vec<String>, Vec<Action>) {
    let mut ended: Vec<&RunSeen> = seen.runs.iter().filter(|run| run.progress == progress && !run.deleting).collect();
    // Names of one schedule end in the time the run was due.
    ended.sort_by(|a, b| b.name.cmp(&a.name));
    let (kept, dropped) = ended.split_at(limit.min(ended.len()));
    (kept.iter().map(|run| run.name.clone()).collect(), dropped.iter().map(|run| Action::delete(run)).collect())
}
