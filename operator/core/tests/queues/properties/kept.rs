//! What is kept at every moment: the room of nodes, limits, whole gangs, one driver each, and who was evicted does not evict back.

use std::collections::{BTreeMap, BTreeSet};

use onager_core::queue::{
    Amounts, App, Decision, Name, Outcome, Snapshot, Stage,
    play::{Event, EventKind, Player},
};
use proptest::prelude::*;

/// D: who is admitted waits, and has no pods; nobody is admitted or evicted twice, or evicted and shrunk.
pub fn admits_none_twice(snapshot: &Snapshot, outcome: &Outcome) -> Result<(), TestCaseError> {
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

pub fn within_nodes(snapshot: &Snapshot) -> Result<(), TestCaseError> {
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

/// Q: where something was added at this moment, each level and the quota are within their limits.
pub fn within_limits(snapshot: &Snapshot, events: &[Event]) -> Result<(), TestCaseError> {
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
pub fn whole_or_absent(snapshot: &Snapshot, lossy: bool) -> Result<(), TestCaseError> {
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
pub fn evicts_no_evictor(
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

/// What an application's pods take, those that are to go included.
pub fn usage(snapshot: &Snapshot, app: &App) -> Amounts {
    let drivers = app.pods.driver.iter().count() + app.pods.leaving_driver.iter().count();
    let executors: u32 = app.pods.executors.values().chain(app.pods.leaving.values()).sum();
    let mut size = snapshot.size(app, false, executors);
    size.add(&snapshot.shapes.get(app.driver).requests, drivers as u64);
    size
}

/// The queue of an application and all above it.
pub fn chain(snapshot: &Snapshot, app: &App) -> Vec<Name> {
    let mut chain = Vec::new();
    let mut next = app.queue.clone();
    while let Some(name) = next.filter(|_| chain.len() < 9) {
        next = snapshot.queues.get(&name).and_then(|spec| spec.parent.clone());
        chain.push(name);
    }
    chain
}
