//! How soon a driver is asked again: about once a second while something is to be decided soon, less and less often while
//! nothing moves. A thousand drivers are asked by one operator.

use std::time::Duration;

use onager_contract::{Phase, Progress};

use super::{Allocation, Rules, needed};

/// Between two looks at a driver about which something is to be decided.
const SHORTEST: Duration = Duration::from_secs(1);
/// Between two looks at one where nothing moves: so long may tasks wait unseen.
const LONGEST: Duration = Duration::from_secs(5);

/// How long the last waits were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    wait: Duration,
    needed: u32,
}

impl Pace {
    /// After a look; `decided` says whether anything followed from it.
    pub fn after_look(
        &mut self,
        rules: &Rules,
        cores: u32,
        allocation: &Allocation,
        progress: &Progress,
        decided: bool,
    ) -> Duration {
        let needed = needed(rules, cores, progress);
        // Its first task may come at any moment.
        let begins = progress.phase == Phase::WaitingForExecutors || !allocation.begun;
        let moves = decided || begins || needed != self.needed || allocation.target < needed;
        self.needed = needed;
        self.wait = if moves { SHORTEST } else { self.longer() };
        self.wait.min(first_leaves(rules, progress).unwrap_or(LONGEST).max(SHORTEST))
    }

    /// After a driver could not be asked.
    pub fn after_failure(&mut self) -> Duration {
        self.wait = self.longer();
        self.wait
    }

    fn longer(&self) -> Duration {
        (self.wait * 2).clamp(SHORTEST, LONGEST)
    }
}

/// When the first executor that is too many has been idle for long enough.
fn first_leaves(rules: &Rules, progress: &Progress) -> Option<Duration> {
    let some_may_leave = progress.executors > rules.minimum;
    let waits = progress.idle.iter().filter(|_| some_may_leave).filter_map(|idle| {
        let time = match (idle.holds_shuffle && rules.keep_shuffle, rules.shuffle_timeout) {
            (true, timeout) => timeout?.max(rules.idle_timeout),
            (false, _) => rules.idle_timeout,
        };
        time.checked_sub(Duration::from_secs(idle.idle_seconds))
    });
    waits.min()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use onager_contract::Idle;
    use onager_crds::SparkApplicationSpec;

    use super::*;

    fn rules() -> Rules {
        let spec: SparkApplicationSpec = serde_json::from_value(serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql",
            "dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 4},
        }))
        .expect("spec");
        Rules::read(&spec).expect("rules").expect("enabled")
    }

    fn progress(executors: u32, pending_tasks: u64, running_tasks: u64, idle: &[u64]) -> Progress {
        let idle = idle.iter().zip(1..);
        let idle = idle.map(|(idle_seconds, index)| Idle { index, idle_seconds: *idle_seconds, holds_shuffle: false });
        Progress { phase: Phase::Running, executors, pending_tasks, running_tasks, idle: idle.collect() }
    }

    /// The waits after looks at the same progress.
    fn waits(progress: &Progress, looks: i64) -> Vec<u64> {
        let (rules, mut allocation, mut pace) = (rules(), Allocation::new(1), Pace::default());
        let waits = (0..looks).map(|second| {
            let now = Timestamp::from_second(second).expect("time");
            let decision = allocation.look(&rules, 1, progress, &BTreeSet::new(), now);
            pace.after_look(&rules, 1, &allocation, progress, decision != Default::default()).as_secs()
        });
        waits.collect()
    }

    #[test]
    fn a_driver_where_nothing_moves_is_asked_less_often() {
        assert_eq!(waits(&progress(2, 0, 2, &[]), 6), [1, 2, 4, 5, 5, 5]);
        assert_eq!(waits(&progress(1, 0, 1, &[3]), 4), [1, 2, 4, 5], "the fewest may be idle");
    }

    #[test]
    fn one_that_waits_for_executors_is_asked_every_second() {
        assert_eq!(waits(&progress(1, 9, 1, &[]), 3), [1, 1, 1]);
    }

    #[test]
    fn an_idle_executor_leaves_when_its_time_is_over_and_not_later() {
        assert_eq!(waits(&progress(2, 0, 1, &[57]), 6).last(), Some(&3));
        assert_eq!(waits(&progress(2, 0, 1, &[20]), 6).last(), Some(&5));
    }

    #[test]
    fn a_driver_that_does_not_answer_is_asked_less_often() {
        let mut pace = Pace::default();
        let waits: Vec<u64> = (0..5).map(|_| pace.after_failure().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
    }
}
