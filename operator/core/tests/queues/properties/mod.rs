//! What holds in every world, at every moment: rooms and limits are kept (Q), gangs are whole or absent (G), each has one driver
//! (D), what was evicted does not evict its evictor (F), no queue is taken below what it deserves, few cycles decide all there is
//! to decide, nothing waits that could run, and nobody waits for ever. `ONAGER_CASES` says how many events are tried, or for how
//! long, such as `600s`. What fails is made as small as it can be, and written to a file that `onager simulate` plays.

mod kept;
mod owed;
mod waits;

use std::{
    collections::BTreeSet,
    env, fs, thread,
    time::{Duration, Instant},
};

use kept::{admits_none_twice, evicts_no_evictor, whole_or_absent, within_limits, within_nodes};
use onager_core::queue::cycle;
use owed::leaves_what_is_deserved;
use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};

use waits::{nobody_waits_for_ever, nothing_waits_that_could_run};

use super::{
    fixture::World,
    soak::{asked, config},
    worlds::worlds,
};

/// Events that are tried where nobody says.
const EVENTS: u64 = 100_000;
/// Worlds that are tried at a time.
const BATCH: u32 = 200;
/// Tries a batch of worlds, others for each `number`; answers how many events they had, or the smallest world that breaks a promise.
fn run(number: u64) -> Result<u64, String> {
    let config = ProptestConfig { max_shrink_iters: 20_000, ..config(BATCH, number) };
    let events = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&worlds(), |world| {
        events.set(events.get() + keeps_every_promise(&world)?);
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(events.get()),
        Err(TestError::Fail(reason, world)) => {
            let path = env::temp_dir().join(format!("onager-queues-{}.yaml", std::process::id()));
            fs::write(&path, format!("# {reason}{world:?}").replace('\r', "")).expect("a scenario file");
            Err(format!("{reason}\n{}\nonager simulate {}{world:?}", world.play().join("\n"), path.display()))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn every_promise_is_kept_at_every_moment() {
    let (events, time) = asked(EVENTS, 1);
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get());
    let (started, mut tried, mut told) = (Instant::now(), 0, Instant::now());
    while tried < events || started.elapsed() < time {
        let outcomes: Vec<Result<u64, String>> = thread::scope(|scope| {
            let number = |thread: usize| tried + thread as u64;
            let workers: Vec<_> = (0..threads).map(number).map(|number| scope.spawn(move || run(number))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker")).collect()
        });
        for outcome in outcomes {
            tried += outcome.unwrap_or_else(|failure| panic!("{failure}"));
        }
        if told.elapsed() > Duration::from_secs(60) {
            (told, _) = (Instant::now(), println!("{tried} events of queues so far"));
        }
    }
    println!("{tried} events of queues in {:?}", started.elapsed());
}

/// Answers how many events there were.
fn keeps_every_promise(world: &World) -> Result<u64, TestCaseError> {
    let mut player = world.player();
    let mut evicted_by = BTreeSet::new();
    let mut count = 0;
    while let Some(at) = player.next() {
        if world.edits.iter().any(|(second, _)| second * 1000 == at) {
            evicted_by.clear();
        }
        let mut events = player.come_to(at);
        let mut cycles = 1;
        loop {
            let outcome = cycle(&player.snapshot, player.now);
            leaves_what_is_deserved(&player.snapshot, &outcome)?;
            admits_none_twice(&player.snapshot, &outcome)?;
            if !player.decide_once(&mut events) {
                break;
            }
            cycles += 1;
            prop_assert!(cycles <= 20, "{}: {cycles} cycles", at / 1000);
        }
        player.decide(&mut events);
        within_nodes(&player.snapshot)?;
        within_limits(&player.snapshot, &events)?;
        whole_or_absent(&player.snapshot, world.lost.is_some())?;
        evicts_no_evictor(&player, &events, &mut evicted_by)?;
        prop_assert!(events.len() < 500, "it goes on and on: {:?}", &events[..20]);
        nothing_waits_that_could_run(&player.snapshot)?;
        count += 1 + events.len() as u64;
    }
    nobody_waits_for_ever(&player)?;
    Ok(count)
}
