//! The end of a run: reads how its driver ended, and decides by the restart policy whether it was the last one.

use jiff::Timestamp;
use onager_contract::{ErrorClass, Summary};
use onager_crds::{SparkApplicationStatus, State};

use super::{
    end, executors, report,
    retry::{self, End},
    start,
};
use crate::{
    Settings,
    plan::{Event, Plan},
    seen::{Phase, PodSeen, Seen},
};

/// The driver has ended.
pub fn plan(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    driver: &PodSeen,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let exit = driver.exit.clone().unwrap_or_default();
    let at = exit.at.unwrap_or(now);
    let summary = serde_json::from_str::<Summary>(&exit.message).ok();
    status.summary = summary.as_ref().map(report::show_summary);
    // A short run ends before its kubelets have told of every executor; its driver knows who worked.
    if let (Some(summary), Some(executors)) = (&summary, &mut status.executors) {
        executors.summary = format!("{}/{}", summary.executors.min(executors.wanted), executors.wanted);
    }
    match (driver.phase, summary.and_then(|summary| summary.failure)) {
        (Phase::Succeeded, None) => well(seen, status, at, now),
        (_, Some(failure)) => {
            let reason = match failure.class {
                ErrorClass::Application => "ApplicationError",
                ErrorClass::BadInput => "BadInput",
                ErrorClass::Platform => "PlatformError",
            };
            // A driver that waited in vain for executors does not know why they did not come.
            let platform = failure.class == ErrorClass::Platform;
            let trouble = executors::first_trouble(seen).filter(|_| platform);
            if let Some(plan) = start::undo_gang(seen, &status, trouble.as_ref(), settings, now) {
                return plan;
            }
            let told = trouble.map(|trouble| trouble.message);
            let why = told.or_else(|| executors::not_started(seen).filter(|_| platform));
            let message = why.map_or(failure.message.clone(), |why| format!("{}; {why}", failure.message));
            badly(seen, status, End::Badly, (reason, &message), at, now)
        }
        (_, None) => {
            let reason = if exit.reason == "OOMKilled" { "OOMKilled" } else { "DriverFailed" };
            let code = exit.code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
            let tail = if exit.message.is_empty() { String::new() } else { format!(": {}", exit.message) };
            let message = format!(
                "the driver ended{code} ({}) and left no summary{tail}",
                if exit.reason.is_empty() { "unknown" } else { &exit.reason }
            );
            badly(seen, status, End::Badly, (reason, &message), at, now)
        }
    }
}

/// Ends a run whose pods the API server will never take; `why` is a word and a sentence. One whose driver runs goes on with the
/// executors it has.
pub fn reject(seen: &Seen<'_>, why: (&str, &str), now: Timestamp) -> Plan {
    let runs = seen.own_driver().is_some_and(|driver| driver.phase != Phase::Pending);
    if runs || seen.state() != State::Submitted {
        return Plan::default();
    }
    badly(seen, report::base(seen.app), End::Final, why, now, now)
}

/// Ends a run that went wrong; `why` is a word and a sentence, `at` when it ended.
pub fn badly(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    how: End,
    why: (&str, &str),
    at: Timestamp,
    now: Timestamp,
) -> Plan {
    if how == End::Badly {
        let worked = status.driver_info.as_ref().and_then(|driver| driver.running_since.as_ref());
        let healthy = worked.is_some_and(|since| at.duration_since(since.0).unsigned_abs() >= retry::HEALTHY);
        status.failed_attempts = if healthy { 1 } else { status.failed_attempts + 1 };
    }
    if !retry::follows(&seen.app.spec, &status, how) {
        report::finish(&mut status, Some(why), at, now);
        let event = Event::warning("SparkApplicationFailed", format!("{}: {}", why.0, why.1));
        let (actions, again) = end::clean_up(seen, at, now);
        return Plan { status: Some(status), actions, events: vec![event], again };
    }
    let (state, event) = if how == End::NotSubmitted {
        (State::SubmissionFailed, "SparkApplicationSubmissionFailed")
    } else {
        status.submission_attempts = 0;
        (State::Failing, "SparkApplicationFailing")
    };
    report::stop(&mut status, state, why, at, now);
    let event = Event::warning(event, format!("{}: {}", why.0, why.1));
    Plan { status: Some(status), actions: end::remove_all(seen), events: vec![event], again: None }
}

fn well(seen: &Seen<'_>, mut status: SparkApplicationStatus, at: Timestamp, now: Timestamp) -> Plan {
    status.failed_attempts = 0;
    let follows = retry::follows(&seen.app.spec, &status, End::Well);
    if follows {
        status.submission_attempts = 0;
        report::stop(&mut status, State::Succeeding, ("Completed", "the run completed"), at, now);
    } else {
        report::finish(&mut status, None, at, now);
    }
    let took = status.duration.clone().unwrap_or_default();
    let result = status.summary.as_ref().and_then(|summary| summary.result.clone());
    let message = format!("completed in {took}{}", result.map(|result| format!(": {result}")).unwrap_or_default());
    let (actions, again) = if follows { (end::remove_all(seen), None) } else { end::clean_up(seen, at, now) };
    Plan { status: Some(status), actions, events: vec![Event::normal("SparkApplicationCompleted", message)], again }
}
