//! Who gives way to a gang that has no room. In other queues, those that have more than they deserve: executors above their
//! application's minimum first, then whole applications, low priority and the youngest first, and never below what the queue
//! deserves; the gang's own queue takes no more than it deserves. What was taken from it by that rule a queue cannot take back,
//! since it would have more than it deserves. Pods do not add up to every part, and a guarantee is owed whole: for a gang within
//! its guarantee, who has more than it deserves gives one more, though it is below after that; never below what is guaranteed to
//! it. In its own queue, executors above the minimum of those whose priority is not
//! higher, and whole applications of lower priority. A driver alone is never taken.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use super::{
    Amounts, Block, Decision, Kind, Preemption, Reclaim as Policy, ShapeId,
    desk::{BOTH, Desk, SOON},
    ground::{Placement, View},
    tree::{NO_QUEUE, ROOT},
};

/// What an application gives up.
#[derive(Clone, Debug)]
struct Victim {
    app: usize,
    /// The driver's node, where the whole application goes.
    driver: Option<usize>,
    executors: Vec<(usize, u32)>,
}

/// Among whom is looked.
pub struct Scope {
    number: usize,
    leaf: usize,
    /// Its queue and those above it whose guarantees hold the gang too: those that are not below them owe it.
    owed: Vec<usize>,
    /// Of which resources something is short: all that it asks for, where it is room on nodes.
    short: Vec<Kind>,
    priority: i64,
    /// Leaves of others.
    others: Vec<usize>,
    /// Whether those of the own queue give way.
    own: bool,
    /// Only those of this namespace help.
    namespace: Option<String>,
    /// Those that are alike in this look among the same applications, for the same pods.
    alike: Option<Alike>,
}

/// What applications have in common that look among the same others for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alike {
    /// The queue above theirs; their own, where its guarantee is owed.
    above: usize,
    owed: bool,
    /// Up to where their queues deserve their gangs.
    reach: usize,
    /// The level that is full.
    full: usize,
    driver: ShapeId,
    executor: ShapeId,
    /// Where it counts.
    priority: i64,
}

/// Whether executors above the minimum are looked for, or whole applications.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Spare,
    Whole,
}

/// How far down other queues give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Down {
    /// As long as they keep what they deserve.
    ToDeserved,
    /// As long as they have more than they deserve, for a guarantee.
    PastDeserved,
}

impl Desk<'_> {
    /// Whether a queue deserves so much more than it uses, of each resource that is asked for.
    pub fn deserves(&self, queue: usize, more: &Amounts) -> bool {
        let used = self.books.used(queue, View::Soon);
        more.some().all(|(kind, more)| used.get(kind).saturating_add(more) <= self.deserved[queue].get(kind))
    }

    /// Has others give way to an application that `block` keeps waiting even when all that is to go is gone, and answers where
    /// its gang goes once they are gone; `None`, and nothing changes, where that does not make enough room.
    pub fn reclaim(&mut self, number: usize, block: &Block) -> Option<Placement> {
        if matches!(block, Block::Nodes(_)) && !self.ever_fits(number) {
            return None;
        }
        let scope = self.scope(number, block)?;
        let (changes, minimum) = (self.changes, self.snapshot.apps[number].minimum);
        let in_vain = scope.alike.and_then(|alike| self.in_vain.get(&alike));
        if in_vain.is_some_and(|(at, least)| *at == changes && *least <= minimum) {
            return None;
        }
        let mut victims = Vec::new();
        if !self.collect(&scope, &mut victims) {
            victims.iter().rev().for_each(|victim| self.restore(victim));
            // All is as it was.
            self.changes = changes;
            self.in_vain.extend(scope.alike.map(|alike| (alike, (changes, minimum))));
            return None;
        }
        // Those that turn out not to be needed stay, but no executor of one that goes whole: it goes along.
        let (mut kept, mut whole) = (Vec::new(), BTreeSet::new());
        while let Some(victim) = victims.pop() {
            if whole.contains(&victim.app) {
                continue;
            }
            self.restore(&victim);
            if self.fits(number, View::Soon).is_err() {
                self.remove(&victim);
                whole.extend(victim.driver.map(|_| victim.app));
                kept.push(victim);
            }
        }
        let placement = self.fits(number, View::Soon).ok()?;
        self.decide(number, kept);
        Some(placement)
    }

    /// Among whom is looked for an application; `None` where nobody gives way to it.
    pub fn scope(&mut self, number: usize, block: &Block) -> Option<Scope> {
        let app = &self.snapshot.apps[number];
        let (leaf, gang) = (self.leaf(number), self.snapshot.gang(app));
        let namespace = match block {
            Block::Quota(_) => Some(app.name.namespace.clone()),
            Block::Level(_) | Block::Nodes(_) => None,
            _ => return None,
        };
        if leaf == NO_QUEUE || block.is_for_ever() {
            return None;
        }
        let spec = &self.tree.all[leaf].spec;
        let own = spec.preemption != Preemption::Never;
        // Up to which level its queue, and those above it, deserve it.
        let reach = self.tree.chain(leaf).take_while(|level| *level != ROOT && self.deserves(*level, &gang)).last();
        let reach = reach.filter(|_| spec.reclaim != Policy::Never).map(|level| self.tree.all[level].parent);
        // Only those below the level that is full help.
        let full = self.books.over(leaf, &gang, View::Soon).map_or(ROOT, |over| over.level);
        let short = self.short(leaf, &gang);
        let gives = |other: &usize, reach: usize| {
            let other = *other;
            let inside = |level: usize| self.tree.is_within(other, level);
            other != leaf
                && other != NO_QUEUE
                && !self.running[other].is_empty()
                && self.tree.all[other].fault.is_none()
                && self.excess(other, &short) > 1.0
                && inside(reach)
                && inside(full)
        };
        let others: Vec<usize> = match reach {
            Some(reach) => (0..self.tree.all.len()).filter(|other| gives(other, reach)).collect(),
            None => Vec::new(),
        };
        let priority = if spec.reclaim == Policy::LowerPriority { app.priority } else { i64::MAX };
        let below_root = self.tree.chain(leaf).take_while(|level| *level != ROOT);
        let owed: Vec<usize> = below_root.filter(|level| self.guarantees(*level, &gang, &short)).collect();
        let above = if owed.is_empty() { self.tree.all[leaf].parent } else { leaf };
        let (driver, executor) = (app.driver, app.executor);
        let alike = reach.map(|reach| Alike { above, owed: !owed.is_empty(), reach, full, driver, executor, priority });
        let own = own && self.running[leaf].iter().any(|other| self.gives_within(*other, app.priority));
        (own || !others.is_empty()).then_some(Scope {
            number,
            leaf,
            owed,
            short,
            priority: app.priority,
            others,
            own,
            alike: alike.filter(|_| !own && namespace.is_none() && full != leaf),
            namespace,
        })
    }

    /// Whether a queue's guarantee holds a gang too, of something that is short.
    fn guarantees(&self, queue: usize, gang: &Amounts, short: &[Kind]) -> bool {
        let (promised, used) = (&self.tree.all[queue].guarantee, self.books.used(queue, View::Soon));
        short.iter().any(|kind| promised.get(*kind) > 0)
            && promised.some().all(|(kind, promised)| used.get(kind).saturating_add(gang.get(kind)) <= promised)
    }

    /// The resources of which the levels have too little for a gang; all that it asks for, where they have enough.
    fn short(&self, leaf: usize, gang: &Amounts) -> Vec<Kind> {
        let alone = |(kind, amount): &(Kind, u64)| {
            let mut one = Amounts::default();
            one.set(*kind, *amount);
            self.books.over(leaf, &one, View::Soon).is_some()
        };
        let short: Vec<Kind> = gang.some().filter(alone).map(|(kind, _)| kind).collect();
        if short.is_empty() { gang.some().map(|(kind, _)| kind).collect() } else { short }
    }

    /// Whether an application gives way to one of its own queue.
    fn gives_within(&self, other: usize, priority: i64) -> bool {
        let app = &self.snapshot.apps[other];
        app.priority < priority || app.priority == priority && self.pods(other).staying() > app.minimum
    }

    /// Takes from one after the other until the gang fits.
    fn collect(&mut self, scope: &Scope, victims: &mut Vec<Victim>) -> bool {
        for wanted in [Wanted::Spare, Wanted::Whole] {
            let enough = self.take_from_others(scope, wanted, Down::ToDeserved, victims)
                || scope.own && self.take_from_own(scope, wanted, victims)
                || !scope.owed.is_empty() && self.take_from_others(scope, wanted, Down::PastDeserved, victims);
            if enough {
                return true;
            }
        }
        false
    }

    fn take_from_others(&mut self, scope: &Scope, wanted: Wanted, down: Down, victims: &mut Vec<Victim>) -> bool {
        // The queue that has most in excess gives first.
        let excess = |desk: &Self, leaf: usize| desk.excess(leaf, &scope.short).to_bits();
        let mut leaves: BinaryHeap<(u64, Reverse<usize>, usize)> =
            scope.others.iter().map(|leaf| (excess(self, *leaf), Reverse(*leaf), 0)).collect();
        while let Some((_, Reverse(leaf), mut place)) = leaves.pop() {
            while let Some(app) = self.running[leaf].get(place).copied() {
                let Some(victim) =
                    self.victim(scope, app, wanted).filter(|victim| self.may_give(scope, leaf, victim, down))
                else {
                    place += 1;
                    continue;
                };
                self.remove(&victim);
                victims.push(victim);
                if self.fits(scope.number, View::Soon).is_ok() {
                    return true;
                }
                leaves.push((excess(self, leaf), Reverse(leaf), place));
                break;
            }
        }
        false
    }

    fn take_from_own(&mut self, scope: &Scope, wanted: Wanted, victims: &mut Vec<Victim>) -> bool {
        for app in self.running[scope.leaf].clone() {
            let priority = self.snapshot.apps[app].priority;
            let gives = if wanted == Wanted::Spare { priority <= scope.priority } else { priority < scope.priority };
            while let Some(victim) = self.victim(scope, app, wanted).filter(|_| gives) {
                self.remove(&victim);
                victims.push(victim);
                if self.fits(scope.number, View::Soon).is_ok() {
                    return true;
                }
            }
        }
        false
    }

    /// What an application would give up next.
    fn victim(&self, scope: &Scope, app: usize, wanted: Wanted) -> Option<Victim> {
        let (itself, pods) = (&self.snapshot.apps[app], self.pods(app));
        if scope.namespace.as_ref().is_some_and(|namespace| *namespace != itself.name.namespace) {
            return None;
        }
        match wanted {
            Wanted::Spare => {
                let (node, _) = pods.executors.last_key_value().filter(|_| pods.staying() > itself.minimum)?;
                Some(Victim { app, driver: None, executors: vec![(*node, 1)] })
            }
            Wanted::Whole => {
                let executors = pods.executors.iter().map(|(node, count)| (*node, *count)).collect();
                pods.driver.map(|driver| Victim { app, driver: Some(driver), executors })
            }
        }
    }

    /// Whether another queue, and each above it below the one both share, goes so far down with this and no further.
    fn may_give(&self, scope: &Scope, leaf: usize, victim: &Victim, down: Down) -> bool {
        let app = &self.snapshot.apps[victim.app];
        let lower = self.tree.all[scope.leaf].spec.reclaim == Policy::LowerPriority;
        if lower && app.priority >= scope.priority {
            return false;
        }
        if down == Down::PastDeserved && scope.owed.iter().all(|level| self.tree.is_within(leaf, *level)) {
            return false;
        }
        let count = victim.executors.iter().map(|(_, count)| count).sum();
        let size = self.snapshot.size(app, victim.driver.is_some(), count);
        let keeps = |kind: usize, gives: u64| {
            let apart = self.tree.chain(leaf).take_while(|level| !self.tree.is_within(scope.leaf, *level));
            apart.into_iter().all(|level| {
                let (used, deserved) = (self.books.used(level, View::Soon).get(kind), self.deserved[level].get(kind));
                match down {
                    Down::ToDeserved => used >= deserved.saturating_add(gives),
                    Down::PastDeserved => {
                        used > deserved && used >= self.tree.all[level].guarantee.get(kind).saturating_add(gives)
                    }
                }
            })
        };
        scope.short.iter().map(|kind| (*kind, size.get(*kind))).any(|(kind, gives)| gives > 0 && keeps(kind, gives))
    }

    /// How much of what it deserves a queue has, of the resource of which it has most of those that are short.
    fn excess(&self, queue: usize, short: &[Kind]) -> f64 {
        let used = self.books.used(queue, View::Soon);
        let part = |kind: &Kind| match used.get(*kind) {
            0 => 0.0,
            used => used as f64 / self.deserved[queue].get(*kind) as f64,
        };
        short.iter().map(part).fold(0.0, f64::max)
    }

    fn remove(&mut self, victim: &Victim) {
        self.give(victim.app, victim.driver, &victim.executors, self.views_of(victim.app));
        let pods = self.pods_mut(victim.app);
        if victim.driver.is_some() {
            pods.driver = None;
        }
        for (node, count) in &victim.executors {
            let here = pods.executors.entry(*node).or_default();
            *here = here.saturating_sub(*count);
            if *here == 0 {
                pods.executors.remove(node);
            }
        }
    }

    fn restore(&mut self, victim: &Victim) {
        self.take(victim.app, victim.driver, &victim.executors, self.views_of(victim.app));
        let pods = self.pods_mut(victim.app);
        pods.driver = pods.driver.or(victim.driver);
        pods.grow(&victim.executors);
    }

    /// Where what it gives up counts: pods that are there stay until they are gone.
    fn views_of(&self, number: usize) -> &'static [View] {
        if self.fresh[number].is_some_and(|fresh| !fresh.promised) { BOTH } else { SOON }
    }

    fn decide(&mut self, beneficiary: usize, victims: Vec<Victim>) {
        let mut shrunk: BTreeMap<usize, BTreeMap<usize, u32>> = Default::default();
        let mut whole: Vec<usize> = Vec::new();
        // Before any is retracted: with what that had, its queue may have had more than it deserves, and others went first.
        self.gave_way += victims.iter().filter(|victim| self.fresh[victim.app].is_none()).count() as u64;
        for victim in victims {
            let leaf = self.leaf(victim.app);
            self.moved.push(leaf);
            if victim.driver.is_some() {
                self.running[leaf].retain(|app| *app != victim.app);
                if self.fresh[victim.app].is_some() {
                    self.retract(victim.app, beneficiary);
                    continue;
                }
                self.books.leave(leaf, &self.snapshot.apps[victim.app].user);
                self.grown.remove(&victim.app);
                // Those of its executors that were to go before go with it.
                self.decisions.retain(|decision| decision.app() != victim.app);
                whole.push(victim.app);
            }
            let nodes = shrunk.entry(victim.app).or_default();
            for (node, count) in victim.executors {
                *nodes.entry(node).or_default() += count;
            }
        }
        for (app, nodes) in shrunk {
            self.decisions.push(if whole.contains(&app) {
                Decision::Evict { app, beneficiary }
            } else {
                Decision::Shrink { app, executors: nodes.into_iter().collect(), beneficiary }
            });
        }
    }
}
