//! Against slow models that are plainly right: of fair shares, where water is poured in drops, one after the other, to whoever
//! stands lowest; and of whole cycles, each decision with its places.

use onager_core::queue::{
    Decision, Order, cycle,
    deserve::{Part, pour},
    play::Player,
};
use proptest::prelude::*;

use super::{
    fixture::World,
    model::{Decided, Model, cycle as model_cycle, reclaim::Passed},
    worlds::{cases, worlds},
};

/// Each drop goes to the vessel that stands lowest and is not full; a floor is filled first.
fn drop_by_drop(amount: u64, parts: &[Part]) -> Vec<u64> {
    let mut poured: Vec<u64> = parts.iter().map(|part| part.floor).collect();
    let mut left = amount - poured.iter().sum::<u64>();
    while left > 0 {
        let open = (0..parts.len()).filter(|index| poured[*index] < parts[*index].lid);
        // The level after the drop, as a fraction: no vessel is raised above another that could have had it.
        let lowest = open.min_by(|a, b| {
            let after = |index: usize| (u128::from(poured[index] + 1), u128::from(parts[index].weight));
            let ((a_top, a_weight), (b_top, b_weight)) = (after(*a), after(*b));
            (a_top * b_weight).cmp(&(b_top * a_weight)).then(a.cmp(b))
        });
        let Some(lowest) = lowest else { break };
        poured[lowest] += 1;
        left -= 1;
    }
    poured
}

prop_compose! {
    fn part()(weight in 1..6_u64, floor in 0..20_u64, more in 0..60_u64) -> Part {
        Part { weight, floor, lid: floor + more }
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn water_finds_the_level_that_drops_find(parts in proptest::collection::vec(part(), 1..7), more in 0..200_u64) {
        let amount = parts.iter().map(|part| part.floor).sum::<u64>() + more;
        let (fast, slow) = (pour(amount, &parts), drop_by_drop(amount, &parts));
        // Which of several gets the last drops is a matter of rounding.
        for (fast, slow) in fast.iter().zip(&slow) {
            prop_assert!(fast.abs_diff(*slow) <= parts.len() as u64, "{fast} and {slow}");
        }
        prop_assert_eq!(fast.iter().sum::<u64>(), slow.iter().sum::<u64>());
    }
}

/// Plays a world, and has the model decide beside the product.
fn agree(world: &World) -> Result<(), TestCaseError> {
    let mut player = world.player();
    while let Some(at) = player.next() {
        player.come_to(at);
        // The first two cycles of each moment: the second sees claims.
        for _ in 0..2 {
            let (snapshot, now) = (player.snapshot.clone(), player.now);
            let outcome = cycle(&snapshot, now);
            let deserved = Model::new(&snapshot, now, Passed::default()).deserved;
            for report in &outcome.queues {
                let queue = report.name.as_ref().map_or(Some(0), |name| outcome.tree.find(name));
                prop_assert_eq!(
                    queue.map(|queue| &deserved[queue]),
                    Some(&report.deserved),
                    "{:?} deserves",
                    report.name
                );
            }
            let fast = said(&outcome);
            let slow = model_cycle::cycle(&snapshot, now);
            prop_assert_eq!(&fast, &slow, "at {}", now / 1000);
            player.decide_once(&mut Vec::new());
        }
        player.decide(&mut Vec::new());
        nobody_could_start(&player)?;
    }
    Ok(())
}

/// When nothing is left to decide, nobody would start even if it alone had a turn. Where room is held for the first of a line,
/// or becomes free for somebody, it is not looked at.
fn nobody_could_start(player: &Player) -> Result<(), TestCaseError> {
    let snapshot = &player.snapshot;
    let strict = snapshot.queues.values().any(|spec| spec.order == Order::StrictFifo);
    if strict || snapshot.apps.iter().any(|app| app.pods.any_leaving() || app.claim.is_some()) {
        return Ok(());
    }
    for why in &player.outcome.waiting {
        let name = &snapshot.apps[why.app].name;
        let message = player.outcome.message(why, &snapshot.kinds);
        prop_assert!(!model_cycle::could_start(snapshot, player.now, why.app), "{name} could start: {message}");
    }
    Ok(())
}

/// What the product's cycle decided, in the model's words.
fn said(outcome: &onager_core::queue::Outcome) -> Decided {
    let mut said = Decided { promised: outcome.claims.clone(), ..Decided::default() };
    for decision in &outcome.decisions {
        match decision {
            Decision::Admit { app, placement } => drop(said.admitted.insert(*app, placement.clone())),
            Decision::Evict { app, beneficiary } => drop(said.evicted.insert(*app, *beneficiary)),
            Decision::Shrink { app, executors, .. } => {
                let nodes = said.shrunk.entry(*app).or_default();
                executors.iter().for_each(|(node, count)| *nodes.entry(*node).or_default() += count);
            }
            Decision::Grow { app, executors } => {
                let nodes = said.grown.entry(*app).or_default();
                executors.iter().for_each(|(node, count)| *nodes.entry(*node).or_default() += count);
            }
        }
    }
    said
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_cycle_decides_what_the_slow_model_decides(world in worlds()) {
        agree(&world)?;
    }
}
