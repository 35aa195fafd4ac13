//! Before an application has pods: refuses what cannot run, waits while there is no room, and admits. The attempt and the
//! executors' indexes are in the status that is saved before the first pod is made.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_crds::{DriverInfo, ExecutorStatus, SparkApplication, SparkApplicationStatus, State};

use super::{driver_pod_name, end, report};
use crate::{
    Settings,
    plan::{Action, Event, EventKind, Plan},
    seen::{Phase, PodSeen, Seen, Trouble},
    workload::{Refusal, Workload},
};

/// The plan of an application that is New or QUEUED.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    let workload = match Workload::read(&seen.app.spec) {
        Ok(workload) => workload,
        Err(refusal) => return refuse(seen.app, &refusal, now),
    };
    let held = seen.held.as_ref().and_then(|held| held.trouble.clone());
    match held.or_else(|| seen.driver.as_ref().map(predecessor)).or_else(|| seen.shortage.clone()) {
        Some(trouble) => wait(seen, &workload, &trouble, settings, now),
        None => admit(seen, &workload, now),
    }
}

/// Back to the queue: a race used up the quota after admission, and what was made of the gang is undone. A gang that is
/// whole stays, and its elastic executors are asked for again later.
pub fn undo_admission(seen: &Seen<'_>, settings: &Settings, message: &str, now: Timestamp) -> Plan {
    let trouble = Trouble { reason: "QuotaExceeded".into(), message: message.to_string() };
    let Ok(workload) = Workload::read(&seen.app.spec) else { return Plan::default() };
    let live = seen.executors.iter().filter(|pod| pod.is_live()).count();
    let whole = seen.own_driver().is_some_and(PodSeen::is_live) && live >= workload.minimum as usize;
    if whole || seen.own_driver().is_some_and(|driver| driver.phase != Phase::Pending) {
        let status = workload.allocation.and_then(|_| without_more(seen.app, live as u32));
        return Plan { status, again: Some(settings.queue_interval), ..Plan::default() };
    }
    wait(seen, &workload, &trouble, settings, now)
}

/// With dynamic allocation those for which there is no quota are not on record any more: they are asked for as others are.
fn without_more(app: &SparkApplication, live: u32) -> Option<SparkApplicationStatus> {
    let mut status = report::base(app);
    let executors = status.executors.as_mut().filter(|executors| executors.wanted > live)?;
    executors.wanted = live;
    executors.summary = format!("{}/{live}", executors.running);
    Some(status)
}

fn predecessor(pod: &PodSeen) -> Trouble {
    let message = format!("pod {} of an earlier run is still there; it must be gone before a driver is made", pod.name);
    Trouble { reason: "DriverNameInUse".into(), message }
}

fn refuse(app: &SparkApplication, refusal: &Refusal, now: Timestamp) -> Plan {
    let mut status = report::base(app);
    report::finish(&mut status, Some((refusal.reason, &refusal.message)), now, now);
    let event = Event { kind: EventKind::Warning, reason: "SparkApplicationFailed", message: refusal.message.clone() };
    Plan { status: Some(status), events: vec![event], ..Plan::default() }
}

fn wait(seen: &Seen<'_>, workload: &Workload, trouble: &Trouble, settings: &Settings, now: Timestamp) -> Plan {
    let mut status = report::base(seen.app);
    let why = (trouble.reason.as_str(), trouble.message.as_str());
    let queued = status.application_state.state == State::Queued;
    let told = queued && status.application_state.reason.as_deref() == Some(why.0);
    // Figures in the sentence change with every pod of others: who waits is not written anew for each.
    let same_spec = seen.app.status.as_ref().is_some_and(|old| old.observed_generation == status.observed_generation);
    let keep = told && same_spec && !seen.refresh;
    if !keep {
        report::set_state(&mut status, State::Queued, Some(why));
        report::set_condition(&mut status, "Admitted", false, why, now);
        set_executors(&mut status, workload.wanted);
    }
    // A gang is whole or absent: what an undone admission left goes, also when the operator was killed while undoing it.
    let left = seen.own_driver().into_iter().chain(&seen.executors).filter(|pod| !pod.deleting);
    let event = Event { kind: EventKind::Normal, reason: "SparkApplicationQueued", message: trouble.message.clone() };
    Plan {
        status: Some(status),
        actions: left.map(end::delete).collect(),
        // One event for each reason; the figures in its message may change often.
        events: if told { Vec::new() } else { vec![event] },
        again: Some(seen.held.as_ref().map_or(settings.queue_interval, |held| held.left)),
    }
}

fn admit(seen: &Seen<'_>, workload: &Workload, now: Timestamp) -> Plan {
    let app = seen.app;
    // Of those that dynamic allocation begins with, the ones that have room; they are asked for again when there is work.
    let wanted = seen.target.map_or(workload.wanted, |room| room.max(workload.minimum));
    let mut status = report::base(app);
    let attempt = status.submission_attempts + 1;
    status.submission_attempts = attempt;
    status.last_submission_attempt_time = Some(Time(report::whole_seconds(now)));
    status.driver_info = Some(DriverInfo { pod_name: driver_pod_name(app), ..DriverInfo::default() });
    let first = set_executors(&mut status, wanted).highest_index + 1;
    if let Some(executors) = &mut status.executors {
        executors.highest_index += wanted;
    }
    report::set_state(&mut status, State::Submitted, None);
    let message = format!("the driver and {} executors have room", workload.minimum);
    report::set_condition(&mut status, "Admitted", true, ("Admitted", &message), now);
    let executors = (first..first + wanted).map(|index| Action::CreateExecutor { attempt, index });
    let event = Event {
        kind: EventKind::Normal,
        reason: "SparkApplicationSubmitted",
        message: format!("admitted; driver {} and {wanted} executors are made", driver_pod_name(app)),
    };
    Plan {
        status: Some(status),
        actions: std::iter::once(Action::CreateDriver { attempt }).chain(executors).collect(),
        events: vec![event],
        again: None,
    }
}

fn set_executors(status: &mut SparkApplicationStatus, wanted: u32) -> &ExecutorStatus {
    let executors = status.executors.get_or_insert_default();
    executors.wanted = wanted;
    executors.running = 0;
    executors.summary = format!("0/{wanted}");
    executors
}
