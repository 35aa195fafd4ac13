//! What the desk remembers of one application: that it asks, what was answered, and what was decided and is not on record yet.
//! Facts alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use onager_core::{Trouble, queue::Name};
use onager_crds::QueuePlace;

/// One application.
#[derive(Debug, Default)]
pub struct Entry {
    /// Its name, once it has asked.
    pub name: Option<Name>,
    /// The generation that asks.
    pub generation: Option<i64>,
    /// Whether it stands in line.
    pub asks: bool,
    /// Why it waits.
    pub verdict: Option<Verdict>,
    /// It starts; held until its status says so.
    pub grant: Option<Grant>,
    /// Others' pods go, and what they leave is its own.
    pub claim: Option<Claim>,
    /// How many executors it may have, where its status does not say so yet.
    pub given: Option<u32>,
    /// How many it wants, where that is more than it may have.
    pub wanted: Option<u32>,
    /// Indexes of executors that give way.
    pub retired: BTreeSet<u32>,
    /// All of it gives way.
    pub evicted: Option<Trouble>,
    /// The driver's node.
    pub driver: Option<String>,
    /// Nodes of executors by index, until they are bound.
    pub seats: BTreeMap<u32, String>,
    /// Nodes that were found, for the next indexes.
    pub free_seats: VecDeque<String>,
}

/// Room that is held for a gang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How many executors have some.
    pub executors: u32,
    /// When it was decided, in milliseconds.
    pub since: i64,
    /// Whether its application was told, so that it may be on record any moment.
    pub heard: bool,
}

/// Room that others leave for a gang, by the names of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its place among claims.
    pub rank: usize,
    /// The driver's node; `None` where room on nodes is not looked at.
    pub driver: Option<String>,
    /// Executors by node.
    pub executors: Vec<(Option<String>, u32)>,
}

/// Why an application waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The word and the sentence.
    pub trouble: Trouble,
    /// Its queue, and its place in line, rounded up where it is far behind.
    pub place: Option<QueuePlace>,
}

impl Entry {
    /// The next free node is that of the executor of this index.
    pub fn seat(&mut self, index: u32) {
        if !self.seats.contains_key(&index)
            && let Some(node) = self.free_seats.pop_front()
        {
            self.seats.insert(index, node);
        }
    }

    /// It is told with how many executors it starts, if it does. What was decided since it was told before holds: that start
    /// was not saved, or it would not ask.
    pub fn start(&mut self) -> Option<u32> {
        if self.evicted.take().is_some() {
            self.grant = None;
            self.give_seats_back();
        }
        let given = self.given.take();
        let grant = self.grant.as_mut()?;
        grant.executors = given.unwrap_or(grant.executors);
        grant.heard = true;
        Some(grant.executors)
    }

    /// It may have so many executors: in place of what nobody was told yet, or of what is on record or may be.
    pub fn allow(&mut self, executors: u32) {
        match &mut self.grant {
            Some(grant) if !grant.heard => grant.executors = executors,
            _ => self.given = Some(executors),
        }
    }

    /// It wants no more than so many executors: what it was given beyond them is for others. Answers whether that is something.
    pub fn content_with(&mut self, executors: u32) -> bool {
        self.wanted = None;
        let before = self.given;
        self.given = before.map(|given| given.min(executors));
        self.given != before
    }

    /// So many of the nodes that were found are not needed.
    pub fn unseat(&mut self, node: &str, count: u32) {
        for _ in 0..count {
            let Some(at) = self.free_seats.iter().rposition(|seat| seat == node) else { return };
            self.free_seats.remove(at);
        }
    }

    /// Forgets nodes that are gone.
    pub fn keep_seats(&mut self, there: impl Fn(&str) -> bool) {
        self.driver.take_if(|node| !there(node));
        self.seats.retain(|_, node| there(node));
        self.free_seats.retain(|node| there(node));
    }

    /// No node is held for it any more.
    pub fn give_seats_back(&mut self) {
        self.driver = None;
        self.seats.clear();
        self.free_seats.clear();
    }

    /// Whether there is nothing to remember.
    pub fn is_idle(&self) -> bool {
        !self.asks
            && self.grant.is_none()
            && self.given.is_none()
            && self.wanted.is_none()
            && self.retired.is_empty()
            && self.evicted.is_none()
            && self.driver.is_none()
            && self.seats.is_empty()
            && self.free_seats.is_empty()
    }
}

/// A place in line as it is told: exact for the first ten, then rounded up, so that a long line is not told anew each time
/// that one of it starts.
pub fn rounded(position: u32) -> u32 {
    let step = match position {
        0..=10 => 1,
        11..=100 => 10,
        101..=1_000 => 100,
        _ => 1_000,
    };
    position.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_behind_a_place_is_told_roughly() {
        let told: Vec<u32> = [1, 10, 11, 95, 101, 999, 1_001].map(rounded).to_vec();
        assert_eq!(told, [1, 10, 20, 100, 200, 1_000, 2_000]);
    }

    #[test]
    fn seats_go_to_indexes_in_order_and_stay_theirs() {
        let mut entry = Entry { free_seats: ["a", "b"].map(String::from).into(), ..Entry::default() };
        [3, 3, 4, 5].into_iter().for_each(|index| entry.seat(index));
        assert_eq!(entry.seats, BTreeMap::from([(3, "a".into()), (4, "b".into())]));
    }
}
