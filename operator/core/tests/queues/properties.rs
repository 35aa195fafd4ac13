//! What holds in every world, at every moment: rooms and limits are kept (Q), gangs are whole or absent (G), each has one driver
//! (D), what was evicted does not evict its evictor (F), no queue is taken below what it deserves, few cycles decide all there is
//! to decide, nothing waits that could run, and nobody waits for ever. `ONAGER_CASES` says how many events are tried, or for how
//! long, such as `600s`. What fails is made as small as it can be, and written to a file that `onager simulate` plays.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, thread,
    time::{Duration, Instant},
};

use onager_core::queue::{
    Amounts, App, Block, Decision, Name, Order, Outcome, Snapshot, Stage, cycle,
    play::{Event, EventKind, Player},
};
use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};

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

/// D: who is admitted waits, and has no pods; nobody is admitted or evicted twice, or evicted and shrunk.
fn admits_none_twice(snapshot: &Snapshot, outcome: &Outcome) -> Result<(), TestCaseError> {
    for decision in &outcome.decisions {
        let app = &snapshot.apps[decision.app()];
        if let Decision::Admit { .. } = decision {
            let has_pods = app.pods.any_staying() || app.pods.any_leaving();
            prop_assert!(app.stage == Stage::Waiting && !has_pods, "{} is admitted and has pods", app.name);
        }
        let grows = |decision: &&Decision| matches!(decision, Decision::Grow { .. });
        let of_it = || outcome.decisions.iter().filter(|other| other.app() == decision.app() && !grows(other));
        let whole = |decision: &Decision| matches!(decision, Decision::Admit { .. } | Decision::Evict { .. });
        prop_assert!(of_it().count() == 1 || !of_it().any(whole), "{} is told two things", app.name);
    }
    Ok(())
}

/// Nobody of another queue gives way below what that queue deserves, of all that the gang asks for; for a guarantee by one piece
/// at the most.
fn leaves_what_is_deserved(snapshot: &Snapshot, outcome: &Outcome) -> Result<(), TestCaseError> {
    let mut after = snapshot.clone();
    outcome.decisions.iter().for_each(|decision| decision.apply(&mut after, 0));
    for (app, placement) in &outcome.claims {
        after.apps[*app].pods.place(placement);
    }
    // Others' pods are going already: nobody need give way to these, and no claim is noted, but their room is theirs in this cycle.
    let promised: Vec<&App> = outcome
        .waiting
        .iter()
        .filter(|why| outcome.blocks[why.block] == Block::Evictions)
        .filter(|why| !outcome.claims.iter().any(|(claimant, _)| *claimant == why.app))
        .map(|why| &snapshot.apps[why.app])
        .collect();
    let soon = |level: &Name| {
        let mut used = Amounts::default();
        promised
            .iter()
            .filter(|app| chain(snapshot, app).contains(level))
            .for_each(|app| used.add(&snapshot.gang(app), 1));
        for app in after.apps.iter().filter(|app| chain(snapshot, app).contains(level)) {
            used.add(&after.size(app, app.pods.driver.is_some(), app.pods.staying()), 1);
        }
        used
    };
    for decision in &outcome.decisions {
        let (Decision::Evict { app, beneficiary } | Decision::Shrink { app, beneficiary, .. }) = decision else {
            continue;
        };
        let (victim, taker) = (&snapshot.apps[*app], &snapshot.apps[*beneficiary]);
        let theirs = chain(snapshot, taker);
        for level in chain(snapshot, victim).into_iter().take_while(|level| !theirs.contains(level)) {
            // Where its own applications made it give way too, it is they who took it below.
            let for_own = outcome.decisions.iter().any(|other| match other {
                Decision::Evict { app, beneficiary } | Decision::Shrink { app, beneficiary, .. } => {
                    let within = |app: usize| chain(snapshot, &snapshot.apps[app]).contains(&level);
                    within(*app) && within(*beneficiary)
                }
                _ => false,
            });
            // So it is where one of its own that had a claim has lost it to another of its own.
            let lost_claim = |(number, app): (usize, &App)| {
                let admitted = outcome.decisions.iter().any(|decision| decision.app() == number);
                let kept = admitted || outcome.claims.iter().any(|(claimant, _)| *claimant == number);
                app.claim.is_some() && !kept && chain(snapshot, app).contains(&level)
            };
            let for_own = for_own || snapshot.apps.iter().enumerate().any(lost_claim);
            let report = outcome.queues.iter().find(|report| report.name.as_ref() == Some(&level)).unwrap();
            let used = soon(&level);
            let keeps = snapshot.gang(taker).some().any(|(kind, _)| used.get(kind) >= report.deserved.get(kind));
            // One piece goes past that for a guarantee, whoever else was helped before.
            let owes = outcome.decisions.iter().any(|other| match other {
                Decision::Evict { app, beneficiary } | Decision::Shrink { app, beneficiary, .. } => {
                    let (victim, taker) = (&snapshot.apps[*app], &snapshot.apps[*beneficiary]);
                    chain(snapshot, victim).contains(&level)
                        && chain(snapshot, taker).iter().any(|above| *above != level && is_owed(snapshot, above, taker))
                }
                _ => false,
            });
            let nearly = outcome.decisions.iter().any(|other| {
                let victim = &snapshot.apps[other.app()];
                let piece = snapshot.size(victim, matches!(other, Decision::Evict { .. }), pieces(other, victim));
                let kept = &snapshot.queues[&level].guarantee;
                let past = |kind| {
                    used.get(kind) >= kept.get(kind) && used.get(kind) + piece.get(kind) > report.deserved.get(kind)
                };
                matches!(other, Decision::Evict { .. } | Decision::Shrink { .. })
                    && chain(snapshot, victim).contains(&level)
                    && snapshot.gang(taker).some().any(|(kind, _)| past(kind))
            });
            prop_assert!(
                for_own || keeps || owes && nearly,
                "{level} is left {used:?} and deserves {:?}",
                report.deserved
            );
        }
    }
    Ok(())
}

/// Whether what a queue, or those below it, are guaranteed is large enough for a gang.
fn is_owed(snapshot: &Snapshot, queue: &Name, taker: &App) -> bool {
    let (gang, promised) = (snapshot.gang(taker), promised(snapshot, queue));
    !promised.is_empty() && promised.some().all(|(kind, promised)| gang.get(kind) <= promised)
}

fn promised(snapshot: &Snapshot, queue: &Name) -> Amounts {
    let children = snapshot.queues.iter().filter(|(_, spec)| spec.parent.as_ref() == Some(queue));
    let below = children.fold(Amounts::default(), |sum, (name, _)| sum.plus(&promised(snapshot, name)));
    snapshot.queues[queue].guarantee.at_least(&below)
}

/// How many executors are taken at a time; a gang may have been made whole just before.
fn pieces(decision: &Decision, victim: &App) -> u32 {
    if matches!(decision, Decision::Evict { .. }) { victim.pods.staying().max(victim.minimum) } else { 1 }
}

/// What an application's pods take, those that are to go included.
fn usage(snapshot: &Snapshot, app: &App) -> Amounts {
    let drivers = app.pods.driver.iter().count() + app.pods.leaving_driver.iter().count();
    let executors: u32 = app.pods.executors.values().chain(app.pods.leaving.values()).sum();
    let mut size = snapshot.size(app, false, executors);
    size.add(&snapshot.shapes.get(app.driver).requests, drivers as u64);
    size
}

fn within_nodes(snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let mut used: BTreeMap<usize, Amounts> = BTreeMap::new();
    for app in &snapshot.apps {
        for node in app.pods.driver.iter().chain(&app.pods.leaving_driver) {
            used.entry(*node).or_default().add(&snapshot.shapes.get(app.driver).requests, 1);
        }
        for (node, count) in app.pods.executors.iter().chain(&app.pods.leaving) {
            used.entry(*node).or_default().add(&snapshot.shapes.get(app.executor).requests, u64::from(*count));
        }
    }
    for (node, used) in used {
        prop_assert!(used.within(&snapshot.nodes[node].allocatable), "node {node} is overfull");
        prop_assert!(snapshot.nodes[node].node.usable, "node {node} is lost");
    }
    Ok(())
}

/// The queue of an application and all above it.
fn chain(snapshot: &Snapshot, app: &App) -> Vec<onager_core::queue::Name> {
    let mut chain = Vec::new();
    let mut next = app.queue.clone();
    while let Some(name) = next.filter(|_| chain.len() < 9) {
        next = snapshot.queues.get(&name).and_then(|spec| spec.parent.clone());
        chain.push(name);
    }
    chain
}

/// Q: where something was added at this moment, each level and the quota are within their limits.
fn within_limits(snapshot: &Snapshot, events: &[Event]) -> Result<(), TestCaseError> {
    let added = |event: &&Event| {
        event.kind == EventKind::Admitted || event.kind == EventKind::Resized && event.reason == "room is free"
    };
    for event in events.iter().filter(added) {
        let app = &snapshot.apps[event.app];
        for level in chain(snapshot, app) {
            let below = |other: &&App| chain(snapshot, other).contains(&level);
            let mut used = Amounts::default();
            snapshot.apps.iter().filter(below).for_each(|app| used.add(&usage(snapshot, app), 1));
            let spec = &snapshot.queues[&level];
            for (kind, limit) in spec.capability.limits() {
                prop_assert!(used.get(kind) <= limit, "queue {level} uses {} of {limit}", used.get(kind));
            }
            let admitted = |app: &&App| matches!(app.stage, Stage::Admitted { .. });
            let count = snapshot.apps.iter().filter(below).filter(admitted).count();
            if event.kind == EventKind::Admitted {
                prop_assert!(spec.max_applications.is_none_or(|most| count <= most as usize), "{count} in {level}");
            }
        }
        for limit in snapshot.quotas.values().flatten().flat_map(|quota| &quota.limits) {
            let used: u64 = snapshot.apps.iter().map(|app| usage(snapshot, app).get(0)).sum();
            prop_assert!(used <= limit.hard, "the quota is overdrawn: {used} of {}", limit.hard);
        }
    }
    Ok(())
}

/// G: who is admitted has its driver and its minimum; who waits has nothing.
fn whole_or_absent(snapshot: &Snapshot, lossy: bool) -> Result<(), TestCaseError> {
    for app in &snapshot.apps {
        let staying = app.pods.staying();
        match app.stage {
            Stage::Admitted { .. } => {
                prop_assert!(app.pods.driver.is_some(), "{} has no driver", app.name);
                prop_assert!(lossy || staying >= app.minimum, "{} has {staying} of {}", app.name, app.minimum);
                prop_assert!(staying <= app.wanted.max(app.minimum), "{} has too many", app.name);
            }
            _ => prop_assert!(app.pods.driver.is_none() && staying == 0, "{} has pods", app.name),
        }
    }
    Ok(())
}

/// F: as long as nothing comes from outside, nobody evicts the one for whom it was evicted.
fn evicts_no_evictor(
    player: &Player,
    events: &[Event],
    evicted_by: &mut BTreeSet<(String, String)>,
) -> Result<(), TestCaseError> {
    let outside = |event: &Event| {
        let came = player.snapshot.apps[event.app].created == player.now;
        event.kind == EventKind::Completed || event.reason.contains("is lost") || came
    };
    if events.iter().any(outside) {
        evicted_by.clear();
    }
    for event in events.iter().filter(|event| event.kind == EventKind::Evicted) {
        let Some(evictor) = event.reason.strip_prefix("gives way to ") else { continue };
        let victim = player.snapshot.apps[event.app].name.to_string();
        prop_assert!(!evicted_by.contains(&(evictor.to_string(), victim.clone())), "{evictor} evicts {victim} back");
        evicted_by.insert((victim, evictor.to_string()));
    }
    Ok(())
}

/// Work conservation: with room on nodes, in each level and in the quota, nobody waits. Strict order, guarantees that are not
/// lent and room that is being freed for somebody are reasons to wait; a world that has them is left out.
fn nothing_waits_that_could_run(snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let reserves = |spec: &onager_core::queue::QueueSpec| spec.order == Order::StrictFifo || !spec.lendable;
    let leaving = |app: &App| app.pods.any_leaving();
    if snapshot.queues.values().any(reserves) || snapshot.apps.iter().any(leaving) {
        return Ok(());
    }
    let outcome = cycle(snapshot, 0);
    for why in &outcome.waiting {
        let app = &snapshot.apps[why.app];
        let gang = snapshot.gang(app);
        let faulty =
            |name| outcome.queues.iter().any(|report| report.name.as_ref() == Some(name) && report.fault.is_some());
        let parent = snapshot.queues.values().any(|spec| spec.parent == app.queue);
        let levels = chain(snapshot, app);
        let closed = levels.iter().any(|level| snapshot.queues[level].closed);
        if parent || closed || levels.iter().any(faulty) {
            continue;
        }
        let has_room = levels.iter().all(|level| {
            let report = outcome.queues.iter().find(|report| report.name.as_ref() == Some(level)).unwrap();
            let spec = &snapshot.queues[level];
            report.used.get(0) + gang.get(0) <= spec.capability.get(0)
                && spec.max_applications.is_none_or(|most| report.admitted < most)
        });
        let used: u64 = snapshot.apps.iter().map(|app| usage(snapshot, app).get(0)).sum();
        let quota = snapshot.quotas.values().flatten().flat_map(|quota| &quota.limits);
        let has_quota = quota.into_iter().all(|limit| used + gang.get(0) <= limit.hard);
        prop_assert!(
            !(has_room && has_quota && fits_somehow(snapshot, app)),
            "{} could run: {}",
            app.name,
            outcome.message(why, &snapshot.kinds)
        );
    }
    Ok(())
}

/// Whether a gang fits on nodes, tried in the plainest way: the driver on each, executors one by one.
pub fn fits_somehow(snapshot: &Snapshot, app: &App) -> bool {
    let mut free: Vec<Amounts> = snapshot.nodes.iter().map(|site| site.allocatable.clone()).collect();
    for (node, site) in snapshot.nodes.iter().enumerate().filter(|(_, site)| !site.node.usable) {
        free[node].take(&site.allocatable, 1);
    }
    for other in &snapshot.apps {
        for node in other.pods.driver.iter().chain(&other.pods.leaving_driver) {
            free[*node].take(&snapshot.shapes.get(other.driver).requests, 1);
        }
        for (node, count) in other.pods.executors.iter().chain(&other.pods.leaving) {
            free[*node].take(&snapshot.shapes.get(other.executor).requests, u64::from(*count));
        }
    }
    let (driver, executor) = (&snapshot.shapes.get(app.driver).requests, &snapshot.shapes.get(app.executor).requests);
    (0..free.len()).any(|home| {
        let slots = |(node, free): (usize, &Amounts)| match (node == home, driver.within(free)) {
            (true, false) => None,
            (true, true) => Some(free.less(driver).holds(executor)),
            (false, _) => Some(free.holds(executor)),
        };
        let all: Option<Vec<u64>> = free.iter().enumerate().map(slots).collect();
        all.is_some_and(|slots| slots.iter().sum::<u64>() >= u64::from(app.minimum))
    })
}

/// All runs end, so at the end nobody waits but those that could not run if they were alone, or may not.
fn nobody_waits_for_ever(player: &Player) -> Result<(), TestCaseError> {
    let may_wait = ["QueueFaulty", "QueueHasChildren", "QueueClosed"];
    for why in &player.outcome.waiting {
        let block = &player.outcome.blocks[why.block];
        let app = &player.snapshot.apps[why.app].name;
        prop_assert!(
            block.is_for_ever() || may_wait.contains(&block.reason()),
            "{app} waits for ever: {}",
            player.outcome.message(why, &player.snapshot.kinds)
        );
    }
    Ok(())
}
