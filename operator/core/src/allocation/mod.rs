//! Dynamic allocation: how many executors an application should have now, and which of them may leave. Executors are added
//! while tasks wait, twice as many each time, as Spark does it; those without work leave after a time. It is given what the
//! driver says and the time, remembers the little it needs, and asks nobody.

mod pace;
mod rules;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use onager_contract::{Drain, Phase, Progress};

pub use pace::Pace;
pub use rules::Rules;

/// What is remembered of an application from one look to the next. Nothing is lost with it but a few seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// How many executors it should have. Those above that are not stopped: they leave when they have been idle for long.
    pub target: u32,
    /// How many the next round adds.
    round: u32,
    /// When the next round is.
    next: Option<Timestamp>,
    /// When it was looked at first.
    since: Option<Timestamp>,
    /// Whether there was work. Until then, or until executors would be idle for too long, those of the start are waited for.
    begun: bool,
}

/// What follows from a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Executors that may leave, if their driver agrees.
    pub leave: Vec<Drain>,
    /// Whether the application should be looked at: more executors are wanted, or some on their way no longer are.
    pub wakes: bool,
}

impl Allocation {
    /// From the number of executors that is on record.
    pub fn new(target: u32) -> Self {
        Self { target, round: 1, next: None, since: None, begun: false }
    }

    /// Takes in what a driver says; `drained` are executors that are leaving already, `cores` what each can work on at once.
    pub fn look(
        &mut self,
        rules: &Rules,
        cores: u32,
        progress: &Progress,
        drained: &BTreeSet<u32>,
        now: Timestamp,
    ) -> Decision {
        if progress.phase != Phase::Running {
            return Decision::default();
        }
        let leaving = progress.idle.iter().filter(|idle| drained.contains(&idle.index)).count() as u32;
        let there = progress.executors.saturating_sub(leaving);
        let needed = needed(rules, cores, progress);
        let since = *self.since.get_or_insert(now);
        self.begun |=
            progress.pending_tasks > 0 || progress.running_tasks > 0 || now >= after(since, rules.idle_timeout);
        let before = self.target;
        self.follow(rules, progress.pending_tasks > 0, there, needed, now);
        let stay = self.target.max(needed);
        Decision {
            leave: leave(rules, progress, drained, there.saturating_sub(stay)),
            wakes: self.target > before || (self.target < before && before > there),
        }
    }

    fn follow(&mut self, rules: &Rules, backlog: bool, there: u32, needed: u32, now: Timestamp) {
        // Those that are there and have work are wanted: no time is lost on the way up to them.
        let most = if self.begun { needed } else { needed.max(self.target).min(rules.maximum) };
        self.target = self.target.max(there).clamp(rules.minimum, most);
        if !backlog {
            (self.round, self.next) = (1, None);
            return;
        }
        let next = *self.next.get_or_insert_with(|| after(now, rules.backlog_timeout));
        if now < next {
            return;
        }
        let target = self.target.saturating_add(self.round).min(needed);
        self.round = if target - self.target == self.round { self.round.saturating_mul(2) } else { 1 };
        self.target = target;
        self.next = Some(after(now, rules.sustained_timeout));
    }
}

/// How many executors the tasks that run or wait could fill, within the rules' bounds.
fn needed(rules: &Rules, cores: u32, progress: &Progress) -> u32 {
    let tasks = progress.pending_tasks.saturating_add(progress.running_tasks);
    let executors = (tasks as f64 * rules.ratio / f64::from(cores.max(1))).ceil();
    // Casts of floats saturate.
    (executors as u32).clamp(rules.minimum, rules.maximum)
}

/// At most `most` of those that have been idle for long enough, the longest first.
fn leave(rules: &Rules, progress: &Progress, drained: &BTreeSet<u32>, most: u32) -> Vec<Drain> {
    let mut idle: Vec<_> = progress.idle.iter().filter(|idle| !drained.contains(&idle.index)).collect();
    idle.sort_by_key(|idle| (std::cmp::Reverse(idle.idle_seconds), idle.index));
    let may_leave = idle.into_iter().filter_map(|idle| {
        let time = Duration::from_secs(idle.idle_seconds);
        let with_shuffle =
            idle.holds_shuffle && (!rules.keep_shuffle || rules.shuffle_timeout.is_some_and(|timeout| time >= timeout));
        let may = time >= rules.idle_timeout && (!idle.holds_shuffle || with_shuffle);
        may.then_some(Drain { index: idle.index, with_shuffle })
    });
    may_leave.take(most as usize).collect()
}

fn after(now: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok()).unwrap_or(Timestamp::MAX)
}
