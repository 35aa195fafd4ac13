//! A slow model of a cycle that is plainly what docs/queues.md says: pods in two plain lists, those that take room at this
//! moment and those that will be there soon, and everything added up anew each time it is asked for. Only the tree and the
//! water-filling are the product's own; they have tests of their own.

use std::{cmp::Reverse, collections::BTreeMap};

use onager_core::queue::{
    Amounts, App, Name, Preemption, Reclaim, ShapeId, Snapshot, Stage,
    deserve::deserve,
    ground::{Placement, View},
    quota::Counted,
    standing::missing,
    tree::{NO_QUEUE, ROOT, Tree, allows},
};

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

/// What each level uses in one of the views.
type Used<'a> = &'a dyn Fn(usize) -> Amounts;

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
    /// Who was admitted (or else promised) in this cycle.
    pub fresh: BTreeMap<usize, bool>,
    /// Whether that was undone for one of them.
    pub retracted: bool,
    pub decided: Decided,
}

impl<'a> Model<'a> {
    pub fn new(snapshot: &'a Snapshot, time: i64) -> Self {
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
        let (retracted, decided) = (false, Decided::default());
        let mut model =
            Self { snapshot, time, tree, capacity, deserved, there, coming, counts, fresh, retracted, decided };
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

    /// What is used of a level, or held for those below it that do not lend.
    fn held(&self, level: usize, used: Used<'_>) -> Amounts {
        if self.tree.is_leaf(level) {
            return used(level);
        }
        let mut held = Amounts::default();
        for child in &self.tree.all[level].children {
            held.add(&self.held(*child, used).at_least(&self.tree.all[*child].fixed), 1);
        }
        held
    }

    /// The first that is short for so many more pods; nodes are not looked at.
    pub fn short(&self, number: usize, driver: bool, executors: u32, view: View) -> Option<Short> {
        let (app, leaf) = (self.app(number), self.leaf(number));
        let size = self.snapshot.size(app, driver, executors);
        let spec = &self.tree.all[leaf].spec;
        let others =
            |of: &dyn Fn(usize) -> bool| (0..self.counts.len()).filter(|one| self.counts[*one] && of(*one)).count();
        if driver {
            let of_user = others(&|one| self.leaf(one) == leaf && self.app(one).user == app.user);
            let too_many = self.tree.chain(leaf).any(|level| {
                let below = others(&|one| self.tree.is_within(self.leaf(one), level));
                self.tree.all[level].spec.max_applications.is_some_and(|most| below >= most as usize)
            });
            if too_many || spec.user_max_applications.is_some_and(|most| of_user >= most as usize) {
                return Some(Short::Applications);
            }
        }
        let of_user = self.used(view, |pod| self.leaf(pod.app) == leaf && self.app(pod.app).user == app.user);
        if size.some().any(|(kind, more)| of_user.get(kind) + more > spec.user_limit.get(kind)) {
            return Some(Short::User);
        }
        let quota = self.short_of_quota(number, driver, executors, view).map(Short::Quota);
        quota.or_else(|| self.short_level(leaf, &size, view).map(|(level, for_ever)| Short::Level(level, for_ever)))
    }

    /// Whether a quota is short for ever, if one is.
    fn short_of_quota(&self, number: usize, driver: bool, executors: u32, view: View) -> Option<bool> {
        let app = self.app(number);
        let quotas = self.snapshot.quotas.get(&app.name.namespace).into_iter().flatten();
        quotas.flat_map(|quota| &quota.limits).find_map(|limit| {
            let of_pod = |shape: ShapeId, driver: bool| match limit.counts {
                Counted::Requests(kind) => self.snapshot.shapes.get(shape).requests.get(kind),
                Counted::Limits(kind) => self.snapshot.shapes.get(shape).limits.get(kind),
                Counted::Objects(each) => u64::from(driver) * each,
            };
            let sum = |pods: &[Pod]| -> u64 {
                let here = pods.iter().filter(|pod| self.app(pod.app).name.namespace == app.name.namespace);
                here.map(|pod| of_pod(self.shape(pod), pod.driver)).sum()
            };
            let soon = sum(&self.coming);
            let used = limit.foreign + if view == View::Soon { soon } else { soon.max(sum(&self.there)) };
            let more =
                u64::from(driver) * of_pod(app.driver, true) + u64::from(executors) * of_pod(app.executor, false);
            (more > 0 && used + more > limit.hard).then_some(more > limit.hard)
        })
    }

    /// The first level that has too little, and whether it does for ever.
    pub fn short_level(&self, leaf: usize, size: &Amounts, view: View) -> Option<(usize, bool)> {
        let soon = |level: usize| self.used_soon(level);
        let now = |level: usize| self.used_now(level);
        let both: &[Used<'_>] = if view == View::Soon { &[&soon] } else { &[&soon, &now] };
        let (level, kind, held) = self.over(leaf, size, both)?;
        let ever = self.over(leaf, size, &[&|_| Amounts::default()]);
        let for_ever = match held {
            false => size.get(kind) > self.limit(level, kind),
            true => ever.is_some_and(|(_, other, _)| other == kind),
        };
        Some((level, for_ever))
    }

    fn limit(&self, level: usize, kind: usize) -> u64 {
        if level == ROOT { self.capacity.get(kind) } else { self.tree.all[level].spec.capability.get(kind) }
    }

    /// The first level and resource of which there would be too much in one of the views, and whether only with what is held for
    /// others.
    fn over(&self, leaf: usize, size: &Amounts, views: &[Used<'_>]) -> Option<(usize, usize, bool)> {
        let most = |amounts: &dyn Fn(Used<'_>) -> Amounts| {
            views.iter().map(|used| amounts(*used)).fold(Amounts::default(), |most, next| most.at_least(&next))
        };
        // What is held for a queue grows less than its usage does, as long as it comes out of what is held.
        let mut more = size.clone();
        for level in self.tree.chain(leaf) {
            let (used, held) = (most(&|used| used(level)), most(&|used| self.held(level, used)));
            let limit = |kind| self.limit(level, kind);
            if let Some((kind, _)) = size.some().find(|(kind, more)| used.get(*kind) + more > limit(*kind)) {
                return Some((level, kind, false));
            }
            if let Some((kind, _)) = more.some().find(|(kind, more)| held.get(*kind) + more > limit(*kind)) {
                return Some((level, kind, true));
            }
            let fixed = &self.tree.all[level].fixed;
            more = held.plus(&more).at_least(fixed).less(&held.at_least(fixed));
        }
        None
    }

    /// What is left of a node.
    pub fn room(&self, node: usize, view: View) -> Amounts {
        let site = &self.snapshot.nodes[node];
        site.allocatable.less(&site.foreign.plus(&self.used(view, |pod| pod.node == node)))
    }

    pub fn accepts(&self, node: usize, shape: ShapeId) -> bool {
        self.snapshot.nodes[node].node.accepts(&self.snapshot.shapes.get(shape).ask)
    }

    /// The driver on the first node that leaves room for all executors, and those on the first nodes there are.
    pub fn place(&self, number: usize, view: View) -> Option<Placement> {
        let app = self.app(number);
        let (driver, executor) = (self.requests(app.driver), self.requests(app.executor));
        let nodes = 0..self.snapshot.nodes.len();
        let rooms: Vec<Amounts> = nodes.clone().map(|node| self.room(node, view)).collect();
        for home in nodes.clone().filter(|node| self.accepts(*node, app.driver) && driver.within(&rooms[*node])) {
            let mut placement = Placement { driver: home, executors: Vec::new() };
            let mut left = u64::from(app.minimum);
            for node in nodes.clone().filter(|node| self.accepts(*node, app.executor)) {
                let room = if node == home { rooms[node].less(driver) } else { rooms[node].clone() };
                let here = room.holds(executor).min(left);
                if here > 0 {
                    placement.executors.push((node, here as u32));
                    left -= here;
                }
            }
            if left == 0 {
                return Some(placement);
            }
        }
        None
    }

    pub fn fits(&self, number: usize, view: View) -> Result<Placement, Short> {
        match self.short(number, true, self.app(number).minimum, view) {
            Some(short) => Err(short),
            None => self.place(number, view).ok_or(Short::Nodes),
        }
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
