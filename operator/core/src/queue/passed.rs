//! Who has no turn in a cycle, and on whose account. One that is given room may have others give way for what that room leaves,
//! and then give way itself: what was decided meanwhile is in doubt, and the cycle is decided anew without it. If the one that
//! took its room has none even so, it lived on what others gave the first: then it is the taker that has no turn. Each has one in
//! the next cycle. Places nothing.

use std::collections::BTreeMap;

/// Those that have no turn.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Who would give way, and to whom.
    victims: BTreeMap<usize, usize>,
    /// Who has no room but what it would take, and from whom.
    takers: BTreeMap<usize, usize>,
    /// Whether one was found since it was last asked whether all holds.
    found: bool,
}

impl Passed {
    /// On whose account an application has no turn.
    pub fn account(&self, number: usize) -> Option<usize> {
        self.victims.get(&number).or_else(|| self.takers.get(&number)).copied()
    }

    /// One would give way.
    pub fn add(&mut self, victim: usize, taker: usize) {
        self.victims.insert(victim, taker);
        self.found = true;
    }

    /// Whether the cycle is to be decided anew, since one more would give way.
    pub fn is_out_of_date(&self) -> bool {
        self.found
    }

    /// Whether what was decided without those holds, when `has_room` says who has room then. If not, others have none the next
    /// time. It ends: a taker stays one, and between two new takers there are but more victims.
    pub fn holds(&mut self, has_room: impl Fn(usize) -> bool) -> bool {
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
