//! A driver with tasks that do not end by themselves, executors that come some seconds after they are asked for, and the
//! property tests: the bounds always hold, a load that does not change leads to one number of executors, and nobody with
//! needed data leaves.

use onager_contract::Idle;
use proptest::prelude::*;

use super::*;

fn rules(minimum: u32, maximum: u32) -> Rules {
    Rules {
        initial: minimum,
        minimum,
        maximum,
        idle_timeout: Duration::from_secs(60),
        backlog_timeout: Duration::from_secs(1),
        sustained_timeout: Duration::from_secs(1),
        ratio: 1.0,
        keep_shuffle: true,
        shuffle_timeout: None,
    }
}

/// Executors by index, with the seconds each has been idle; tasks fill those of low index.
struct World {
    rules: Rules,
    cores: u32,
    allocation: Allocation,
    executors: Vec<(u32, u64)>,
    drained: BTreeSet<u32>,
    coming: Vec<u32>,
    tasks: u64,
    holds: bool,
    next: u32,
    now: Timestamp,
}

impl World {
    fn new(rules: Rules, cores: u32) -> Self {
        let allocation = Allocation::new(rules.initial);
        let (now, initial) = (Timestamp::UNIX_EPOCH, rules.initial);
        let executors = (1..=initial).map(|index| (index, 0)).collect();
        let (drained, coming) = (BTreeSet::new(), Vec::new());
        Self { rules, cores, allocation, executors, drained, coming, tasks: 0, holds: false, next: initial, now }
    }

    fn progress(&self) -> Progress {
        let usable = self.executors.iter().filter(|(index, _)| !self.drained.contains(index)).count() as u64;
        let running = self.tasks.min(usable * u64::from(self.cores));
        let idle = self.executors.iter().filter(|(_, idle)| *idle > 0);
        let idle = idle.map(|(index, idle)| Idle { index: *index, idle_seconds: *idle, holds_shuffle: self.holds });
        Progress {
            phase: Phase::Running,
            executors: self.executors.len() as u32,
            pending_tasks: self.tasks - running,
            running_tasks: running,
            idle: idle.collect(),
        }
    }

    /// A second passes; returns the wanted number and what left.
    fn second(&mut self) -> (u32, Vec<u32>) {
        let mut left_over = self.tasks;
        for (index, idle) in &mut self.executors {
            let busy = left_over > 0 && !self.drained.contains(index);
            *idle = if busy { 0 } else { *idle + 1 };
            left_over = left_over.saturating_sub(if busy { u64::from(self.cores) } else { 0 });
        }
        self.now = after(self.now, Duration::from_secs(1));
        let progress = self.progress();
        let decision = self.allocation.look(&self.rules, self.cores, &progress, &self.drained, self.now);
        // What was drained a second ago is gone, what was asked for three seconds ago is there.
        let gone = std::mem::take(&mut self.drained);
        self.executors.retain(|(index, _)| !gone.contains(index));
        self.drained = decision.leave.iter().map(|drain| drain.index).collect();
        self.coming.retain_mut(|seconds| {
            *seconds -= 1;
            let came = *seconds == 0;
            if came {
                self.next += 1;
                self.executors.push((self.next, 0));
            }
            !came
        });
        let have = (self.executors.len() - self.drained.len() + self.coming.len()) as u32;
        self.coming.extend((have..self.allocation.target).map(|_| 3));
        (self.allocation.target, decision.leave.iter().map(|drain| drain.index).collect())
    }

    fn seconds(&mut self, seconds: u32) -> Vec<u32> {
        (0..seconds).map(|_| self.second().0).collect()
    }
}

#[test]
fn executors_double_while_tasks_wait() {
    let mut world = World::new(rules(1, 40), 1);
    world.tasks = 100;
    assert_eq!(world.seconds(8), [1, 2, 4, 8, 16, 32, 40, 40]);
}

#[test]
fn no_more_are_wanted_than_the_tasks_can_fill() {
    let mut world = World::new(rules(1, 40), 4);
    world.tasks = 10;
    assert_eq!(world.seconds(4), [1, 2, 3, 3]);
}

#[test]
fn idle_executors_leave_after_their_time_and_the_minimum_stays() {
    let mut world = World::new(rules(2, 10), 1);
    world.tasks = 10;
    world.seconds(20);
    assert_eq!(world.executors.len(), 10);
    world.tasks = 0;
    world.seconds(59);
    assert_eq!(world.executors.len(), 10);
    world.seconds(5);
    assert_eq!(world.executors.len(), 2);
}

#[test]
fn executors_with_needed_data_stay_unless_their_own_time_is_over() {
    for (keep, timeout, left) in [(true, None, 5), (true, Some(90), 0), (false, None, 0)] {
        let mut world = World::new(
            Rules { initial: 5, keep_shuffle: keep, shuffle_timeout: timeout.map(Duration::from_secs), ..rules(0, 5) },
            1,
        );
        world.holds = true;
        world.seconds(80);
        assert_eq!(world.executors.len(), if timeout.is_some() { 5 } else { left }, "{keep} {timeout:?}");
        world.seconds(20);
        assert_eq!(world.executors.len(), left, "{keep} {timeout:?}");
    }
}

#[test]
fn nothing_is_decided_before_the_run_begins_or_after_its_end() {
    for phase in [Phase::WaitingForExecutors, Phase::Ending] {
        let mut allocation = Allocation::new(3);
        let mut progress = World::new(rules(0, 9), 1).progress();
        (progress.phase, progress.pending_tasks) = (phase, 100);
        let now = Timestamp::UNIX_EPOCH;
        for seconds in 0..5 {
            let now = after(now, Duration::from_secs(seconds));
            assert_eq!(allocation.look(&rules(0, 9), 1, &progress, &BTreeSet::new(), now), Decision::default());
        }
        assert_eq!(allocation.target, 3);
    }
}

#[test]
fn the_first_executors_are_waited_for_until_there_was_work() {
    let mut world = World::new(Rules { initial: 4, ..rules(0, 9) }, 1);
    world.executors.truncate(1);
    assert_eq!(world.seconds(3), [4, 4, 4]);
    world.tasks = 2;
    assert_eq!(world.seconds(2), [2, 2], "there is work, and it needs less");

    let mut world = World::new(Rules { initial: 4, ..rules(0, 9) }, 1);
    world.seconds(60);
    assert_eq!(world.second().0, 0, "there was none for as long as an executor may be idle");
}

#[test]
fn what_tasks_may_come_to_fill_does_not_leave() {
    // A wide stage begins: its tasks are not bound yet, and all executors still look idle.
    let mut allocation = Allocation::new(1);
    let idle = (1..=5).map(|index| Idle { index, idle_seconds: 100, holds_shuffle: false }).collect();
    let progress = Progress { phase: Phase::Running, executors: 5, pending_tasks: 50, running_tasks: 0, idle };
    let decision = allocation.look(&rules(1, 20), 1, &progress, &BTreeSet::new(), Timestamp::UNIX_EPOCH);
    assert_eq!(decision.leave, []);
}

proptest! {
    #[test]
    fn bounds_hold_whatever_a_driver_says(
        bounds in (0_u32..20, 0_u32..20),
        looks in prop::collection::vec((0_u32..50, any::<u64>(), 0_u64..99, prop::collection::btree_map(1_u32..60, (0_u64..200, any::<bool>()), 0..30), 0_i64..90), 1..40),
        cores in 0_u32..9,
        start in 0_u32..60,
    ) {
        let rules = rules(bounds.0, bounds.0 + bounds.1.max(1));
        let mut allocation = Allocation::new(start);
        let (mut now, mut drained) = (Timestamp::UNIX_EPOCH, BTreeSet::new());
        for (executors, pending_tasks, running_tasks, idle, seconds) in looks {
            now = after(now, Duration::from_secs(seconds.unsigned_abs()));
            let idle: Vec<Idle> = idle.into_iter().map(|(index, (idle_seconds, holds_shuffle))| Idle { index, idle_seconds, holds_shuffle }).collect();
            let progress = Progress { phase: Phase::Running, executors, pending_tasks, running_tasks, idle };
            let decision = allocation.look(&rules, cores, &progress, &drained, now);
            prop_assert!((rules.minimum..=rules.maximum).contains(&allocation.target));
            let leaving = decision.leave.len() as u32;
            prop_assert!(leaving == 0 || executors.saturating_sub(leaving) >= rules.minimum, "below the minimum");
            for drain in &decision.leave {
                let idle = progress.idle.iter().find(|idle| idle.index == drain.index).expect("an idle one");
                prop_assert!(idle.idle_seconds >= 60);
                prop_assert!(!drain.with_shuffle && !drained.contains(&drain.index));
            }
            drained.extend(decision.leave.iter().map(|drain| drain.index));
        }
    }

    #[test]
    fn a_load_that_stays_leads_to_one_number_and_then_to_silence(
        loads in prop::collection::vec((0_u64..200, 1_u32..100), 0..6),
        last in 0_u64..200,
        (minimum, more) in (0_u32..6, 0_u32..30),
        cores in 1_u32..5,
    ) {
        let rules = rules(minimum, (minimum + more).max(1));
        let mut world = World::new(rules.clone(), cores);
        for (tasks, seconds) in loads {
            world.tasks = tasks;
            world.seconds(seconds);
        }
        world.tasks = last;
        world.seconds(300);
        let filled = last.div_ceil(u64::from(cores)) as u32;
        let right = filled.clamp(rules.minimum, rules.maximum);
        for _ in 0..200 {
            let (target, left) = world.second();
            prop_assert_eq!(target, right);
            prop_assert!(left.is_empty() && world.coming.is_empty());
            prop_assert_eq!(world.executors.len() as u32, right);
        }
    }
}
