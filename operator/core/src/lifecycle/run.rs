//! While an application has pods: follows its driver until it has ended, is lost, or is not wanted any more. A driver that was
//! seen once and is gone is never made again in the same attempt.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_crds::{SparkApplicationStatus, State};

use super::{conclude, edit, end, executors, report, retry::End, start, suspend};
use crate::{
    Settings, Workload,
    plan::{Action, Event, Plan},
    seen::{Phase, PodSeen, Seen, Trouble},
};

/// The plan of an application that is SUBMITTED, RUNNING or UNKNOWN.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    let mut status = report::base(seen.app);
    let known = status.driver_info.as_ref().and_then(|info| info.pod_uid.clone());
    let mine = |driver: &&PodSeen| {
        driver.attempt >= status.admitted_attempt && known.as_ref().is_none_or(|known| *known == driver.uid)
    };
    let driver = seen.own_driver().filter(mine);
    // What has ended has ended, whatever its author wants by now.
    if let Some(driver) = driver.filter(|driver| driver.ended()) {
        if let Some(trouble) = refused_by_its_node(driver).filter(|_| known.is_none())
            && let Ok(workload) = Workload::read(&seen.app.spec)
        {
            return start::requeue(seen, status, &workload, &trouble, settings, now);
        }
        on_record(&mut status, driver, now);
        return conclude::plan(seen, status, driver, settings, now);
    }
    if suspend::is_asked_for(seen) {
        return suspend::begin(seen, now);
    }
    if edit::is_edited(seen.app) {
        return edit::begin(seen, now);
    }
    if let Some(evicted) = &seen.evicted
        && let Ok(workload) = Workload::read(&seen.app.spec)
    {
        return start::give_way(seen, status, &workload, evicted, settings, now);
    }
    match (driver, &seen.driver, known) {
        (Some(driver), _, _) => {
            if driver.phase != Phase::Pending {
                on_record(&mut status, driver, now);
            }
            with_driver(seen, status, driver, settings, now)
        }
        (None, Some(_), Some(_)) => lost(seen, status, "its pod was replaced by another of its name", now),
        (None, None, Some(_)) => lost(seen, status, "its pod is gone", now),
        (None, Some(other), None) => without_its_name(seen, status, other, settings, now),
        (None, None, None) => without_driver(seen, status, settings, now),
    }
}

/// On record from here on: should it vanish, it has run, and is not made again in this attempt.
fn on_record(status: &mut SparkApplicationStatus, driver: &PodSeen, now: Timestamp) {
    let info = status.driver_info.get_or_insert_default();
    if info.pod_uid.is_none() {
        info.pod_uid = Some(driver.uid.clone());
        info.running_since = Some(Time(report::whole_seconds(now)));
        status.execution_attempts += 1;
    }
}

/// A kubelet that has less room than was believed ends a pod before it begins; that is nobody's failure.
fn refused_by_its_node(driver: &PodSeen) -> Option<Trouble> {
    let exit = driver.exit.as_ref().filter(|exit| exit.code.is_none() && driver.phase == Phase::Failed)?;
    let words = ["NodeAffinity", "NodeShutdown", "UnexpectedAdmissionError", "PodOSNotSupported"];
    let refused = exit.reason.starts_with("OutOf") || words.contains(&exit.reason.as_str());
    let node = driver.node.as_deref().unwrap_or("?");
    let message = || format!("node {node} did not take the driver ({}): {}", exit.reason, exit.message);
    refused.then(|| Trouble { reason: "PlacementConflict".into(), message: message() })
}

/// A driver was to be made, and there is none.
fn without_driver(seen: &Seen<'_>, mut status: SparkApplicationStatus, settings: &Settings, now: Timestamp) -> Plan {
    let left = start_time_left(&status, settings, now);
    let trouble = seen.held.as_ref().and_then(|held| held.trouble.clone());
    if left.is_zero() {
        let message = "the driver's pod could not be made, or vanished before it ran".to_string();
        let trouble = trouble.unwrap_or(Trouble { reason: "StartTimeout".into(), message });
        return not_submitted(seen, status, &trouble, now);
    }
    if let Some(held) = &seen.held {
        let why = trouble.as_ref().map(|trouble| (trouble.reason.as_str(), trouble.message.as_str()));
        report::set_state(&mut status, State::Submitted, why);
        return Plan { status: Some(status), again: Some(held.left.min(left)), ..Plan::default() };
    }
    // It is on record that a driver was to be made, not whether it was: the next one has a number of its own.
    status.attempt += 1;
    let attempt = status.attempt;
    executors::follow(seen, status, vec![Action::CreateDriver { attempt }], false, now)
}

fn with_driver(
    seen: &Seen<'_>,
    status: SparkApplicationStatus,
    driver: &PodSeen,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    if driver.deleting {
        let node = driver.node.as_deref().filter(|_| !driver.node_ready);
        let why = node.map_or("its pod was deleted".to_string(), |node| format!("its node {node} does not answer"));
        return lost(seen, status, &why, now);
    }
    match (driver.phase, driver.node_ready) {
        (Phase::Pending, _) => pending(seen, status, driver, settings, now),
        (_, true) => running(seen, status, driver, now),
        (_, false) => unknown(status, driver, now),
    }
}

fn running(seen: &Seen<'_>, mut status: SparkApplicationStatus, driver: &PodSeen, now: Timestamp) -> Plan {
    let began = status.application_state.state != State::Running;
    report::set_state(&mut status, State::Running, None);
    report::set_condition(&mut status, "Running", true, ("DriverRunning", "the driver runs"), now);
    let mut plan = executors::follow(seen, status, Vec::new(), true, now);
    if began && plan.status.as_ref().is_some_and(|status| status.application_state.state == State::Running) {
        plan.events.insert(0, Event::normal("SparkDriverRunning", format!("driver {} runs", driver.name)));
    }
    plan
}

/// Nobody knows what the driver does: nothing is done about its executors until its node answers, or its pod is deleted.
fn unknown(mut status: SparkApplicationStatus, driver: &PodSeen, now: Timestamp) -> Plan {
    let told = status.application_state.state == State::Unknown;
    let node = driver.node.as_deref().unwrap_or("?");
    let message = format!("node {node} of the driver does not answer");
    report::set_state(&mut status, State::Unknown, Some(("NodeNotReady", &message)));
    report::set_condition(&mut status, "Running", false, ("NodeNotReady", &message), now);
    let events = if told { Vec::new() } else { vec![Event::warning("SparkDriverUnknown", message)] };
    Plan { status: Some(status), events, ..Plan::default() }
}

fn pending(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    driver: &PodSeen,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let left = start_time_left(&status, settings, now);
    let trouble = driver.trouble.clone().or_else(|| executors::first_trouble(seen));
    if left.is_zero() {
        if let Some(plan) = start::undo_gang(seen, &status, trouble.as_ref(), settings, now) {
            return plan;
        }
        let trouble = trouble
            .unwrap_or(Trouble { reason: "StartTimeout".into(), message: "the driver's pod did not start".into() });
        let limit = report::show_duration(settings.start_limit.as_secs());
        let message = format!("{} (gave up after {limit})", trouble.message);
        return not_submitted(seen, status, &Trouble { message, ..trouble }, now);
    }
    let told = status.application_state.reason.clone();
    let why = trouble.as_ref().map(|trouble| (trouble.reason.as_str(), trouble.message.as_str()));
    report::set_state(&mut status, State::Submitted, why);
    let mut plan = executors::follow(seen, status, Vec::new(), false, now);
    if let Some(trouble) = trouble.filter(|trouble| told.as_ref() != Some(&trouble.reason)) {
        plan.events.push(Event::warning("SparkDriverPending", trouble.message));
    }
    plan.again = Some(plan.again.map_or(left, |again| again.min(left)));
    plan
}

/// Another pod has the driver's name: somebody else's, or one of an earlier run that came late.
fn without_its_name(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    other: &PodSeen,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let ours = seen.own_driver();
    let whose = if ours.is_some() { "an earlier run" } else { "somebody else" };
    let message = format!("pod {} belongs to {whose}; it must be gone before a driver is made", other.name);
    let trouble = Trouble { reason: "DriverNameInUse".into(), message };
    if start_time_left(&status, settings, now).is_zero() {
        return not_submitted(seen, status, &trouble, now);
    }
    report::set_state(&mut status, State::Submitted, Some((&trouble.reason, &trouble.message)));
    let actions = ours.filter(|pod| !pod.deleting).map(end::delete).into_iter().collect();
    Plan { status: Some(status), actions, events: Vec::new(), again: Some(settings.queue_interval) }
}

fn lost(seen: &Seen<'_>, status: SparkApplicationStatus, why: &str, now: Timestamp) -> Plan {
    let ran = status.driver_info.as_ref().is_some_and(|info| info.pod_uid.is_some());
    let how = if ran { End::Badly } else { End::NotSubmitted };
    conclude::badly(seen, status, how, ("DriverLost", &format!("the driver was lost: {why}")), now, now)
}

fn not_submitted(seen: &Seen<'_>, status: SparkApplicationStatus, trouble: &Trouble, now: Timestamp) -> Plan {
    conclude::badly(seen, status, End::NotSubmitted, (&trouble.reason, &trouble.message), now, now)
}

/// How long the driver may still take to run.
fn start_time_left(status: &SparkApplicationStatus, settings: &Settings, now: Timestamp) -> Duration {
    let waited = status.last_submission_attempt_time.as_ref().map(|at| now.duration_since(at.0)).unwrap_or_default();
    settings.start_limit.saturating_sub(Duration::try_from(waited).unwrap_or_default())
}
