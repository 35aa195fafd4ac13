//! How a state is written down: conditions, counts and durations. A condition's time changes with its status alone, so
//! that the same facts always give the same status and nothing is written twice.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_contract::Summary;
use onager_crds::{ApplicationState, ResultPreview, ResultSummary, SparkApplication, SparkApplicationStatus, State};

use crate::conditions;
pub use crate::conditions::whole_seconds;

/// The status to start from, with the generation that the next run is made from.
pub fn base(app: &SparkApplication) -> SparkApplicationStatus {
    let mut status = app.status.clone().unwrap_or_default();
    if matches!(status.application_state.state, State::New | State::Queued) {
        status.observed_generation = app.metadata.generation;
    }
    status
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

/// Ends a run: state, conditions, time and duration.
pub fn finish(status: &mut SparkApplicationStatus, failure: Option<(&str, &str)>, at: Timestamp, now: Timestamp) {
    status.termination_time = Some(Time(whole_seconds(at)));
    status.duration = status
        .last_submission_attempt_time
        .as_ref()
        .map(|start| show_duration(at.duration_since(start.0).as_secs().max(0).unsigned_abs()));
    if let Some(executors) = &mut status.executors {
        // `summary` stays as it was last: how many took part.
        executors.running = 0;
    }
    if status.conditions.iter().any(|condition| condition.type_ == "Running") {
        set_condition(status, "Running", false, ("Ended", "the run has ended"), now);
    }
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
