//! Who has no turn in a cycle, and on whose account. One that is given room may have others give way for what that room leaves,
//! and then give way itself: what was decided meanwhile is in doubt, and the cycle is decided anew without it. If the one that
//! took its room has none even so, it lived on what others gave the first: then it is the taker that has no turn. Those that are
//! alike have none either: they would do the same. Places nothing.

use std::collections::BTreeMap;

/// How often a cycle is decided at the most. Few are decided twice; what is in doubt the last time holds, and the next cycle goes
/// on from there.
const MOST_PASSES: u32 = 16;

/// Those that have no turn.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Who would give way, and to whom.
    victims: BTreeMap<usize, usize>,
    /// Who has no room but what it would take, and from whom.
    takers: BTreeMap<usize, usize>,
    /// Whether a victim was found since it was last asked whether all holds.
    found: bool,
    passes: u32,
}

impl Passed {
    /// On whose account an application has no turn.
    pub fn account(&self, number: usize) -> Option<usize> {
        self.victims.get(&number).or_else(|| self.takers.get(&number)).copied()
    }

    /// Those that have no turn since they would give way to this one.
    pub fn victims_of(&self, taker: usize) -> impl Iterator<Item = usize> {
        self.victims.iter().filter(move |(_, other)| **other == taker).map(|(victim, _)| *victim)
    }

    /// One would give way.
    pub fn add(&mut self, victim: usize, taker: usize) {
        self.victims.insert(victim, taker);
        self.found = true;
    }

    /// Whether what was decided without those holds, when `has_room` says who has room then. If not, others have none the next
    /// time.
    pub fn holds(&mut self, has_room: impl Fn(usize) -> bool) -> bool {
        self.passes += 1;
        if self.passes == MOST_PASSES {
            return true;
        }
        if std::mem::take(&mut self.found) {
            return false;
        }
        let before = self.victims.len();
        let takers = &mut self.takers;
        self.victims.retain(|victim, taker| {
            let has_room = has_room(*taker);
            if !has_room {
                takers.insert(*taker, *victim);
            }
            has_room
        });
        self.victims.len() == before
    }
}
