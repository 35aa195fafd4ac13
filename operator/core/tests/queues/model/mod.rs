//! A slow model of a cycle that is plainly what docs/queues.md says: pods in two plain lists, those that take room at this
//! moment and those that will be there soon, and everything added up anew each time it is asked for. Only the tree and the
//! water-filling are the product's own; they have tests of their own.

use std::{cmp::Reverse, collections::BTreeMap};

use onager_core::queue::{
    Amounts, App, Name, Order, Preemption, Reclaim, ShapeId, Snapshot, Stage,
    deserve::deserve,
    ground::{Placement, View},
    standing::missing,
    tree::{NO_QUEUE, ROOT, Tree, allows},
};

use reclaim::Passed;

pub mod cycle;
mod grow;
mod head;
mod limits;
pub mod reclaim;

#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    pub app: usize,
    pub driver: bool,
    pub node: usize,
}

/// What keeps a gang out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Short {
    Applications,
    User,
    /// Whether for ever.
    Quota(bool),
    /// Which, and whether for ever.
    Level(usize, bool),
    Nodes,
}

/// What was decided, in a form that is easy to compare.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    pub admitted: BTreeMap<usize, Placement>,
    pub promised: Vec<(usize, Placement)>,
    pub evicted: BTreeMap<usize, usize>,
    pub shrunk: BTreeMap<usize, BTreeMap<usize, u32>>,
    pub grown: BTreeMap<usize, BTreeMap<usize, u32>>,
}

/// An application's pods that stay.
pub fn own_pods(app: &App, number: usize) -> Vec<Pod> {
    pods(number, app.pods.driver, &app.pods.executors)
}

fn pods(app: usize, driver: Option<usize>, executors: &BTreeMap<usize, u32>) -> Vec<Pod> {
    let each = |(node, count): (&usize, &u32)| vec![Pod { app, driver: false, node: *node }; *count as usize];
    let driver = driver.map(|node| Pod { app, driver: true, node });
    driver.into_iter().chain(executors.iter().flat_map(each)).collect()
}

pub struct Model<'a> {
    pub snapshot: &'a Snapshot,
    pub time: i64,
    pub tree: Tree,
    pub capacity: Amounts,
    pub deserved: Vec<Amounts>,
    pub there: Vec<Pod>,
    pub coming: Vec<Pod>,
    /// Who counts as admitted.
    pub counts: Vec<bool>,
    /// Who was admitted (or else promised) in this cycle, and how many had given way before.
    pub fresh: BTreeMap<usize, (bool, usize)>,
    /// How many gave way in this cycle, and how many before the turn that is taken.
    pub gave_way: (usize, usize),
    /// Who has no turn in this cycle.
    pub passed: Passed,
    pub decided: Decided,
}

impl<'a> Model<'a> {
    pub fn new(snapshot: &'a Snapshot, time: i64, passed: Passed) -> Self {
        let mut whole = Amounts::default();
        snapshot.nodes.iter().for_each(|site| whole.add(&site.allocatable, 1));
        let tree = Tree::build(snapshot, &whole);
        let (mut there, mut coming) = (Vec::new(), Vec::new());
        for (number, app) in snapshot.apps.iter().enumerate() {
            coming.extend(own_pods(app, number));
            there.extend(pods(number, app.pods.leaving_driver, &app.pods.leaving));
        }
        there.extend(coming.iter().cloned());
        let counts = snapshot.apps.iter().map(|app| matches!(app.stage, Stage::Admitted { .. })).collect();
        let (capacity, deserved, fresh) = (Amounts::default(), Vec::new(), BTreeMap::new());
        let decided = Decided::default();
        let mut model = Self {
            snapshot,
            time,
            tree,
            capacity,
            deserved,
            there,
            coming,
            counts,
            fresh,
            gave_way: (0, 0),
            passed,
            decided,
        };
        for site in snapshot.nodes.iter().filter(|site| site.node.usable) {
            model.capacity.add(&site.allocatable.less(&site.foreign), 1);
        }
        for pod in model.there.iter().filter(|pod| !snapshot.nodes[pod.node].node.usable) {
            model.capacity.add(&model.snapshot.shapes.get(model.shape(pod)).requests, 1);
        }
        let levels = 0..model.tree.all.len();
        let usage: Vec<Amounts> = levels.clone().map(|level| model.used_now(level)).collect();
        let demand: Vec<Amounts> = levels.map(|leaf| model.wants(leaf)).collect();
        model.deserved = deserve(&model.tree, &model.capacity, &demand, &usage);
        model
    }

    /// Whether it was admitted in this cycle.
    pub fn is_admitted_now(&self, number: usize) -> bool {
        self.fresh.get(&number).is_some_and(|(admitted, _)| *admitted)
    }

    pub fn app(&self, number: usize) -> &'a App {
        &self.snapshot.apps[number]
    }

    pub fn shape(&self, pod: &Pod) -> ShapeId {
        if pod.driver { self.app(pod.app).driver } else { self.app(pod.app).executor }
    }

    pub fn requests(&self, shape: ShapeId) -> &'a Amounts {
        &self.snapshot.shapes.get(shape).requests
    }

    pub fn leaf(&self, number: usize) -> usize {
        self.app(number).queue.as_ref().and_then(|queue| self.tree.find(queue)).unwrap_or(NO_QUEUE)
    }

    pub fn gang(&self, number: usize) -> Amounts {
        self.snapshot.gang(self.app(number))
    }

    pub fn executors(&self, number: usize) -> Vec<usize> {
        let mut nodes: Vec<usize> =
            self.coming.iter().filter(|pod| pod.app == number && !pod.driver).map(|pod| pod.node).collect();
        nodes.sort_unstable();
        nodes
    }

    pub fn sum(&self, pods: &[Pod], of: impl Fn(&Pod) -> bool) -> Amounts {
        let mut sum = Amounts::default();
        pods.iter().filter(|pod| of(pod)).for_each(|pod| sum.add(self.requests(self.shape(pod)), 1));
        sum
    }

    /// What such pods take: soon, or at this moment and what is promised, of each resource the larger.
    pub fn used(&self, view: View, of: impl Fn(&Pod) -> bool) -> Amounts {
        let soon = self.sum(&self.coming, &of);
        if view == View::Soon { soon } else { self.sum(&self.there, &of).at_least(&soon) }
    }

    fn used_now(&self, level: usize) -> Amounts {
        self.sum(&self.there, |pod| self.tree.is_within(self.leaf(pod.app), level))
    }

    pub fn used_soon(&self, level: usize) -> Amounts {
        self.used(View::Soon, |pod| self.tree.is_within(self.leaf(pod.app), level))
    }

    pub fn is_barred(&self, number: usize) -> bool {
        let (app, leaf) = (self.app(number), self.leaf(number));
        let branch = &self.tree.all[leaf];
        app.queue.is_some()
            && (leaf == NO_QUEUE
                || !allows(branch, &app.name.namespace)
                || branch.fault.is_some()
                || !self.tree.is_leaf(leaf)
                || branch.closed)
    }

    /// Whether a line keeps strict order.
    pub fn is_strict(&self, leaf: usize) -> bool {
        leaf != NO_QUEUE && self.tree.all[leaf].spec.order == Order::StrictFifo
    }

    /// Whether it may stand in line.
    pub fn may_wait(&self, number: usize) -> bool {
        let app = self.app(number);
        let has_pods = app.pods.any_staying() || app.pods.any_leaving();
        let later = app.not_before.is_some_and(|time| time > self.time);
        app.stage == Stage::Waiting && !self.is_barred(number) && !has_pods && !later
    }

    /// What applications of a leaf use and want; not those that could never run.
    fn wants(&self, leaf: usize) -> Amounts {
        let mut wants = Amounts::default();
        for number in (0..self.snapshot.apps.len()).filter(|number| self.leaf(*number) == leaf) {
            let app = self.app(number);
            let all = app.wanted.max(app.minimum);
            let executors = match app.stage {
                Stage::Admitted { .. } if self.is_barred(number) => app.pods.staying(),
                Stage::Admitted { .. } => all,
                Stage::Waiting if !self.is_barred(number) && self.could_run(number) => all,
                _ => continue,
            };
            wants.add(self.requests(app.driver), 1);
            wants.add(self.requests(app.executor), executors.into());
        }
        wants
    }

    fn could_run(&self, number: usize) -> bool {
        let (app, gang) = (self.app(number), self.gang(number));
        let mut largest = Amounts::default();
        for site in self.snapshot.nodes.iter().filter(|site| site.node.usable) {
            largest = largest.at_least(&site.allocatable.less(&site.foreign));
        }
        let levels = || self.tree.chain(self.leaf(number));
        gang.some().all(|(kind, amount)| levels().all(|level| amount <= self.tree.all[level].spec.capability.get(kind)))
            && gang.within(&self.capacity)
            && self.requests(app.driver).within(&largest)
            && (app.minimum == 0 || self.requests(app.executor).within(&largest))
    }

    /// The share that a queue would have with so much more.
    pub fn share(&self, queue: usize, more: &Amounts) -> f64 {
        let used = self.used_soon(queue);
        let part = |(kind, more): (usize, u64)| (used.get(kind) + more) as f64 / self.deserved[queue].get(kind) as f64;
        more.some().map(part).fold(0.0, f64::max)
    }

    /// The same as it counts for turns, with what the queue is owed.
    pub fn turn_share(&self, queue: usize, more: &Amounts) -> f64 {
        let name = self.tree.all[queue].name.as_ref();
        let owed = name.map_or(0.0, |name| self.snapshot.standing.owed(name, self.time));
        let below = missing(&self.used_soon(queue), &self.deserved[queue]) > 0.0;
        if owed < 0.0 || below { self.share(queue, more) - owed } else { self.share(queue, more) }
    }

    pub fn deserves(&self, queue: usize, more: &Amounts) -> bool {
        let used = self.used_soon(queue);
        more.some().all(|(kind, more)| used.get(kind) + more <= self.deserved[queue].get(kind))
    }

    /// From the cluster down to the leaf whose turn it is: of each level's children with a candidate the one with the lowest
    /// share after it, then priority, then age.
    pub fn whose_turn(
        &self,
        candidates: &BTreeMap<usize, usize>,
        share: &dyn Fn(usize, usize) -> f64,
    ) -> Option<usize> {
        self.first_below(ROOT, candidates, share).map(|number| self.leaf(number))
    }

    fn first_below(
        &self,
        queue: usize,
        candidates: &BTreeMap<usize, usize>,
        share: &dyn Fn(usize, usize) -> f64,
    ) -> Option<usize> {
        if let Some(own) = candidates.get(&queue) {
            return Some(*own);
        }
        let firsts = self.tree.all[queue].children.iter().filter_map(|child| {
            let first = self.first_below(*child, candidates, share)?;
            Some((share(*child, first), first))
        });
        let rank = |number: usize| (Reverse(self.app(number).priority), self.app(number).created, number);
        firsts.min_by(|a, b| a.0.total_cmp(&b.0).then(rank(a.1).cmp(&rank(b.1)))).map(|(_, first)| first)
    }

    /// Those that have room or were promised it, in the order in which they give way.
    pub fn running(&self, leaf: usize) -> Vec<usize> {
        let mut running: Vec<usize> =
            (0..self.counts.len()).filter(|one| self.counts[*one] && self.leaf(*one) == leaf).collect();
        running.sort_by_key(|number| self.seniority(*number));
        running
    }

    /// Who has least gives way first.
    pub fn seniority(&self, number: usize) -> (i64, Reverse<(i64, i64, usize)>) {
        let app = self.app(number);
        let since = if let Stage::Admitted { since } = app.stage { since } else { self.time };
        (app.priority, Reverse((since, app.created, number)))
    }

    pub fn policy(&self, leaf: usize) -> (Reclaim, Preemption) {
        (self.tree.all[leaf].spec.reclaim, self.tree.all[leaf].spec.preemption)
    }

    pub fn name(&self, number: usize) -> &'a Name {
        &self.app(number).name
    }
}
