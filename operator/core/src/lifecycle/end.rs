//! When nothing may follow: removes what is left of a run and, at the end of its time to live, the application. The state
//! is final for its generation; only cleaning up goes on. The driver's pod stays when it ended by itself, for its log, and so
//! do executors' where `deleteOnTermination` is false; nothing stays that still works.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{edit, report};
use crate::{
    plan::{Action, Plan},
    seen::{PodSeen, Role, Seen, SideSeen},
};

/// How long, once the driver has ended, what would stay may take to end: other containers of its pod, and executors that are
/// kept. What works for longer goes, with its log.
pub const OVERTIME: Duration = Duration::from_secs(30);

/// The plan of an application that is COMPLETED or FAILED.
pub fn plan(seen: &Seen<'_>, now: Timestamp) -> Plan {
    if edit::is_edited(seen.app) {
        return edit::begin(seen, now);
    }
    let status = report::base(seen.app);
    let ended = status.termination_time.as_ref().map(|at| at.0);
    let (actions, again) = clean_up(seen, ended.unwrap_or(now), now);
    let mut plan = Plan { status: Some(status), actions, again, ..Plan::default() };
    if let (Some(ended), Some(seconds)) = (ended, seen.app.spec.time_to_live_seconds) {
        let left = seconds.saturating_sub(now.duration_since(ended).as_secs());
        match u64::try_from(left) {
            Ok(left) if left > 0 => {
                let left = Duration::from_secs(left);
                plan.again = Some(plan.again.map_or(left, |again| again.min(left)));
            }
            _ => plan.actions.push(Action::DeleteApplication),
        }
    }
    plan
}

/// Deletes what stands beside the pods, and every pod but those that have ended and are kept, after a run that ended at a
/// time. Answers too when to look again, where something is still to end by itself.
pub fn clean_up(seen: &Seen<'_>, ended: Timestamp, now: Timestamp) -> (Vec<Action>, Option<Duration>) {
    let limit = SignedDuration::try_from(OVERTIME).unwrap_or(SignedDuration::ZERO);
    let left = Duration::try_from(limit - now.duration_since(ended)).unwrap_or_default();
    let fate = |pod: &&PodSeen| match pod.role {
        Role::Driver if !pod.ended() => Fate::Goes,
        Role::Executor(_) if !keeps_executors(seen) => Fate::Goes,
        _ if pod.ended() && !pod.lingers => Fate::Stays,
        _ if left.is_zero() || !pod.node_ready => Fate::Goes,
        _ => Fate::HasTime,
    };
    let there: Vec<(&PodSeen, Fate)> =
        seen.own_pods().filter(|pod| !pod.deleting).map(|pod| (pod, fate(&pod))).collect();
    let goes = there.iter().filter(|(_, fate)| *fate == Fate::Goes).map(|(pod, _)| delete(pod));
    let again = there.iter().any(|(_, fate)| *fate == Fate::HasTime).then_some(left);
    (goes.chain(sides(seen)).collect(), again)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Goes,
    HasTime,
    Stays,
}

/// Deletes every pod, and what stands beside them.
pub fn remove_all(seen: &Seen<'_>) -> Vec<Action> {
    seen.own_pods().filter(|pod| !pod.deleting).map(delete).chain(sides(seen)).collect()
}

/// Whether an executor's pod has ended and stays, since the application says so.
pub fn is_kept(seen: &Seen<'_>, pod: &PodSeen) -> bool {
    keeps_executors(seen) && pod.ended() && !pod.lingers
}

fn keeps_executors(seen: &Seen<'_>) -> bool {
    seen.app.spec.executor.delete_on_termination == Some(false)
}

/// Deletes what stands beside the pods.
fn sides(seen: &Seen<'_>) -> impl Iterator<Item = Action> {
    seen.sides.iter().filter(|side| !side.deleting).map(delete_side)
}

/// Deletes what stands beside the pods and is not asked for any more.
pub fn unwanted_sides(seen: &Seen<'_>) -> impl Iterator<Item = Action> {
    seen.sides.iter().filter(|side| !side.deleting && !side.wanted).map(delete_side)
}

fn delete_side(side: &SideSeen) -> Action {
    Action::DeleteSide { kind: side.kind, name: side.name.clone(), uid: side.uid.clone() }
}

/// Deletes this pod and no other.
pub fn delete(pod: &PodSeen) -> Action {
    Action::DeletePod { name: pod.name.clone(), uid: pod.uid.clone() }
}
