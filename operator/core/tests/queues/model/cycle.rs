//! The slow model's cycle: claims, gangs that lost executors, turns with those that give way, growth.

use std::collections::{BTreeMap, BTreeSet};

use onager_core::queue::{
    Amounts, Snapshot,
    ground::{Placement, View},
};

use super::{Decided, Model, Pod, Short, head::Head, reclaim::Passed};

/// How often a cycle is decided at the most.
const MOST_PASSES: u32 = 16;

/// What a cycle decides.
pub fn cycle(snapshot: &Snapshot, now: i64) -> Decided {
    let mut passed = Passed::default();
    let mut passes = 1;
    loop {
        let mut cycle = Cycle::new(snapshot, now, passed.clone());
        cycle.settle_claims();
        cycle.mend();
        cycle.turns();
        let has_room = |number: &usize| cycle.model.fresh.contains_key(number) || cycle.held.contains(number);
        let takers = passed.victims.iter().map(|(_, taker)| *taker);
        let takers: Vec<usize> = takers.filter(|taker| !has_room(taker)).collect();
        if passes == MOST_PASSES || !cycle.is_out_of_date() && takers.is_empty() {
            cycle.grow();
            return cycle.model.decided;
        }
        if cycle.is_out_of_date() {
            passed = cycle.model.passed;
        } else {
            passed.victims.retain(|(_, taker)| !takers.contains(taker));
            passed.takers.extend(takers);
        }
        passes += 1;
    }
}

/// Whether an application would start, or have others give way to it, if it alone had a turn.
pub fn could_start(snapshot: &Snapshot, now: i64, number: usize) -> bool {
    let mut cycle = Cycle::new(snapshot, now, Passed::default());
    cycle.model.may_wait(number) && cycle.turn(number).is_none()
}

pub struct Cycle<'a> {
    pub model: Model<'a>,
    pub heads: BTreeMap<usize, Head>,
    /// Lines in strict order that wait for one that has no turn.
    pub stopped: BTreeSet<usize>,
    failed: Vec<usize>,
    /// Who waits for room that is becoming free.
    held: Vec<usize>,
    /// How many victims were passed over when it began.
    victims: usize,
}

fn pods(app: usize, placement: &Placement) -> Vec<Pod> {
    let mut pods = vec![Pod { app, driver: true, node: placement.driver }];
    for (node, count) in &placement.executors {
        pods.extend(vec![Pod { app, driver: false, node: *node }; *count as usize]);
    }
    pods
}

pub fn remove(from: &mut Vec<Pod>, pods: &[Pod]) {
    for pod in pods {
        let place = from.iter().position(|one| one == pod).expect("a pod that is there");
        from.remove(place);
    }
}

impl<'a> Cycle<'a> {
    fn new(snapshot: &'a Snapshot, now: i64, passed: Passed) -> Self {
        let (heads, stopped, victims) = (BTreeMap::new(), BTreeSet::new(), passed.victims.len());
        let model = Model::new(snapshot, now, passed);
        Self { model, heads, stopped, failed: Vec::new(), held: Vec::new(), victims }
    }

    /// Whether one was found that would give way again.
    fn is_out_of_date(&self) -> bool {
        self.model.passed.victims.len() > self.victims
    }

    fn admit(&mut self, number: usize, placement: Placement) {
        let pods = pods(number, &placement);
        self.model.there.extend(pods.clone());
        self.model.coming.extend(pods);
        self.model.counts[number] = true;
        self.model.fresh.insert(number, (true, self.model.gave_way.1));
        self.model.decided.admitted.insert(number, placement);
    }

    fn promise(&mut self, number: usize, placement: Placement) {
        self.model.coming.extend(pods(number, &placement));
        self.model.counts[number] = true;
        self.model.fresh.insert(number, (false, self.model.gave_way.1));
        self.model.decided.promised.push((number, placement));
    }

    /// Whether a gang has room in these very places.
    fn takes(&self, number: usize, placement: &Placement, view: View) -> bool {
        let app = self.model.app(number);
        let mut needed: BTreeMap<usize, Amounts> = BTreeMap::new();
        for pod in pods(number, placement) {
            let shape = if pod.driver { app.driver } else { app.executor };
            if !self.model.accepts(pod.node, shape) {
                return false;
            }
            needed.entry(pod.node).or_default().add(self.model.requests(shape), 1);
        }
        needed.iter().all(|(node, needed)| needed.within(&self.model.room(*node, view)))
    }

    fn has_turn(&self, number: usize) -> bool {
        self.model.may_wait(number) && !self.model.passed.has(number)
    }

    /// Whether one that has no turn had a claim that this one would take.
    fn inherits(&self, number: usize) -> bool {
        let mut victims = self.model.passed.victims.iter();
        victims.any(|(victim, taker)| *taker == number && self.model.app(*victim).claim.is_some())
    }

    fn settle_claims(&mut self) {
        let snapshot = self.model.snapshot;
        let mut claimants: Vec<(usize, usize, Placement)> = Vec::new();
        for (number, app) in snapshot.apps.iter().enumerate().filter(|(number, _)| self.has_turn(*number)) {
            claimants.extend(app.claim.as_ref().map(|claim| (claim.rank, number, claim.placement.clone())));
        }
        claimants.sort_by_key(|(rank, number, _)| (*rank, *number));
        let mut kept = Vec::new();
        for (_, number, placement) in claimants {
            let short = self.model.short(number, true, self.model.app(number).minimum, View::Soon);
            if short.is_none() && self.takes(number, &placement, View::Soon) {
                self.model.coming.extend(pods(number, &placement));
                self.model.counts[number] = true;
                kept.push((number, placement));
            }
        }
        for (number, placement) in kept {
            remove(&mut self.model.coming, &pods(number, &placement));
            self.model.counts[number] = false;
            match self.model.fits(number, View::Now) {
                Ok(_) if self.takes(number, &placement, View::Now) => self.admit(number, placement),
                Ok(other) => self.admit(number, other),
                Err(_) => self.promise(number, placement),
            }
        }
    }

    fn turns(&mut self) {
        let count = self.model.snapshot.apps.len();
        let mut line: Vec<usize> = (0..count).filter(|number| self.model.may_wait(*number)).collect();
        line.sort_by_key(|number| (-self.model.app(*number).priority, self.model.app(*number).created, *number));
        let leaves: BTreeSet<usize> = line.iter().map(|number| self.model.leaf(*number)).collect();
        let mut candidates: BTreeMap<usize, usize> = BTreeMap::new();
        for leaf in &leaves {
            self.next_of(*leaf, &mut line, &mut candidates);
        }
        while let Some(leaf) =
            self.model.whose_turn(&candidates, &|queue, number| self.model.turn_share(queue, &self.model.gang(number)))
        {
            let number = candidates[&leaf];
            if let Some(short) = self.beside(leaf, |cycle| cycle.turn(number)) {
                self.failed.push(number);
                self.hold_for_head(number, short);
            }
            self.next_of(leaf, &mut line, &mut candidates);
        }
    }

    /// The next of a leaf's line that has a chance becomes its candidate.
    fn next_of(&mut self, leaf: usize, line: &mut Vec<usize>, candidates: &mut BTreeMap<usize, usize>) {
        candidates.remove(&leaf);
        while let Some(place) = line.iter().position(|number| self.model.leaf(*number) == leaf) {
            let number = line.remove(place);
            if self.model.fresh.contains_key(&number) {
                continue;
            }
            if self.model.passed.has(number) {
                self.pass(number);
                self.failed.push(number);
                continue;
            }
            if self.stops(leaf) || self.failed.iter().any(|other| self.alike(*other, number)) {
                continue;
            }
            if self.has_chance(number) {
                candidates.insert(leaf, number);
                return;
            }
            self.failed.push(number);
        }
    }

    /// Whether it takes a turn to see that it cannot start. In strict order everybody has one.
    fn has_chance(&self, number: usize) -> bool {
        if self.model.is_strict(self.model.leaf(number)) {
            return true;
        }
        match (self.plainly_short(number, View::Now), self.plainly_short(number, View::Soon)) {
            (None, _) => true,
            (Some(Short::Applications | Short::User), _) => false,
            (_, None) => true,
            (_, Some(soon)) => self.claim(number, soon).is_some(),
        }
    }

    fn plainly_short(&self, number: usize, view: View) -> Option<Short> {
        let app = self.model.app(number);
        let slots = |shape| -> u64 {
            let nodes = (0..self.model.snapshot.nodes.len()).filter(|node| self.model.accepts(*node, shape));
            nodes.map(|node| self.model.room(node, view).holds(self.model.requests(shape))).sum()
        };
        let short = self.model.short(number, true, app.minimum, view);
        short.or_else(|| (slots(app.driver) == 0 || slots(app.executor) < app.minimum.into()).then_some(Short::Nodes))
    }

    /// Whether what one finds holds for the other.
    fn alike(&self, one: usize, other: usize) -> bool {
        let (leaf, a, b) = (self.model.leaf(one), self.model.app(one), self.model.app(other));
        let spec = &self.model.tree.all[leaf].spec;
        let users_count = !spec.user_limit.is_none() || spec.user_max_applications.is_some();
        leaf == self.model.leaf(other)
            && (a.driver, a.executor, a.minimum, a.priority) == (b.driver, b.executor, b.minimum, b.priority)
            && a.name.namespace == b.name.namespace
            && (a.user == b.user || !users_count)
    }

    /// What blocks it, if it neither starts nor is promised room.
    fn turn(&mut self, number: usize) -> Option<Short> {
        self.model.gave_way.1 = self.model.gave_way.0;
        let short = match self.model.fits(number, View::Now) {
            Ok(placement) => {
                self.admit(number, placement);
                return None;
            }
            Err(short) => short,
        };
        if matches!(short, Short::Applications | Short::User) {
            return Some(short);
        }
        let soon = match self.model.fits(number, View::Soon) {
            Ok(placement) if self.inherits(number) => {
                self.promise(number, placement);
                return None;
            }
            Ok(placement) => {
                self.model.coming.extend(pods(number, &placement));
                self.held.push(number);
                return None;
            }
            Err(short) => short,
        };
        let Some(placement) = self.reclaim(number, soon) else { return Some(short) };
        match self.model.fits(number, View::Now) {
            Ok(placement) => self.admit(number, placement),
            Err(_) => self.promise(number, placement),
        }
        None
    }
}
