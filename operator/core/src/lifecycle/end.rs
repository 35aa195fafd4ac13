//! When nothing may follow: removes what is left of a run and, at the end of its time to live, the application. The state
//! is final for its generation; only cleaning up goes on. The driver's pod stays when it ended by itself, for its log.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    plan::{Action, Plan},
    seen::{PodSeen, Seen},
};

/// The plan of an application that is COMPLETED or FAILED.
pub fn plan(seen: &Seen<'_>, now: Timestamp) -> Plan {
    let status = seen.app.status.as_ref();
    let ended = status.and_then(|status| status.termination_time.as_ref()).map(|at| at.0);
    let mut plan = Plan { actions: clean_up(seen), ..Plan::default() };
    if let (Some(ended), Some(seconds)) = (ended, seen.app.spec.time_to_live_seconds) {
        let left = seconds.saturating_sub(now.duration_since(ended).as_secs());
        match u64::try_from(left) {
            Ok(left) if left > 0 => plan.again = Some(Duration::from_secs(left)),
            _ => plan.actions.push(Action::DeleteApplication),
        }
    }
    plan
}

/// Deletes every executor, what stands beside the pods, and the driver if it has not ended.
pub fn clean_up(seen: &Seen<'_>) -> Vec<Action> {
    let driver = seen.own_driver().filter(|pod| !pod.ended());
    let pods = driver.into_iter().chain(&seen.executors).filter(|pod| !pod.deleting).map(delete);
    pods.chain(sides(seen)).collect()
}

/// Deletes what stands beside the pods.
fn sides(seen: &Seen<'_>) -> impl Iterator<Item = Action> {
    let there = seen.sides.iter().filter(|side| !side.deleting);
    there.map(|side| Action::DeleteSide { kind: side.kind, name: side.name.clone(), uid: side.uid.clone() })
}

/// Deletes this pod and no other.
pub fn delete(pod: &PodSeen) -> Action {
    Action::DeletePod { name: pod.name.clone(), uid: pod.uid.clone() }
}
