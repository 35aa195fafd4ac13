//! The slow model's cycle: claims, gangs that lost executors, turns with those that give way, growth.

use std::collections::{BTreeMap, BTreeSet};

use onager_core::queue::{
    Amounts, Order, Snapshot, Stage,
    ground::{Placement, View},
    tree::{NO_QUEUE, ROOT},
};

use super::model::{Decided, Model, Pod, Short};

/// What a cycle decides.
pub fn cycle(snapshot: &Snapshot, now: i64) -> Decided {
    let mut cycle = Cycle { model: Model::new(snapshot, now), heads: BTreeMap::new(), failed: Vec::new() };
    cycle.settle_claims();
    cycle.mend();
    cycle.turns();
    cycle.grow();
    cycle.model.decided
}

/// Whether an application would start, or have others give way to it, if it alone had a turn.
pub fn could_start(snapshot: &Snapshot, now: i64, number: usize) -> bool {
    let mut cycle = Cycle { model: Model::new(snapshot, now), heads: BTreeMap::new(), failed: Vec::new() };
    cycle.model.may_wait(number) && cycle.turn(number).is_none()
}

/// What is known of the head of a line in strict order.
enum Head {
    /// Nobody passes.
    Stops,
    /// Its room is held against all.
    Held,
    /// Its room is held against those behind it.
    Aside(Vec<Pod>),
}

pub struct Cycle<'a> {
    pub model: Model<'a>,
    heads: BTreeMap<usize, Head>,
    failed: Vec<usize>,
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

impl Cycle<'_> {
    fn admit(&mut self, number: usize, placement: Placement) {
        let pods = pods(number, &placement);
        self.model.there.extend(pods.clone());
        self.model.coming.extend(pods);
        self.model.counts[number] = true;
        self.model.fresh.insert(number, true);
        self.model.decided.admitted.insert(number, placement);
    }

    fn promise(&mut self, number: usize, placement: Placement) {
        self.model.coming.extend(pods(number, &placement));
        self.model.counts[number] = true;
        self.model.fresh.insert(number, false);
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

    fn settle_claims(&mut self) {
        let snapshot = self.model.snapshot;
        let mut claimants: Vec<(usize, usize, Placement)> = Vec::new();
        for (number, app) in snapshot.apps.iter().enumerate().filter(|(number, _)| self.model.may_wait(*number)) {
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
            if matches!(self.heads.get(&leaf), Some(Head::Stops))
                || self.failed.iter().any(|other| self.alike(*other, number))
            {
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
        let leaf = self.model.leaf(number);
        if self.model.tree.all[leaf].spec.order == Order::StrictFifo {
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

    /// With what is set aside for the head of a leaf's line.
    fn beside<T>(&mut self, leaf: usize, what: impl FnOnce(&mut Self) -> T) -> T {
        let aside = match self.heads.get(&leaf) {
            Some(Head::Aside(pods)) => pods.clone(),
            _ => Vec::new(),
        };
        self.model.coming.extend(aside.clone());
        let result = what(self);
        remove(&mut self.model.coming, &aside);
        result
    }

    /// What blocks it, if it neither starts nor is promised room.
    fn turn(&mut self, number: usize) -> Option<Short> {
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
            Ok(placement) => {
                self.model.coming.extend(pods(number, &placement));
                return None;
            }
            Err(short) => short,
        };
        let Some(placement) = self.reclaim(number, soon) else { return Some(short) };
        match self.model.fits(number, View::Now) {
            Ok(placement) => self.admit(number, placement),
            Err(_) => self.promise(number, placement),
        }
        self.reinstate();
        None
    }

    fn hold_for_head(&mut self, number: usize, short: Short) {
        let model = &self.model;
        let leaf = model.leaf(number);
        let strict = leaf != NO_QUEUE && model.tree.all[leaf].spec.order == Order::StrictFifo;
        let never = match short {
            Short::Quota(for_ever) | Short::Level(_, for_ever) => for_ever,
            Short::User => {
                let limit = &model.tree.all[leaf].spec.user_limit;
                model.gang(number).some().any(|(kind, amount)| amount > limit.get(kind))
            }
            Short::Nodes => !self.ever_fits(number),
            Short::Applications => false,
        };
        if !strict || never || self.heads.contains_key(&leaf) {
            return;
        }
        let gang = model.gang(number);
        let entitled = model.tree.chain(leaf).filter(|level| *level != ROOT).all(|level| model.deserves(level, &gang));
        let of_cluster = matches!(short, Short::Nodes | Short::Level(ROOT, _));
        let head = match (short, self.soonest(number)) {
            (Short::Applications, _) => Head::Stops,
            (_, None) => Head::Held,
            (_, Some(held)) if of_cluster && entitled => {
                self.model.coming.extend(held);
                Head::Held
            }
            (_, Some(held)) => Head::Aside(held),
        };
        self.heads.insert(leaf, head);
    }

    pub fn ever_fits(&self, number: usize) -> bool {
        let mut empty = Model::new(self.model.snapshot, self.model.time);
        empty.there.clear();
        empty.coming.clear();
        empty.place(number, View::Soon).is_some()
    }

    /// Where least is missing: first for the driver, then for one executor after the other.
    fn soonest(&self, number: usize) -> Option<Vec<Pod>> {
        let (app, sites) = (self.model.app(number), &self.model.snapshot.nodes);
        let mut held: Vec<Pod> = Vec::new();
        for driver in std::iter::once(true).chain(vec![false; app.minimum as usize]) {
            let shape = if driver { app.driver } else { app.executor };
            let request = self.model.requests(shape);
            let mut best: Option<(f64, usize)> = None;
            for node in (0..sites.len()).filter(|node| self.model.accepts(*node, shape)) {
                let mut before = Amounts::default();
                let mut alike = 1;
                for pod in held.iter().filter(|pod| pod.node == node) {
                    if pod.driver {
                        before.add(self.model.requests(app.driver), 1);
                    } else {
                        alike += 1;
                    }
                }
                let whole = sites[node].allocatable.less(&sites[node].foreign).less(&before);
                if whole.holds(request) < alike {
                    continue;
                }
                let room = self.model.room(node, View::Soon).less(&before);
                let missing = |(kind, each): (usize, u64)| {
                    (each * alike).saturating_sub(room.get(kind)) as f64
                        / sites[node].allocatable.get(kind).max(1) as f64
                };
                let missing = request.some().map(missing).fold(0.0, f64::max);
                if best.is_none_or(|(least, _)| missing < least) {
                    best = Some((missing, node));
                }
            }
            held.push(Pod { app: number, driver, node: best?.1 });
        }
        Some(held)
    }

    fn mend(&mut self) {
        let count = self.model.snapshot.apps.len();
        let mut broken: Vec<usize> = (0..count)
            .filter(|number| {
                let app = self.model.app(*number);
                matches!(app.stage, Stage::Admitted { .. })
                    && app.pods.driver.is_some()
                    && app.pods.staying() < app.minimum
            })
            .collect();
        broken.sort_by_key(|number| (-self.model.app(*number).priority, self.model.app(*number).created, *number));
        for number in broken {
            while self.model.executors(number).len() < self.model.app(number).minimum as usize
                && self.grow_by_one(number)
            {}
        }
    }

    fn grow(&mut self) {
        let count = self.model.snapshot.apps.len();
        let mut failed: Vec<usize> = Vec::new();
        let mut full: BTreeSet<usize> = BTreeSet::new();
        // Who was below its minimum when growth began goes first in its queue.
        let broken: Vec<bool> = (0..count)
            .map(|number| self.model.executors(number).len() < self.model.app(number).minimum as usize)
            .collect();
        loop {
            let mut candidates: BTreeMap<usize, usize> = BTreeMap::new();
            for number in (0..count).filter(|number| self.wants_more(*number) && !full.contains(number)) {
                let rank = |number: usize| {
                    (!broken[number], -self.model.app(number).priority, self.model.app(number).created, number)
                };
                let first = candidates.entry(self.model.leaf(number)).or_insert(number);
                *first = if rank(number) < rank(*first) { number } else { *first };
            }
            let one = |queue: usize, number: usize| {
                self.model.share(queue, &self.model.snapshot.size(self.model.app(number), false, 1))
            };
            let Some(leaf) = self.model.whose_turn(&candidates, &one) else { break };
            let number = candidates[&leaf];
            let like = |other: &usize| {
                let (a, b) = (self.model.app(*other), self.model.app(number));
                self.model.leaf(*other) == leaf
                    && a.executor == b.executor
                    && a.name.namespace == b.name.namespace
                    && a.user == b.user
            };
            if failed.iter().any(like) || !self.grow_by_one(number) {
                failed.push(number);
                full.insert(number);
            }
        }
    }

    fn wants_more(&self, number: usize) -> bool {
        let (app, leaf) = (self.model.app(number), self.model.leaf(number));
        let lean = self.model.is_barred(number) || matches!(self.heads.get(&leaf), Some(Head::Stops));
        let most = if lean { app.minimum } else { app.wanted.max(app.minimum) };
        self.model.counts[number]
            && self.model.fresh.get(&number) != Some(&false)
            && self.model.executors(number).len() < most as usize
    }

    fn grow_by_one(&mut self, number: usize) -> bool {
        let leaf = self.model.leaf(number);
        let node = self.beside(leaf, |cycle| {
            let model = &cycle.model;
            let (short, shape) = (model.short(number, false, 1, View::Now), model.app(number).executor);
            let mut nodes = 0..model.snapshot.nodes.len();
            let room =
                |node: usize| model.accepts(node, shape) && model.requests(shape).within(&model.room(node, View::Now));
            if short.is_some() { None } else { nodes.find(|node| room(*node)) }
        });
        let Some(node) = node else { return false };
        let pod = Pod { app: number, driver: false, node };
        self.model.there.push(pod.clone());
        self.model.coming.push(pod);
        *self.model.decided.grown.entry(number).or_default().entry(node).or_default() += 1;
        true
    }
}
