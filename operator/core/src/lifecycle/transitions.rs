//! Which state follows which, and on what. Every plan of the property tests is held against this table, and each of its rows
//! is reached there; docs/lifecycle.md shows it.

use onager_crds::State::{
    self, Completed, Failed, Failing, Invalidating, New, PendingRerun, Queued, Resuming, Running, SubmissionFailed,
    Submitted, Succeeding, Suspended, Suspending, Unknown,
};

/// From, on, to.
pub type Transition = (State, &'static str, State);

/// All of them.
pub const TRANSITIONS: [Transition; 62] = [
    (New, ROOM, Submitted),
    (New, NO_ROOM, Queued),
    (New, CANNOT_RUN, Failed),
    (New, SUSPENDED, Suspending),
    (Queued, ROOM, Submitted),
    (Queued, CANNOT_RUN, Failed),
    (Queued, SUSPENDED, Suspending),
    (Submitted, "the driver runs", Running),
    (Submitted, "the driver runs, on a node that does not answer", Unknown),
    (
        Submitted,
        "a quota that a race used up, a node that refused the driver, no nodes in time, or others' right to its room",
        Queued,
    ),
    (Submitted, "the driver did not come to run; the policy says again", SubmissionFailed),
    (Submitted, WELL, Completed),
    (Submitted, WELL_AGAIN, Succeeding),
    (Submitted, BADLY, Failed),
    (Submitted, BADLY_AGAIN, Failing),
    (Submitted, EDITED, Invalidating),
    (Submitted, SUSPENDED, Suspending),
    (Running, "the driver's node does not answer", Unknown),
    (Running, GIVES_WAY, Queued),
    (Running, WELL, Completed),
    (Running, WELL_AGAIN, Succeeding),
    (Running, BADLY, Failed),
    (Running, BADLY_AGAIN, Failing),
    (Running, EDITED, Invalidating),
    (Running, SUSPENDED, Suspending),
    (Unknown, "the node answers again", Running),
    (Unknown, GIVES_WAY, Queued),
    (Unknown, WELL, Completed),
    (Unknown, WELL_AGAIN, Succeeding),
    (Unknown, BADLY, Failed),
    (Unknown, BADLY_AGAIN, Failing),
    (Unknown, EDITED, Invalidating),
    (Unknown, SUSPENDED, Suspending),
    (Succeeding, DRIVER_GONE, PendingRerun),
    (Succeeding, PODS_REMAIN, Failed),
    (Succeeding, EDITED, Invalidating),
    (Succeeding, SUSPENDED, Suspending),
    (Failing, DRIVER_GONE, PendingRerun),
    (Failing, PODS_REMAIN, Failed),
    (Failing, EDITED, Invalidating),
    (Failing, SUSPENDED, Suspending),
    (SubmissionFailed, DRIVER_GONE, PendingRerun),
    (SubmissionFailed, PODS_REMAIN, Failed),
    (SubmissionFailed, EDITED, Invalidating),
    (SubmissionFailed, SUSPENDED, Suspending),
    (PendingRerun, "its time has come, its old pods are gone, and there is room", Submitted),
    (PendingRerun, "its time has come, its old pods are gone, and there is no room", Queued),
    (PendingRerun, PODS_REMAIN, Failed),
    (PendingRerun, EDITED, Invalidating),
    (PendingRerun, SUSPENDED, Suspending),
    (Invalidating, GONE_AND_ROOM, Submitted),
    (Invalidating, GONE_AND_NO_ROOM, Queued),
    (Invalidating, "the edited spec cannot run, or its old pods do not go within an hour", Failed),
    (Invalidating, SUSPENDED, Suspending),
    (Suspending, "its pods are gone", Suspended),
    (Suspended, "spec.suspend is unset", Resuming),
    (Resuming, GONE_AND_ROOM, Submitted),
    (Resuming, GONE_AND_NO_ROOM, Queued),
    (Resuming, "a spec that cannot run, or its old pods do not go within an hour", Failed),
    (Resuming, SUSPENDED, Suspending),
    (Completed, EDITED, Invalidating),
    (Failed, EDITED, Invalidating),
];

const ROOM: &str = "room";
const NO_ROOM: &str = "no room, no quota, or a driver of an earlier run is still there";
const CANNOT_RUN: &str = "a spec that cannot run";
const GIVES_WAY: &str = "others have a right to its room, or its executors found no nodes in time";
const WELL: &str = "the driver ended well";
const WELL_AGAIN: &str = "the driver ended well; the policy is Always";
const BADLY: &str = "the driver ended badly, is gone, or did not start in time";
const BADLY_AGAIN: &str = "the driver ended badly or is gone; the policy says again";
const EDITED: &str = "an edit of what the pods are made of";
const SUSPENDED: &str = "spec.suspend";
const DRIVER_GONE: &str = "the driver's pod is gone";
const PODS_REMAIN: &str = "its pods do not go within an hour";
const GONE_AND_ROOM: &str = "its old pods are gone, and there is room";
const GONE_AND_NO_ROOM: &str = "its old pods are gone, and there is no room";

/// Whether the table has a step from one state to another; to stay is none.
pub fn is_allowed(from: State, to: State) -> bool {
    from == to || TRANSITIONS.iter().any(|(before, _, after)| (*before, *after) == (from, to))
}

/// The word of a state in the API; `New` for none yet.
pub fn word(state: State) -> String {
    let word = serde_json::to_value(state).ok().and_then(|word| word.as_str().map(str::to_string));
    word.filter(|word| !word.is_empty()).unwrap_or_else(|| "New".into())
}

/// The table as Markdown, one row for each from and to.
pub fn markdown() -> String {
    let rows = TRANSITIONS.iter().map(|(from, on, to)| format!("| {} | {on} | {} |\n", word(*from), word(*to)));
    format!("| from | on | to |\n| --- | --- | --- |\n{}", rows.collect::<String>())
}
