//! Before an application has pods: refuses what cannot run, waits while there is no room, and admits. The attempt and the
//! executors' indexes are in the status that is saved before the first pod is made.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_crds::{DriverInfo, ExecutorStatus, QueuePlace, SparkApplication, SparkApplicationStatus, State};

use super::{driver_pod_name, end, report};
use crate::{
    Settings, intake,
    plan::{Action, Event, Plan},
    rules,
    seen::{Phase, PodSeen, Seen, Trouble},
    workload::{Refusal, Workload},
};

/// The longest sentence of a refusal, in bytes: a status stays small whatever was written.
const LONGEST: usize = 4_000;

/// What the cluster's scheduler says of a pod that it finds no node for.
const UNSCHEDULABLE: &str = "Unschedulable";
/// Why a gang that did not come up whole waits again.
pub const GANG_TIMEOUT: &str = "GangTimeout";

/// The plan of an application that may be admitted.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    let workload = match judge(seen) {
        Ok(workload) => workload,
        Err(refusal) => return refuse(seen, &refusal, now),
    };
    let status = report::renewed(seen.app);
    let held = seen.held.as_ref().and_then(|held| held.trouble.clone());
    match held.or_else(|| seen.driver.as_ref().map(predecessor)).or_else(|| seen.shortage.clone()) {
        Some(trouble) => wait(seen, status, &workload, &trouble, settings, now),
        None => admit(seen, status, &workload, now),
    }
}

/// Reads the spec, and holds one that is new to the rules of admission first: without the webhook nobody else has.
fn judge(seen: &Seen<'_>) -> Result<Workload, Refusal> {
    let is_new = match seen.state() {
        State::Queued => {
            seen.app.status.as_ref().is_some_and(|old| old.observed_generation != seen.app.metadata.generation)
        }
        State::PendingRerun => false,
        _ => true,
    };
    if is_new {
        let object = serde_json::to_value(seen.app).unwrap_or_default();
        let verdict = rules::check(&object, rules::Kind::SparkApplication, None);
        if !verdict.faults.is_empty() {
            let faults: Vec<String> = verdict.faults.iter().map(ToString::to_string).collect();
            let mut message = faults.join("; ");
            message.truncate(message.floor_char_boundary(LONGEST));
            return Err(Refusal { reason: "InvalidSpec", message });
        }
    }
    Workload::read(&seen.app.spec)
}

/// Back to the queue: a race used up the quota after admission, and what was made of the gang is undone. A gang that is
/// whole stays, and its elastic executors are asked for again later.
pub fn undo_admission(seen: &Seen<'_>, settings: &Settings, message: &str, now: Timestamp) -> Plan {
    let trouble = Trouble { reason: "QuotaExceeded".into(), message: message.to_string() };
    let Ok(workload) = Workload::read(&seen.app.spec) else { return Plan::default() };
    let live = seen.executors.iter().filter(|pod| pod.is_live()).count();
    let whole = seen.own_driver().is_some_and(PodSeen::is_live) && live >= workload.minimum as usize;
    let came_to_run = seen.own_driver().is_some_and(|driver| driver.phase != Phase::Pending);
    if seen.state() != State::Submitted || whole || came_to_run {
        let elastic = workload.allocation.is_some() && seen.state().is_admitted();
        let status = elastic.then(|| without_more(seen.app, live as u32)).flatten();
        return Plan { status, again: Some(settings.queue_interval), ..Plan::default() };
    }
    requeue(seen, report::base(seen.app), &workload, &trouble, settings, now)
}

/// With dynamic allocation those for which there is no quota are not on record any more: they are asked for as others are.
fn without_more(app: &SparkApplication, live: u32) -> Option<SparkApplicationStatus> {
    let mut status = report::base(app);
    let executors = status.executors.as_mut().filter(|executors| executors.wanted > live)?;
    executors.wanted = live;
    executors.summary = format!("{}/{live}", executors.running);
    Some(status)
}

/// Back to the queue, since others have a right to its room: nobody's failure, and told as a warning.
pub fn give_way(
    seen: &Seen<'_>,
    status: SparkApplicationStatus,
    workload: &Workload,
    evicted: &Trouble,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let mut plan = requeue(seen, status, workload, evicted, settings, now);
    plan.events = vec![Event::warning("SparkApplicationPreempted", evicted.message.clone())];
    plan
}

/// Back to the queue, since pods of the gang found no node in their time: others were faster, or nodes that an autoscaler was
/// to make did not come. Nobody's failure; it is tried again after a pause.
pub fn undo_gang(
    seen: &Seen<'_>,
    status: &SparkApplicationStatus,
    trouble: Option<&Trouble>,
    settings: &Settings,
    now: Timestamp,
) -> Option<Plan> {
    // A claim that is not there is its author's to mend, and no matter of room.
    let for_room =
        |trouble: &&Trouble| trouble.reason == UNSCHEDULABLE && !trouble.message.contains("persistentvolumeclaim");
    let trouble = trouble.filter(for_room)?;
    let workload = Workload::read(&seen.app.spec).ok()?;
    let limit = report::show_duration(settings.start_limit.as_secs());
    let message = format!(
        "it did not come up whole in {limit}, was undone, and is tried again after a pause: {}",
        trouble.message
    );
    let trouble = Trouble { reason: GANG_TIMEOUT.into(), message };
    let mut plan = requeue(seen, status.clone(), &workload, &trouble, settings, now);
    plan.events = vec![Event::warning("SparkApplicationUndone", trouble.message)];
    Some(plan)
}

/// Back to the queue, without counting it as a submission.
pub fn requeue(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    workload: &Workload,
    trouble: &Trouble,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    status.submission_attempts = status.submission_attempts.saturating_sub(1);
    wait(seen, status, workload, trouble, settings, now)
}

fn predecessor(pod: &PodSeen) -> Trouble {
    let message = format!("pod {} of an earlier run is still there; it must be gone before a driver is made", pod.name);
    Trouble { reason: "DriverNameInUse".into(), message }
}

fn refuse(seen: &Seen<'_>, refusal: &Refusal, now: Timestamp) -> Plan {
    let mut status = report::renewed(seen.app);
    report::finish(&mut status, Some((refusal.reason, &refusal.message)), now, now);
    let event = Event::warning("SparkApplicationFailed", refusal.message.clone());
    Plan { status: Some(status), actions: end::remove_all(seen), events: vec![event], again: None }
}

fn wait(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    workload: &Workload,
    trouble: &Trouble,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let why = (trouble.reason.as_str(), trouble.message.as_str());
    let queued = status.application_state.state == State::Queued;
    let told = queued && status.application_state.reason.as_deref() == Some(why.0);
    // Figures in the sentence change with every pod of others: who waits is not written anew for each.
    let same_spec = seen.app.status.as_ref().is_some_and(|old| old.observed_generation == status.observed_generation);
    let keep = told && same_spec && !seen.refresh && (seen.place.is_none() || status.queue == seen.place);
    if !keep {
        status.queue = place(seen);
        report::reopen(&mut status, now);
        report::set_state(&mut status, State::Queued, Some(why));
        report::set_condition(&mut status, "Admitted", false, why, now);
        set_executors(&mut status, workload.wanted);
    }
    let event = Event::normal("SparkApplicationQueued", trouble.message.clone());
    Plan {
        status: Some(status),
        // A gang is whole or absent: what an undone admission left goes with all that stands beside it, also when the
        // operator was killed while undoing it.
        actions: end::remove_all(seen),
        // One event for each reason; the figures in its message may change often.
        events: if told { Vec::new() } else { vec![event] },
        again: Some(seen.held.as_ref().map_or(settings.queue_interval, |held| held.left)),
    }
}

fn admit(seen: &Seen<'_>, mut status: SparkApplicationStatus, workload: &Workload, now: Timestamp) -> Plan {
    // Of those that dynamic allocation begins with, the ones that have room; they are asked for again when there is work.
    let wanted = seen.target.map_or(workload.wanted, |room| room.max(workload.minimum));
    let attempt = status.attempt + 1;
    status.attempt = attempt;
    status.admitted_attempt = attempt;
    status.submission_attempts += 1;
    report::reopen(&mut status, now);
    status.last_submission_attempt_time = Some(Time(report::whole_seconds(now)));
    status.driver_info = Some(DriverInfo { pod_name: driver_pod_name(seen.app), ..DriverInfo::default() });
    let executors = set_executors(&mut status, wanted);
    executors.failed = 0;
    executors.recent_failures.clear();
    let first = executors.highest_index + 1;
    executors.highest_index += wanted;
    status.queue = place(seen);
    report::set_state(&mut status, State::Submitted, None);
    let message = format!("the driver and {} executors have room", workload.minimum);
    report::set_condition(&mut status, "Admitted", true, ("Admitted", &message), now);
    let executors = (first..first + wanted).map(|index| Action::CreateExecutor { attempt, index });
    let message = format!("admitted; driver {} and {wanted} executors are made", driver_pod_name(seen.app));
    Plan {
        status: Some(status),
        actions: std::iter::once(Action::CreateDriver { attempt }).chain(executors).collect(),
        events: vec![Event::normal("SparkApplicationSubmitted", message)],
        again: None,
    }
}

/// The queue, and its place in line where that is known.
fn place(seen: &Seen<'_>) -> Option<QueuePlace> {
    let named = || intake::queue_of(seen.app).map(|queue| QueuePlace { name: queue.to_string(), position: 0 });
    seen.place.clone().or_else(named)
}

fn set_executors(status: &mut SparkApplicationStatus, wanted: u32) -> &mut ExecutorStatus {
    let executors = status.executors.get_or_insert_default();
    executors.wanted = wanted;
    executors.running = 0;
    executors.summary = format!("0/{wanted}");
    executors
}
