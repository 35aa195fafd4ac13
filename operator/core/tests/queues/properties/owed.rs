//! What queues keep: none is taken below what it deserves, but by one piece for a guarantee.

use onager_core::queue::{Amounts, App, Block, Decision, Name, Outcome, Snapshot};
use proptest::prelude::*;

use super::kept::chain;

/// Nobody of another queue gives way below what that queue deserves, of all that the gang asks for; for a guarantee by one piece
/// at the most.
pub fn leaves_what_is_deserved(snapshot: &Snapshot, outcome: &Outcome) -> Result<(), TestCaseError> {
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
