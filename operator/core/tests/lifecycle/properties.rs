//! Whatever happens in whatever order (pods start, end, vanish; nodes fall silent; the spec is edited; the operator is killed
//! between any two writes), the invariants of the life cycle hold: D, X, O, T and S of docs/ARCHITECTURE.md; no plan leaves the
//! table of states, and nothing is stuck. `ONAGER_CASES` says how many orders are tried.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    soak::{asked, config},
    world::{Step, TAKEN, World},
};
use onager_core::lifecycle::transitions::TRANSITIONS;
use onager_crds::RestartPolicyType;
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};

/// Orders of events that are tried where nobody says.
const CASES: u64 = 100_000;
/// From how many on every row of the table is reached; so many are tried before the next line of progress.
const ENOUGH: u32 = 20_000;
/// How often a line of progress is printed.
const PROGRESS: Duration = Duration::from_secs(10);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pod = 0..8_usize;
    let policy = prop_oneof![
        Just(RestartPolicyType::Never),
        Just(RestartPolicyType::OnFailure),
        Just(RestartPolicyType::Always),
    ];
    let retries = prop_oneof![Just(None), (0..3_i32).prop_map(Some)];
    let ends = (pod.clone(), any::<bool>(), any::<bool>(), 0..8_u8);
    let step = prop_oneof![
        6 => (0..9_usize).prop_map(|writes| Step::Reconcile { writes }),
        8 => Just(Step::Reconcile { writes: usize::MAX }),
        2 => Just(Step::Commits),
        6 => pod.clone().prop_map(Step::Runs),
        3 => ends.prop_map(|(pod, well, summary, lingers)| Step::Ends { pod, well, summary, lingers: lingers == 0 }),
        1 => pod.clone().prop_map(Step::Refused),
        1 => pod.clone().prop_map(Step::Deleted),
        4 => pod.clone().prop_map(Step::Gone),
        2 => (pod.clone(), any::<bool>()).prop_map(|(pod, ready)| Step::Node { pod, ready }),
        1 => pod.prop_map(Step::Trouble),
        1 => any::<bool>().prop_map(Step::Room),
        1 => Just(Step::Quota),
        1 => any::<bool>().prop_map(Step::Held),
        1 => any::<bool>().prop_map(Step::SidesMissing),
        1 => Just(Step::SideUnwanted),
        2 => (1..200_i64).prop_map(Step::Seconds),
        1 => (3_500..4_000_i64).prop_map(Step::Seconds),
        1 => (1..5_i32).prop_map(Step::Scale),
        1 => prop_oneof![Just(None), (0..5_u32).prop_map(Some)].prop_map(Step::Target),
        1 => (1..9_u32).prop_map(Step::Drained),
        1 => Just(Step::Evicted),
        1 => (0..9_usize).prop_map(Step::Unschedulable),
        1 => Just(Step::Edit),
        1 => any::<bool>().prop_map(Step::Invalid),
        2 => any::<bool>().prop_map(Step::Suspend),
        2 => (policy, retries).prop_map(|(policy, retries)| Step::Policy(policy, retries)),
    ];
    prop::collection::vec(step, 1..60)
}

/// Tries so many orders, others for each `number`; answers the first that breaks something, made as short as it can be.
fn run(number: u64, cases: u32) -> Result<(), String> {
    let mut runner = TestRunner::new(config(cases, number));
    let outcome = runner.run(&(any::<bool>(), any::<bool>(), steps()), |(keeps, stubborn, steps)| {
        let mut world = World::new(keeps);
        for step in steps {
            world.step(step);
            if world.deleted {
                return Ok(());
            }
        }
        world.comes_to_rest();
        world.leaves_nothing();
        if stubborn {
            world.says_that_pods_remain()
        } else {
            world.ends_in_the_end()
        }
        Ok::<(), TestCaseError>(())
    });
    outcome.map_err(|failure| failure.to_string())
}

fn tell(tried: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{tried} orders of events in {seconds:.0} s, {:.0} a second", tried as f64 / seconds.max(0.001));
}

#[test]
fn invariants_hold_in_any_order_of_events() {
    let (cases, time) = asked(CASES, ENOUGH.into());
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u32);
    let started = Instant::now();
    let (mut tried, mut told) = (0_u64, started);
    while tried < cases || started.elapsed() < time {
        let left = cases.checked_sub(tried).filter(|left| *left > 0).unwrap_or(cases);
        let batch = left.min(u64::from(ENOUGH)) as u32;
        let failures: Vec<String> = thread::scope(|scope| {
            let number = |thread: u32| tried + u64::from(thread);
            let workers: Vec<_> = (0..threads)
                .map(|thread| (number(thread), batch.div_ceil(threads)))
                .map(|(number, cases)| scope.spawn(move || run(number, cases)))
                .collect();
            workers.into_iter().filter_map(|worker| worker.join().expect("a worker").err()).collect()
        });
        assert!(failures.is_empty(), "{}", failures[0]);
        tried += u64::from(batch);
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            tell(tried, started);
        }
    }
    tell(tried, started);
    if tried >= u64::from(ENOUGH) {
        let taken = TAKEN.lock().expect("the steps");
        let missed: Vec<_> = TRANSITIONS.iter().filter(|(from, _, to)| !taken.contains(&(*from, *to))).collect();
        assert!(missed.is_empty(), "rows of the table that nothing reaches: {missed:#?}");
    }
}
