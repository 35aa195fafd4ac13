//! What queues are owed: whole gangs do not add up to every part of a cluster, so a small queue would stay below what it deserves,
//! or above, for ever. A cycle is told how each stood so far, and answers how each stands now; the caller keeps it between cycles,
//! or loses it, which costs nobody more than a minute's fairness.

use std::collections::BTreeMap;

use super::{Amounts, Name};

/// For how long all that a queue deserves must be missing until it is owed as much as it can be, in milliseconds.
const SPAN: f64 = 30_000.0;

/// How all queues stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// When that was, in milliseconds.
    pub at: i64,
    /// By name.
    pub queues: BTreeMap<Name, Account>,
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// What it is owed, from -1, when it had too much, to 1.
    pub owed: f64,
    /// Which part of what it deserves it is missing since then; below 0 it has more.
    pub missing: f64,
}

impl Standing {
    /// What a queue is owed at a time.
    pub fn owed(&self, queue: &Name, now: i64) -> f64 {
        let since = now.saturating_sub(self.at).max(0) as f64;
        self.queues.get(queue).map_or(0.0, |account| (account.owed + account.missing * since / SPAN).clamp(-1.0, 1.0))
    }
}

/// Which part of what a queue deserves it is missing: of the resource of which it has most.
pub fn missing(used: &Amounts, deserved: &Amounts) -> f64 {
    let part = |(kind, deserved): (usize, u64)| used.get(kind) as f64 / deserved as f64;
    if deserved.is_empty() { 0.0 } else { (1.0 - deserved.some().map(part).fold(0.0, f64::max)).clamp(-1.0, 1.0) }
}

/// A queue's share as it counts when it is its turn: one that is owed something comes earlier as long as it is below what it
/// deserves, so that it exceeds that by one gang at the most; one that had too much comes later.
pub fn weigh(share: f64, owed: f64, below: bool) -> f64 {
    if owed < 0.0 || below { share - owed } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_misses_half_of_what_it_deserves_is_owed_more_with_time_and_never_more_than_all() {
        let name = Name::new("t", "q");
        let account = Account { owed: 0.0, missing: missing(&Amounts::of(50, 10, 0), &Amounts::of(100, 100, 0)) };
        let standing = Standing { at: 1000, queues: [(name.clone(), account)].into() };
        assert_eq!([1000, 16_000, 31_000, 991_000].map(|now| standing.owed(&name, now)), [0.0, 0.25, 0.5, 1.0]);
        assert_eq!(standing.owed(&Name::new("t", "new"), 9), 0.0);
        assert_eq!(missing(&Amounts::default(), &Amounts::default()), 0.0, "who wants nothing misses nothing");
    }

    #[test]
    fn what_it_is_owed_lifts_a_queue_no_further_than_what_it_deserves() {
        assert_eq!(weigh(1.25, 0.5, true), 0.75);
        assert_eq!(weigh(1.25, 0.5, false), 1.25);
        assert_eq!(weigh(1.25, -0.25, false), 1.5);
    }
}
