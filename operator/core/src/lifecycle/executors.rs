//! Executors of a run: counts them, gives the places of those that are lost to others, and removes what is too many, the
//! highest index first. An index is on record before its pod is made, and never given twice.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use onager_crds::{ExecutorFailure, SparkApplicationStatus, State};

use super::{conclude, end, report, retry::End};
use crate::{
    allocation::Rules,
    conf,
    plan::{Action, Event, Plan},
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
/// An executor that ended well was sent home, since the end is near: for so long nobody takes its place.
const HOME: Duration = Duration::from_secs(60);

/// Counts executors, replaces the lost ones and removes what is too many.
pub fn follow(
    seen: &Seen<'_>,
    mut status: SparkApplicationStatus,
    mut actions: Vec<Action>,
    driver_runs: bool,
    now: Timestamp,
) -> Plan {
    let attempt = status.attempt;
    let mut events = Vec::new();
    let mut executors = status.executors.clone().unwrap_or_default();
    // A driver whose create was answered late, or to an operator that is gone, is of an older attempt and as good as a new one.
    let oldest = seen.own_driver().map_or(attempt, |driver| driver.attempt.min(attempt)).max(status.admitted_attempt);
    let (mine, stale): (Vec<&PodSeen>, Vec<&PodSeen>) = seen.executors.iter().partition(|pod| pod.attempt >= oldest);
    // Those that their driver has let go, or that were too many, are not missed, however they end.
    let (leaving, mine): (Vec<&PodSeen>, Vec<&PodSeen>) =
        mine.into_iter().partition(|pod| is_drained(seen, pod) || (pod.dismissed && pod.node_ready));

    let mut live: Vec<&PodSeen> = mine.iter().copied().filter(|pod| pod.is_live()).collect();
    // Where too many are there, the last leave; with dynamic allocation only such as do not run yet.
    live.sort_by_key(|pod| (seen.target.is_some() && pod.phase != Phase::Running, pod.role));
    let wanted = wanted(seen, &live);
    let home: Vec<Duration> = mine.iter().filter_map(|pod| is_home_for(pod, now)).collect();
    let left = home.len();
    let wanting = (wanted as usize).saturating_sub(live.len() + left);
    // Those of an older attempt have their room until they are gone.
    let in_place = stale.iter().filter(|pod| pod.node_ready && !pod.ended()).count();
    let missing = if seen.held.is_some() { 0 } else { wanting.saturating_sub(in_place) };
    // Whoever was there and is lost is told of, also where nobody takes its place.
    let gone = (wanted.max(executors.wanted) as usize).saturating_sub(live.len() + left);
    let gone = if seen.held.is_some() { 0 } else { gone };
    let mut lost: Vec<&PodSeen> = mine.iter().copied().filter(|pod| is_lost(pod)).collect();
    lost.sort_by_key(|pod| by_news(pod));
    // A lost pod is counted when its place is given to another, or to nobody: once, though it may be seen for long.
    let known = |pod: &PodSeen| executors.recent_failures.iter().any(|failure| failure.pod_name == pod.name);
    // With dynamic allocation one that was taken back before it ran is seen for a while, and was never there.
    let was_there = |pod: &PodSeen| seen.target.is_none() || pod.phase != Phase::Pending;
    let news: Vec<&PodSeen> = lost.iter().copied().filter(|pod| !known(pod) && was_there(pod)).take(gone).collect();
    for pod in news {
        let reason = loss_reason(pod);
        executors.failed += u32::from(pod.exit.as_ref().is_some_and(|exit| exit.code.is_some()));
        executors.recent_failures.push(ExecutorFailure { pod_name: pod.name.clone(), reason: reason.clone() });
        events.push(Event::warning("SparkExecutorFailed", format!("executor {} was lost: {reason}", pod.name)));
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
        let how = if driver_runs { End::Badly } else { End::NotSubmitted };
        return conclude::badly(seen, status, how, ("ExecutorsFailing", &message), now, now);
    }

    let ended = mine.iter().copied().filter(|pod| pod.phase == Phase::Succeeded && is_home_for(pod, now).is_none());
    let gone = lost.iter().copied().chain(ended).filter(|pod| !end::is_kept(seen, pod)).chain(stale).chain(leaving);
    actions.extend(gone.filter(|pod| !pod.deleting).map(end::delete));
    let missing = missing as u32;
    actions.extend((1..=missing).map(|more| Action::CreateExecutor { attempt, index: executors.highest_index + more }));
    executors.highest_index += missing;
    actions.extend(live.iter().skip(wanted as usize).rev().map(|pod| end::delete(pod)));
    actions.extend(end::unwanted_sides(seen));
    // Not before: kube-proxy takes in Services once a second, and the driver's own must not wait for those of its UI.
    if seen.sides_missing && driver_runs {
        actions.push(Action::CreateSides);
    }

    let running = live.iter().take(wanted as usize).filter(|pod| pod.phase == Phase::Running).count();
    // Those that have left did so because the end is near: no reason to count down.
    let running = (running + left).min(wanted as usize) as u32;
    if running == wanted && executors.running < wanted {
        events.push(Event::normal("SparkExecutorsRunning", format!("all {wanted} executors run")));
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
    let again = held.map(|held| held.left).into_iter().chain(home.into_iter().min()).min();
    Plan { status: Some(status), actions, events, again }
}

/// How many executors there are to be. With dynamic allocation one that runs stays until its driver lets it go.
fn wanted(seen: &Seen<'_>, live: &[&PodSeen]) -> u32 {
    let running = live.iter().filter(|pod| pod.phase == Phase::Running).count() as u32;
    seen.target.map_or(conf::executors(&seen.app.spec), |target| target.max(running))
}

/// How many executors limit how many may crash: as many as there may be, where their number changes.
fn most(seen: &Seen<'_>, wanted: u32) -> u32 {
    let rules = seen.target.and_then(|_| Rules::read(&seen.app.spec).ok()?);
    rules.map_or(wanted, |rules| rules.maximum.min(ELASTIC_LIMIT).max(wanted))
}

fn is_drained(seen: &Seen<'_>, pod: &PodSeen) -> bool {
    matches!(pod.role, Role::Executor(index) if seen.drained.contains(&index))
}

/// How long nobody takes the place of an executor that ended well, if it has just left.
fn is_home_for(pod: &PodSeen, now: Timestamp) -> Option<Duration> {
    let ended = pod.exit.as_ref().filter(|_| pod.phase == Phase::Succeeded && !pod.deleting)?.at?;
    // A node's clock may be ahead.
    let since = Duration::try_from(now.duration_since(ended).max(SignedDuration::ZERO)).unwrap_or_default();
    HOME.checked_sub(since).filter(|left| !left.is_zero())
}

/// Those that are news first: nobody has deleted them yet, and they ended last.
fn by_news(pod: &PodSeen) -> impl Ord + use<> {
    let ended = pod.exit.as_ref().and_then(|exit| exit.at).unwrap_or(Timestamp::MAX);
    (pod.deleting, std::cmp::Reverse((ended, pod.role)))
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

/// The first executor that does not come up, and why.
pub fn first_trouble(seen: &Seen<'_>) -> Option<Trouble> {
    let pods = seen.executors.iter().filter(|pod| pod.is_live());
    pods.filter_map(|pod| pod.trouble.as_ref().map(|trouble| (pod, trouble))).next().map(|(pod, trouble)| Trouble {
        reason: trouble.reason.clone(),
        message: format!("executor {}: {}", pod.name, trouble.message),
    })
}

/// The first executor that has not started, and where; for when none has a trouble that says why.
pub fn not_started(seen: &Seen<'_>) -> Option<String> {
    let pod = seen.executors.iter().find(|pod| pod.is_live() && pod.phase == Phase::Pending)?;
    Some(match &pod.node {
        Some(node) => format!("executor {} has not started on {node}, whose kubelet does not say why", pod.name),
        None => format!("executor {} has no node yet", pod.name),
    })
}
