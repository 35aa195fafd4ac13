//! While an application has pods: follows its driver, replaces executors that are lost, and concludes when the driver has
//! ended. A driver that was seen once and is gone is never made again in the same attempt.

use std::time::Duration;

use jiff::Timestamp;
use onager_contract::{ErrorClass, Summary};
use onager_crds::{ExecutorFailure, SparkApplicationStatus, State};

use super::{end, report};
use crate::{
    Settings,
    allocation::Rules,
    plan::{Action, Event, EventKind, Plan},
    seen::{Exit, Phase, PodSeen, Role, Seen, Trouble},
};

/// How many failures of executors a status names.
const RECENT_FAILURES: usize = 5;
/// A run with more crashed executors than this for each wanted one is given up; `spark.executor.maxNumFailures` of Spark.
const FAILURES_PER_EXECUTOR: u32 = 2;
/// Where nothing limits the number of executors, so many of them do that of crashes: a run must come to an end.
const ELASTIC_LIMIT: u32 = 50;
/// The least limit on crashed executors, Spark's too.
const LEAST_FAILURES: u32 = 3;

/// The plan of an application that is SUBMITTED or RUNNING.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    let mut status = report::base(seen.app);
    let known = status.driver_info.as_ref().and_then(|info| info.pod_uid.clone());
    match (&seen.driver, known) {
        (Some(driver), _) if driver.owner.as_deref() != Some(seen.uid()) => {
            foreign_driver(seen, status, driver, settings, now)
        }
        (Some(driver), Some(known)) if driver.uid != known => {
            lost_driver(seen, status, "its pod was replaced by another of its name", now)
        }
        (Some(driver), _) => {
            if driver.phase != Phase::Pending {
                // On record from here on: should it vanish, it has run, and is not made again.
                status.driver_info.get_or_insert_default().pod_uid = Some(driver.uid.clone());
            }
            with_driver(seen, status, driver, settings, now)
        }
        (None, Some(_)) => lost_driver(seen, status, "its pod is gone", now),
        (None, None) => without_driver(seen, status, settings, now),
    }
}

/// A driver was to be made, and there is none.
fn without_driver(seen: &Seen<'_>, mut status: SparkApplicationStatus, settings: &Settings, now: Timestamp) -> Plan {
    let left = start_time_left(&status, settings, now);
    let trouble = seen.held.as_ref().and_then(|held| held.trouble.clone());
    if left.is_zero() {
        let message = "the driver's pod could not be made, or vanished before it ran".to_string();
        let trouble = trouble.unwrap_or(Trouble { reason: "StartTimeout".into(), message });
        return fail(seen, status, (&trouble.reason, &trouble.message), now, now);
    }
    if let Some(held) = &seen.held {
        let why = trouble.as_ref().map(|trouble| (trouble.reason.as_str(), trouble.message.as_str()));
        report::set_state(&mut status, State::Submitted, why);
        return Plan { status: Some(status), again: Some(held.left.min(left)), ..Plan::default() };
    }
    // It is on record that a driver was to be made, not whether it was: the next one has a number of its own.
    status.submission_attempts += 1;
    let attempt = status.submission_attempts;
    with_executors(seen, status, vec![Action::CreateDriver { attempt }], false, now)
}

fn with_driver(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    driver: &PodSeen,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    match driver.phase {
        Phase::Succeeded | Phase::Failed => return conclude(seen, status, driver, now),
        _ if driver.deleting => {
            let node = driver.node.as_deref().filter(|_| !driver.node_ready);
            let why = node.map_or("its pod was deleted".to_string(), |node| format!("its node {node} does not answer"));
            return lost_driver(seen, status, &why, now);
        }
        Phase::Running => {
            let began = status.application_state.state != State::Running;
            report::set_state(&mut status, State::Running, None);
            report::set_condition(&mut status, "Running", true, ("DriverRunning", "the driver runs"), now);
            let mut plan = with_executors(seen, status, Vec::new(), true, now);
            if began && plan.status.as_ref().is_some_and(|status| status.application_state.state == State::Running) {
                let message = format!("driver {} runs", driver.name);
                plan.events.insert(0, Event { kind: EventKind::Normal, reason: "SparkDriverRunning", message });
            }
            return plan;
        }
        Phase::Pending => {}
    }
    let left = start_time_left(&status, settings, now);
    let trouble = driver.trouble.clone().or_else(|| first_trouble(seen));
    if left.is_zero() {
        let trouble = trouble
            .unwrap_or(Trouble { reason: "StartTimeout".into(), message: "the driver's pod did not start".into() });
        let message =
            format!("{} (gave up after {})", trouble.message, report::show_duration(settings.start_limit.as_secs()));
        return fail(seen, status, (&trouble.reason, &message), now, now);
    }
    let told = status.application_state.reason.clone();
    report::set_state(
        &mut status,
        State::Submitted,
        trouble.as_ref().map(|trouble| (trouble.reason.as_str(), trouble.message.as_str())),
    );
    let mut plan = with_executors(seen, status, Vec::new(), false, now);
    if let Some(trouble) = trouble.filter(|trouble| told.as_ref() != Some(&trouble.reason)) {
        plan.events.push(Event { kind: EventKind::Warning, reason: "SparkDriverPending", message: trouble.message });
    }
    plan.again = Some(plan.again.map_or(left, |again| again.min(left)));
    plan
}

/// Counts executors, replaces the lost ones and removes what is too many.
fn with_executors(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    mut actions: Vec<Action>,
    driver_runs: bool,
    now: Timestamp,
) -> Plan {
    let attempt = status.submission_attempts;
    let mut events = Vec::new();
    let mut executors = status.executors.clone().unwrap_or_default();
    // A driver whose create was answered late, or to an operator that is gone, is of an older attempt and as good as a new one.
    let oldest = seen.own_driver().map_or(attempt, |driver| driver.attempt.min(attempt));
    let (mine, stale): (Vec<&PodSeen>, Vec<&PodSeen>) = seen.executors.iter().partition(|pod| pod.attempt >= oldest);
    // Those that their driver has let go are not missed, however they end.
    let (leaving, mine): (Vec<&PodSeen>, Vec<&PodSeen>) = mine.into_iter().partition(|pod| is_drained(seen, pod));

    let mut live: Vec<&PodSeen> = mine.iter().copied().filter(|pod| pod.is_live()).collect();
    // Where too many are there, the last leave; with dynamic allocation only such as do not run yet.
    live.sort_by_key(|pod| (seen.target.is_some() && pod.phase != Phase::Running, pod.role));
    let wanted = wanted(seen, &live);
    // An executor that ended well was sent home by its driver, or was asked to end: nobody takes its place.
    let left = mine.iter().filter(|pod| pod.phase == Phase::Succeeded).count();
    let wanting = (wanted as usize).saturating_sub(live.len() + left);
    let missing = if seen.held.is_some() { 0 } else { wanting };
    // Whoever was there and is lost is told of, also where nobody takes its place.
    let gone = (wanted.max(executors.wanted) as usize).saturating_sub(live.len() + left);
    let gone = if seen.held.is_some() { 0 } else { gone };
    // The youngest first: of many that stay visible for long, the old ones were counted before.
    let mut lost: Vec<&PodSeen> = mine.iter().copied().filter(|pod| is_lost(pod)).collect();
    lost.sort_by_key(|pod| std::cmp::Reverse(pod.role));
    // A lost pod is counted when its place is given to another, or to nobody: once, though it may be seen for long.
    let known = |pod: &PodSeen| executors.recent_failures.iter().any(|failure| failure.pod_name == pod.name);
    // With dynamic allocation one that was taken back before it ran is seen for a while, and was never there.
    let was_there = |pod: &PodSeen| seen.target.is_none() || pod.phase != Phase::Pending;
    let news: Vec<&PodSeen> = lost.iter().copied().filter(|pod| !known(pod) && was_there(pod)).take(gone).collect();
    for pod in news {
        let reason = loss_reason(pod);
        executors.failed += u32::from(pod.exit.as_ref().is_some_and(|exit| exit.code.is_some()));
        executors.recent_failures.push(ExecutorFailure { pod_name: pod.name.clone(), reason: reason.clone() });
        let message = format!("executor {} was lost: {reason}", pod.name);
        events.push(Event { kind: EventKind::Warning, reason: "SparkExecutorFailed", message });
        if let (true, Role::Executor(index)) = (driver_runs, pod.role) {
            actions.push(Action::TellExecutorLost { index, reason });
        }
    }
    let excess = executors.recent_failures.len().saturating_sub(RECENT_FAILURES);
    executors.recent_failures.drain(..excess);
    let crashed = executors.failed;
    let limit = most(seen, wanted).saturating_mul(FAILURES_PER_EXECUTOR).max(LEAST_FAILURES);
    if crashed > limit {
        let last = executors.recent_failures.last().map(|failure| failure.reason.clone()).unwrap_or_default();
        status.executors = Some(executors);
        let message = format!("{crashed} executors crashed, more than the limit of {limit}; the last: {last}");
        return fail(seen, status, ("ExecutorsFailing", &message), now, now);
    }

    actions.extend(lost.iter().chain(&stale).chain(&leaving).filter(|pod| !pod.deleting).map(|pod| end::delete(pod)));
    let missing = missing as u32;
    actions.extend((1..=missing).map(|more| Action::CreateExecutor { attempt, index: executors.highest_index + more }));
    executors.highest_index += missing;
    actions.extend(live.iter().skip(wanted as usize).map(|pod| end::delete(pod)));

    let running = live.iter().take(wanted as usize).filter(|pod| pod.phase == Phase::Running).count();
    // Those that have left did so because the end is near: no reason to count down.
    let running = (running + left).min(wanted as usize) as u32;
    if running == wanted && executors.running < wanted {
        let message = format!("all {wanted} executors run");
        events.push(Event { kind: EventKind::Normal, reason: "SparkExecutorsRunning", message });
    }
    if wanted != executors.wanted || quarters(running, wanted) != quarters(executors.running, wanted) {
        executors.wanted = wanted;
        executors.running = running;
        executors.summary = format!("{running}/{wanted}");
    }
    status.executors = Some(executors);
    let held = seen.held.as_ref().filter(|_| wanting > 0);
    let trouble = held.and_then(|held| held.trouble.clone()).or_else(|| first_trouble(seen));
    if let Some(trouble) = trouble.filter(|_| driver_runs) {
        report::set_state(&mut status, State::Running, Some((&trouble.reason, &trouble.message)));
    }
    Plan { status: Some(status), actions, events, again: held.map(|held| held.left) }
}

/// How many executors there are to be. With dynamic allocation one that runs stays until its driver lets it go.
fn wanted(seen: &Seen<'_>, live: &[&PodSeen]) -> u32 {
    let running = live.iter().filter(|pod| pod.phase == Phase::Running).count() as u32;
    seen.target.map_or(seen.app.spec.executor.wanted(), |target| target.max(running))
}

/// How many executors limit how many may crash: as many as there may be, where their number changes.
fn most(seen: &Seen<'_>, wanted: u32) -> u32 {
    let rules = seen.target.and_then(|_| Rules::read(&seen.app.spec).ok()?);
    rules.map_or(wanted, |rules| rules.maximum.min(ELASTIC_LIMIT).max(wanted))
}

fn is_drained(seen: &Seen<'_>, pod: &PodSeen) -> bool {
    matches!(pod.role, Role::Executor(index) if seen.drained.contains(&index))
}

/// In how many steps a count of executors is written down: each costs a write, and there may be thousands.
fn quarters(running: u32, wanted: u32) -> u32 {
    if wanted <= 4 { running } else { running * 4 / wanted }
}

fn is_lost(pod: &PodSeen) -> bool {
    pod.phase == Phase::Failed || (pod.phase != Phase::Succeeded && (pod.deleting || !pod.node_ready))
}

fn loss_reason(pod: &PodSeen) -> String {
    if !pod.node_ready {
        return format!("node {} does not answer", pod.node.as_deref().unwrap_or("?"));
    }
    match &pod.exit {
        Some(Exit { code: Some(code), reason, .. }) => format!("{reason}, exit code {code}"),
        Some(Exit { code: None, reason, message, .. }) => format!("{reason}: {message}"),
        None => "its pod was deleted".into(),
    }
}

fn first_trouble(seen: &Seen<'_>) -> Option<Trouble> {
    let pods = seen.executors.iter().filter(|pod| pod.is_live());
    pods.filter_map(|pod| pod.trouble.as_ref().map(|trouble| (pod, trouble))).next().map(|(pod, trouble)| Trouble {
        reason: trouble.reason.clone(),
        message: format!("executor {}: {}", pod.name, trouble.message),
    })
}

fn conclude(seen: &Seen<'_>, mut status: SparkApplicationStatus, driver: &PodSeen, now: Timestamp) -> Plan {
    let exit = driver.exit.clone().unwrap_or_default();
    let at = exit.at.unwrap_or(now);
    let summary = serde_json::from_str::<Summary>(&exit.message).ok();
    status.summary = summary.as_ref().map(report::show_summary);
    let failure = summary.and_then(|summary| summary.failure);
    match (driver.phase, failure) {
        (Phase::Succeeded, None) => {
            report::finish(&mut status, None, at, now);
            let took = status.duration.clone().unwrap_or_default();
            let result = status.summary.as_ref().and_then(|summary| summary.result.clone());
            let message =
                format!("completed in {took}{}", result.map(|result| format!(": {result}")).unwrap_or_default());
            let event = Event { kind: EventKind::Normal, reason: "SparkApplicationCompleted", message };
            Plan { status: Some(status), actions: end::clean_up(seen), events: vec![event], again: None }
        }
        (_, Some(failure)) => {
            let reason = match failure.class {
                ErrorClass::Application => "ApplicationError",
                ErrorClass::BadInput => "BadInput",
                ErrorClass::Platform => "PlatformError",
            };
            // A driver that waited in vain for executors does not know why they did not come.
            let trouble = first_trouble(seen).filter(|_| failure.class == ErrorClass::Platform);
            let message =
                trouble.map_or(failure.message.clone(), |trouble| format!("{}; {}", failure.message, trouble.message));
            fail(seen, status, (reason, &message), at, now)
        }
        (_, None) => {
            let reason = if exit.reason == "OOMKilled" { "OOMKilled" } else { "DriverFailed" };
            let code = exit.code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
            let tail = if exit.message.is_empty() { String::new() } else { format!(": {}", exit.message) };
            let message = format!(
                "the driver ended{code} ({}) and left no summary{tail}",
                if exit.reason.is_empty() { "unknown" } else { &exit.reason }
            );
            fail(seen, status, (reason, &message), at, now)
        }
    }
}

fn lost_driver(seen: &Seen<'_>, status: SparkApplicationStatus, why: &str, now: Timestamp) -> Plan {
    fail(seen, status, ("DriverLost", &format!("the driver was lost: {why}")), now, now)
}

/// How long the driver may still take to run.
fn start_time_left(status: &SparkApplicationStatus, settings: &Settings, now: Timestamp) -> Duration {
    let waited = status.last_submission_attempt_time.as_ref().map(|at| now.duration_since(at.0)).unwrap_or_default();
    settings.start_limit.saturating_sub(Duration::try_from(waited).unwrap_or_default())
}

fn foreign_driver(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    driver: &PodSeen,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    let message = format!("pod {} belongs to somebody else; it must be gone before a driver is made", driver.name);
    if start_time_left(&status, settings, now).is_zero() {
        return fail(seen, status, ("DriverNameInUse", &message), now, now);
    }
    report::set_state(&mut status, State::Submitted, Some(("DriverNameInUse", &message)));
    Plan { status: Some(status), again: Some(settings.queue_interval), ..Plan::default() }
}

/// Ends a run whose pods the API server will never take. One whose driver runs goes on with the executors it has.
pub fn reject(seen: &Seen<'_>, message: &str, now: Timestamp) -> Plan {
    if seen.own_driver().is_some_and(|driver| driver.phase != Phase::Pending) {
        return Plan::default();
    }
    fail(seen, report::base(seen.app), ("PodRejected", message), now, now)
}

fn fail(seen: &Seen<'_>, mut status: SparkApplicationStatus, why: (&str, &str), at: Timestamp, now: Timestamp) -> Plan {
    report::finish(&mut status, Some(why), at, now);
    let event =
        Event { kind: EventKind::Warning, reason: "SparkApplicationFailed", message: format!("{}: {}", why.0, why.1) };
    Plan { status: Some(status), actions: end::clean_up(seen), events: vec![event], again: None }
}
