//! What a cycle works on: the tree, what each queue deserves, the ground, the books and the quotas, kept in step. Whatever is
//! given away or taken back goes through here, so that none of them is forgotten.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{
    Amounts, App, Block, Decision, Pods, ShapeId, Snapshot, Stage, Why,
    admit::Fresh,
    books::Books,
    crowd::{Crowd, Waiter},
    demand::capacity,
    deserve::deserve,
    ground::{Ground, Placement, View},
    head::Head,
    order,
    passed::Passed,
    quota::Quotas,
    reclaim::Alike,
    snapshot::NOWHERE,
    standing::{missing, weigh},
    tree::{NO_QUEUE, Tree, allows},
};

/// Now and soon.
pub const BOTH: &[View] = &[View::Now, View::Soon];
/// Soon alone: a promise, or the end of one.
pub const SOON: &[View] = &[View::Soon];

/// The desk.
pub struct Desk<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// The time, in milliseconds.
    pub now: i64,
    /// The tree.
    pub tree: &'a Tree,
    /// What each queue deserves.
    pub deserved: Vec<Amounts>,
    /// What each is owed from before.
    pub owed: Vec<f64>,
    /// Usage.
    pub books: Books<'a>,
    /// Nodes.
    pub ground: Ground<'a>,
    /// Quotas.
    pub quotas: Quotas<'a>,
    /// Who waits, and who has pods.
    pub crowd: Crowd,
    /// Pods of applications for which something was decided; looked up, never walked.
    changed: HashMap<usize, Pods>,
    /// By leaf, applications that have room or were promised it, those that give way first in front.
    pub running: Vec<Vec<usize>>,
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// Who waits for others' pods to go, in the order of their turns, and where they start then.
    pub claims: Vec<(usize, Placement)>,
    /// Why any waits.
    pub blocks: Vec<Block>,
    /// Which of the blocks is each application's.
    pub block_of: Vec<Option<usize>>,
    /// Leaves in strict order in which nobody passes, and the block that says so.
    pub stopped: Vec<Option<usize>>,
    /// By leaf in strict order, its head where it is known.
    pub heads: Vec<Option<Head>>,
    /// Leaves whose usage changed by the way.
    pub moved: Vec<usize>,
    /// What applications were given in this cycle.
    pub fresh: Vec<Option<Fresh>>,
    /// Who has no turn in this cycle.
    pub passed: Passed,
    /// How many gave way in this cycle.
    pub gave_way: u64,
    /// How many of them before the turn that is taken.
    pub gave_way_before: u64,
    /// Which of them had more executors, and on which nodes.
    pub grown: BTreeMap<usize, BTreeMap<usize, u32>>,
    /// Which gangs would have a place if nothing else ran.
    pub ever: BTreeMap<(ShapeId, ShapeId, u32), bool>,
    /// Blocks that say the same of everybody: pods of the last run, and a pause.
    common: [Option<usize>; 2],
    /// Blocks of gangs that nodes have no room for.
    pub on_nodes: BTreeMap<(ShapeId, ShapeId, u32), usize>,
    /// How often room was given or taken back.
    pub changes: u64,
    /// Who looked in vain for others that give way: when, by `changes`, and with the smallest minimum.
    pub in_vain: HashMap<Alike, (u64, u32)>,
}

impl<'a> Desk<'a> {
    /// Lays out a snapshot, for a cycle in which those that are `passed` have no turn.
    pub fn new(snapshot: &'a Snapshot, tree: &'a Tree, now: i64, passed: Passed) -> Self {
        let crowd = Crowd::read(snapshot, tree);
        let capacity = capacity(snapshot, tree, &crowd);
        let mut desk = Self {
            snapshot,
            now,
            tree,
            deserved: Vec::new(),
            owed: tree
                .all
                .iter()
                .map(|branch| branch.name.as_ref().map_or(0.0, |name| snapshot.standing.owed(name, now)))
                .collect(),
            books: Books::new(tree, capacity),
            ground: Ground::new(&snapshot.shapes, &snapshot.nodes),
            quotas: Quotas::new(snapshot),
            crowd,
            changed: HashMap::new(),
            running: vec![Vec::new(); tree.all.len()],
            decisions: Vec::new(),
            claims: Vec::new(),
            blocks: Vec::new(),
            block_of: vec![None; snapshot.apps.len()],
            stopped: vec![None; tree.all.len()],
            heads: vec![None; tree.all.len()],
            moved: Vec::new(),
            fresh: vec![None; snapshot.apps.len()],
            passed,
            gave_way: 0,
            gave_way_before: 0,
            grown: BTreeMap::new(),
            ever: BTreeMap::new(),
            common: [None; 2],
            on_nodes: BTreeMap::new(),
            changes: 0,
            in_vain: HashMap::new(),
        };
        desk.open();
        desk.bar();
        let usage: Vec<Amounts> = (0..tree.all.len()).map(|queue| desk.books.used(queue, View::Now).clone()).collect();
        desk.deserved = deserve(tree, desk.books.capacity(), &desk.demand(), &usage);
        desk
    }

    /// Enters what is there.
    fn open(&mut self) {
        let apps = &self.snapshot.apps;
        for number in self.crowd.present.clone() {
            let (app, pods) = (&apps[number], &apps[number].pods);
            if pods.any_staying() {
                let executors: Vec<(usize, u32)> = pods.executors.iter().map(|(node, count)| (*node, *count)).collect();
                self.take(number, pods.driver, &executors, BOTH);
            }
            if pods.any_leaving() {
                let executors: Vec<(usize, u32)> = pods.leaving.iter().map(|(node, count)| (*node, *count)).collect();
                self.take(number, pods.leaving_driver, &executors, &[View::Now]);
            }
            if let Stage::Admitted { .. } = app.stage {
                let leaf = self.leaf(number);
                self.books.enter(leaf, &app.user);
                self.running[leaf].push(number);
            }
        }
        let mut running = std::mem::take(&mut self.running);
        for line in &mut running {
            line.sort_by_cached_key(|number| self.seniority(*number));
        }
        self.running = running;
        for number in self.crowd.present.clone() {
            self.assume_bound(number);
        }
    }

    /// Finds out which classes may not stand in line.
    fn bar(&mut self) {
        for class in 0..self.crowd.classes.len() {
            let example = self.crowd.classes[class].example;
            if let Some(block) = self.barred(&self.snapshot.apps[example], self.leaf(example)) {
                self.blocks.push(block);
                self.crowd.classes[class].barred = Some(self.blocks.len() - 1);
            }
        }
    }

    /// The leaf of an application.
    pub fn leaf(&self, number: usize) -> usize {
        self.crowd.leaf[number]
    }

    /// An application's pods, as decided so far.
    pub fn pods(&self, number: usize) -> &Pods {
        self.changed.get(&number).unwrap_or(&self.snapshot.apps[number].pods)
    }

    /// The same, to be changed.
    pub fn pods_mut(&mut self, number: usize) -> &mut Pods {
        let snapshot = self.snapshot;
        self.changed.entry(number).or_insert_with(|| snapshot.apps[number].pods.clone())
    }

    /// Pods that kube-scheduler has yet to bind are assumed where there is room first: it is not given away meanwhile.
    fn assume_bound(&mut self, number: usize) {
        let app = &self.snapshot.apps[number];
        if self.is_autoscaled(self.leaf(number)) {
            return;
        }
        let driver = (app.driver, u32::from(app.pods.driver == Some(NOWHERE)));
        let executors = (app.executor, app.pods.executors.get(&NOWHERE).copied().unwrap_or(0));
        for (shape, count) in [driver, executors] {
            for _ in 0..count {
                let Some(node) = self.ground.one(shape, View::Now) else { break };
                self.ground.take(shape, node, 1, BOTH);
            }
        }
    }

    /// Who gives way first is least: low priority, then the youngest.
    pub fn seniority(&self, number: usize) -> (i64, Reverse<(i64, i64, usize)>) {
        let app = &self.snapshot.apps[number];
        let since = match app.stage {
            Stage::Admitted { since } => since,
            _ => self.now,
        };
        (app.priority, Reverse((since, app.created, number)))
    }

    /// Whether room on nodes is not looked at.
    pub fn is_autoscaled(&self, leaf: usize) -> bool {
        self.tree.is_autoscaled(leaf)
    }

    /// What keeps an application from standing in line for now.
    pub fn gate(&mut self, waiter: Waiter) -> Option<usize> {
        let barred = self.crowd.classes[waiter.class].barred;
        if !waiter.held {
            return barred;
        }
        let app = &self.snapshot.apps[waiter.number];
        // Pods that somebody forgot are pods of its last run too: there is one driver at a time.
        let has_pods = app.pods.any_leaving() || app.pods.any_staying();
        let later = app.not_before.is_some_and(|time| time > self.now);
        barred
            .or_else(|| has_pods.then(|| self.in_common(0, Block::PodsLeaving)))
            .or_else(|| later.then(|| self.in_common(1, Block::BackOff)))
    }

    fn in_common(&mut self, place: usize, block: Block) -> usize {
        let blocks = &mut self.blocks;
        *self.common[place].get_or_insert_with(|| {
            blocks.push(block);
            blocks.len() - 1
        })
    }

    /// What keeps it from standing in line until somebody changes a queue.
    pub fn barred(&self, app: &App, leaf: usize) -> Option<Block> {
        if let Some(queue) = &app.queue {
            let branch = &self.tree.all[leaf];
            if leaf == NO_QUEUE {
                return Some(Block::QueueMissing(queue.clone()));
            } else if !allows(branch, &app.name.namespace) {
                return Some(Block::QueueNotAllowed(queue.clone()));
            } else if let Some(fault) = &branch.fault {
                return Some(Block::QueueFaulty(queue.clone(), fault.clone()));
            } else if !self.tree.is_leaf(leaf) {
                return Some(Block::QueueHasChildren(queue.clone()));
            } else if branch.closed {
                return Some(Block::QueueClosed(queue.clone()));
            }
        }
        None
    }

    /// Gives pods of an application room in the views.
    pub fn take(&mut self, number: usize, driver: Option<usize>, executors: &[(usize, u32)], views: &[View]) {
        let app = &self.snapshot.apps[number];
        let count = executors.iter().map(|(_, count)| count).sum();
        self.changes += 1;
        self.books.take(self.leaf(number), &app.user, &self.snapshot.size(app, driver.is_some(), count), views);
        self.quotas.take(app, driver.is_some(), count, views);
        if let Some(node) = driver {
            self.ground.take(app.driver, node, 1, views);
        }
        for (node, count) in executors {
            self.ground.take(app.executor, *node, *count, views);
        }
    }

    /// Takes it back.
    pub fn give(&mut self, number: usize, driver: Option<usize>, executors: &[(usize, u32)], views: &[View]) {
        let app = &self.snapshot.apps[number];
        let count = executors.iter().map(|(_, count)| count).sum();
        self.changes += 1;
        self.books.give(self.leaf(number), &app.user, &self.snapshot.size(app, driver.is_some(), count), views);
        self.quotas.give(app, driver.is_some(), count, views);
        if let Some(node) = driver {
            self.ground.give(app.driver, node, 1, views);
        }
        for (node, count) in executors {
            self.ground.give(app.executor, *node, *count, views);
        }
    }

    /// Which share of what it deserves a queue has with so much more.
    pub fn share(&self, queue: usize, more: &Amounts) -> f64 {
        order::share(self.books.used(queue, View::Soon), more, &self.deserved[queue])
    }

    /// The same as it counts for turns: with what the queue is owed from before.
    pub fn turn_share(&self, queue: usize, more: &Amounts) -> f64 {
        let below = missing(self.books.used(queue, View::Soon), &self.deserved[queue]) > 0.0;
        weigh(self.share(queue, more), self.owed[queue], below)
    }

    /// Whether an application was given room in this cycle, or waits for room that is becoming free.
    pub fn has_room(&self, number: usize) -> bool {
        let soon = self.block_of[number].is_some_and(|block| self.blocks[block] == Block::Evictions);
        soon || self.fresh[number].is_some()
    }

    /// Notes why an application waits; answers the block's number.
    pub fn blocked(&mut self, number: usize, block: Block) -> usize {
        let blocks = &mut self.blocks;
        let mut add = |block| {
            blocks.push(block);
            blocks.len() - 1
        };
        let place = match &block {
            Block::Nodes(nodes) => *self.on_nodes.entry(nodes.gang).or_insert_with(|| add(block)),
            _ => add(block),
        };
        self.block_of[number] = Some(place);
        place
    }

    /// Notes that one waits on account of another that has its turn first; answers the block's number.
    pub fn gives_way(&mut self, number: usize, other: usize) -> usize {
        self.blocked(number, Block::GivesWay(self.snapshot.apps[other].name.clone()))
    }

    /// Who waits, and why, line by line.
    pub fn why(&self) -> Vec<Why> {
        let mut waiting = Vec::new();
        for line in &self.crowd.lines {
            let mut position = 0;
            for app in line.iter().map(|waiter| waiter.number) {
                if let Some(block) = self.block_of[app] {
                    position += 1;
                    waiting.push(Why { app, position, block });
                }
            }
        }
        waiting
    }
}
