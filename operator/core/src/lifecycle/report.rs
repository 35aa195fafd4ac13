//! How a state is written down: conditions, counts and durations. A condition's time changes with its status alone, so
//! that the same facts always give the same status and nothing is written twice.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_contract::Summary;
use onager_crds::{ApplicationState, ResultPreview, ResultSummary, SparkApplication, SparkApplicationStatus, State};

use super::edit;
use crate::conditions;
pub use crate::conditions::whole_seconds;

/// The status to start from. Its generation is the spec's unless an edit is still to be acted upon.
pub fn base(app: &SparkApplication) -> SparkApplicationStatus {
    let mut status = app.status.clone().unwrap_or_default();
    if status.observed_generation != app.metadata.generation && !edit::is_edited(app) {
        status.observed_generation = app.metadata.generation;
    }
    status
}

/// The status from which a run of the spec as it is begins. Another spec is counted from zero.
pub fn renewed(app: &SparkApplication) -> SparkApplicationStatus {
    let mut status = app.status.clone().unwrap_or_default();
    if status.run_hash.is_some() && status.observed_generation == app.metadata.generation {
        return status;
    }
    let hash = edit::run_hash(&app.spec);
    if status.run_hash.as_ref() != Some(&hash) {
        status.execution_attempts = 0;
        status.submission_attempts = 0;
        status.failed_attempts = 0;
        status.run_hash = Some(hash);
    }
    status.observed_generation = app.metadata.generation;
    status
}

/// Since when a condition is as it is.
pub fn since(status: &SparkApplicationStatus, kind: &str) -> Option<Timestamp> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == kind);
    condition.map(|condition| condition.last_transition_time.0)
}

/// Takes back what was said of the end of an earlier run: another one is on its way.
pub fn reopen(status: &mut SparkApplicationStatus, now: Timestamp) {
    status.termination_time = None;
    status.duration = None;
    status.summary = None;
    for kind in ["Succeeded", "Failed"] {
        if status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True") {
            set_condition(status, kind, false, ("RunsAgain", "another run is on its way"), now);
        }
    }
}

/// Ends a run that is not the last: state, conditions, time and duration.
pub fn stop(status: &mut SparkApplicationStatus, state: State, why: (&str, &str), at: Timestamp, now: Timestamp) {
    close(status, at, now);
    set_state(status, state, Some(why));
    for kind in ["Succeeded", "Failed"] {
        if status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True") {
            set_condition(status, kind, false, why, now);
        }
    }
    set_condition(status, "Admitted", false, why, now);
}

/// Sets the state, with a reason and a sentence where there is something to say.
pub fn set_state(status: &mut SparkApplicationStatus, state: State, why: Option<(&str, &str)>) {
    status.application_state = ApplicationState {
        state,
        reason: why.map(|(reason, _)| reason.to_string()),
        error_message: why.map(|(_, message)| message.to_string()),
    };
}

/// Sets a condition.
pub fn set_condition(status: &mut SparkApplicationStatus, kind: &str, holds: bool, why: (&str, &str), now: Timestamp) {
    conditions::set(&mut status.conditions, status.observed_generation, kind, holds, why, now);
}

fn close(status: &mut SparkApplicationStatus, at: Timestamp, now: Timestamp) {
    status.termination_time = Some(Time(whole_seconds(at)));
    status.duration = status
        .last_submission_attempt_time
        .as_ref()
        .map(|start| show_duration(at.duration_since(start.0).as_secs().max(0).unsigned_abs()));
    if let Some(executors) = &mut status.executors {
        // `summary` stays: how many took part.
        executors.running = 0;
    }
    if status.conditions.iter().any(|condition| condition.type_ == "Running") {
        set_condition(status, "Running", false, ("Ended", "the run has ended"), now);
    }
}

/// Ends the last run: state, conditions, time and duration.
pub fn finish(status: &mut SparkApplicationStatus, failure: Option<(&str, &str)>, at: Timestamp, now: Timestamp) {
    close(status, at, now);
    match failure {
        None => {
            set_state(status, State::Completed, None);
            set_condition(status, "Succeeded", true, ("Completed", "the application completed"), now);
        }
        Some(why) => {
            set_state(status, State::Failed, Some(why));
            set_condition(status, "Failed", true, why, now);
        }
    }
}

/// A driver's summary as the status shows it.
pub fn show_summary(summary: &Summary) -> ResultSummary {
    ResultSummary {
        result: summary.result.clone(),
        preview: summary
            .preview
            .as_ref()
            .map(|preview| ResultPreview { columns: preview.columns.clone(), rows: preview.rows.clone() }),
        rows: summary.rows,
        statements: summary.statements,
        stages: summary.stages,
        tasks: summary.tasks,
        shuffle_bytes: summary.shuffle_bytes,
        seconds: summary.seconds,
    }
}

/// Seconds as people write them: `12s`, `1m12s`, `2h03m`, `3d04h`.
pub fn show_duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (72, "1m12s"), (3_780, "1h03m"), (100_800, "1d04h")] {
            assert_eq!(show_duration(seconds), text);
        }
    }

    #[test]
    fn a_condition_keeps_its_time_while_it_holds() {
        let mut status = SparkApplicationStatus::default();
        let (first, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).expect("time"));
        set_condition(&mut status, "Admitted", false, ("QuotaExceeded", "a"), first);
        set_condition(&mut status, "Admitted", false, ("QuotaExceeded", "b"), later);
        assert_eq!(status.conditions[0].last_transition_time.0, first);
        set_condition(&mut status, "Admitted", true, ("Admitted", "c"), later);
        assert_eq!((status.conditions.len(), status.conditions[0].last_transition_time.0), (1, later));
    }
}
