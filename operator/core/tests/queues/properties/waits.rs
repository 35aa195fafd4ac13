//! Who waits: nobody that could run, and nobody for ever.

use onager_core::queue::{Amounts, App, Order, Snapshot, cycle, play::Player};
use proptest::prelude::*;

use super::kept::{chain, usage};

/// Work conservation: with room on nodes, in each level and in the quota, nobody waits. Strict order, guarantees that are not
/// lent and room that is being freed for somebody are reasons to wait; a world that has them is left out.
pub fn nothing_waits_that_could_run(snapshot: &Snapshot) -> Result<(), TestCaseError> {
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
pub fn nobody_waits_for_ever(player: &Player) -> Result<(), TestCaseError> {
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
