//! Between two runs of one generation: what is left of the last one is removed, its time is awaited, and it asks for room
//! again. Pods that never go end it with a reason, so that nothing waits for ever.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use onager_crds::{SparkApplicationStatus, State};

use super::{edit, end, report, retry, start, suspend};
use crate::{
    Settings,
    plan::{Event, Plan},
    seen::{Seen, SideKind},
};

/// When to look again where pods are gone and a Service is not: its deletion may have been an own write, of which no news come.
pub const SOON: Duration = Duration::from_secs(1);

/// The plan of an application that is SUCCEEDING, FAILING, SUBMISSION_FAILED or PENDING_RERUN.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    if suspend::is_asked_for(seen) {
        return suspend::begin(seen, now);
    }
    if edit::is_edited(seen.app) {
        return edit::begin(seen, now);
    }
    let status = report::base(seen.app);
    let ended = status.termination_time.as_ref().map_or(now, |at| at.0);
    let waits = seen.state() == State::PendingRerun;
    if if waits { something_is_left(seen) } else { seen.own_driver().is_some() } {
        return await_gone(seen, status, ended, settings, now);
    }
    let due = due(seen, &status, ended);
    let left = left_until(due, now);
    match waits {
        true if left.is_zero() => start::plan(seen, settings, now),
        true => Plan { status: Some(status), again: Some(left), ..Plan::default() },
        false => wait(seen, status, due, now),
    }
}

fn wait(seen: &Seen<'_>, mut status: SparkApplicationStatus, due: Timestamp, now: Timestamp) -> Plan {
    let left = left_until(due, now);
    let state = &status.application_state;
    let why = state.error_message.clone().unwrap_or_else(|| "the run ended".into());
    let reason = state.reason.clone().unwrap_or_else(|| "Completed".into());
    let message = format!("{why}; it runs again at {}", report::whole_seconds(due));
    report::set_state(&mut status, State::PendingRerun, Some((&reason, &message)));
    report::set_condition(&mut status, "Admitted", false, ("PendingRerun", &message), now);
    let event = Event::normal("SparkApplicationPendingRerun", message);
    Plan { status: Some(status), actions: end::remove_all(seen), events: vec![event], again: Some(left) }
}

fn due(seen: &Seen<'_>, status: &SparkApplicationStatus, ended: Timestamp) -> Timestamp {
    let delay = SignedDuration::try_from(retry::delay(&seen.app.spec, status)).unwrap_or(SignedDuration::ZERO);
    ended.checked_add(delay).unwrap_or(ended)
}

fn left_until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or_default()
}

/// Whether pods of an earlier run, or its driver's Service, are still there.
pub fn something_is_left(seen: &Seen<'_>) -> bool {
    seen.own_pods().next().is_some() || seen.sides.iter().any(|side| side.kind == SideKind::Service)
}

/// Removes what is left of a run, and gives up when it does not go within the limit from `since` on.
pub fn await_gone(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    since: Timestamp,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let limit = SignedDuration::try_from(settings.going_limit).unwrap_or(SignedDuration::MAX);
    let left = left_until(since.checked_add(limit).unwrap_or(since), now);
    let actions = end::remove_all(seen);
    if seen.own_pods().next().is_none() {
        return Plan { status: Some(status), actions, events: Vec::new(), again: Some(SOON) };
    }
    if !left.is_zero() {
        return Plan { status: Some(status), actions, events: Vec::new(), again: Some(left) };
    }
    let names: Vec<&str> = seen.own_pods().map(|pod| pod.name.as_str()).take(5).collect();
    let message = format!(
        "pods of the last run do not go: {}. Another must not run beside them; see whether their nodes are there",
        names.join(", ")
    );
    let at = status.termination_time.as_ref().map_or(now, |at| at.0);
    report::finish(&mut status, Some(("PodsRemain", &message)), at, now);
    let event = Event::warning("SparkApplicationFailed", format!("PodsRemain: {message}"));
    Plan { status: Some(status), actions, events: vec![event], again: None }
}
