//! What a cycle works on: the tree, what each queue deserves, the ground, the books and the quotas, kept in step. Whatever is
//! given away or taken back goes through here, so that none of them is forgotten.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, btree_map::Entry},
};

use super::{
    Amounts, App, Block, Decision, Pods, Provisioning, ShapeId, Snapshot, Stage, Why,
    admit::Fresh,
    books::Books,
    deserve::deserve,
    ground::{Ground, Placement, View},
    order,
    quota::Quotas,
    snapshot::NOWHERE,
    tree::{NO_QUEUE, Tree, allows},
};

/// Now and soon.
pub const BOTH: &[View] = &[View::Now, View::Soon];
/// Soon alone: a promise, or the end of one.
pub const SOON: &[View] = &[View::Soon];

/// Alike for admission: leaf, shapes, minimum, priority, namespace, user.
pub type Class<'a> = (usize, u32, u32, u32, i64, &'a str, &'a str);

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
    /// Usage.
    pub books: Books<'a>,
    /// Nodes.
    pub ground: Ground<'a>,
    /// Quotas.
    pub quotas: Quotas<'a>,
    /// The leaf of each application.
    pub leaf: Vec<usize>,
    /// Pods of each application, as decided so far.
    pub pods: Vec<Pods>,
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
    /// Classes that had no room; looked up, never walked.
    pub failed: HashMap<Class<'a>, usize>,
    /// Leaves in strict order in which nobody passes, and the application at their head.
    pub stopped: Vec<Option<usize>>,
    /// By leaf, room that is held for its head against those behind it.
    pub aside: Vec<Option<(usize, Placement)>>,
    /// Leaves in strict order whose head is known.
    pub headed: Vec<bool>,
    /// Leaves whose usage changed by the way.
    pub moved: Vec<usize>,
    /// What applications were given in this cycle.
    pub fresh: BTreeMap<usize, Fresh>,
    /// Which of them had more executors, and on which nodes.
    pub grown: BTreeMap<usize, BTreeMap<usize, u32>>,
    /// Which gangs would have a place if nothing else ran.
    ever: BTreeMap<(ShapeId, ShapeId, u32), bool>,
}

impl<'a> Desk<'a> {
    /// Lays out a snapshot.
    pub fn new(snapshot: &'a Snapshot, tree: &'a Tree, now: i64) -> Self {
        let leaf: Vec<usize> = snapshot
            .apps
            .iter()
            .map(|app| app.queue.as_ref().and_then(|queue| tree.find(queue)).unwrap_or(NO_QUEUE))
            .collect();
        let capacity = capacity(snapshot, tree, &leaf);
        let mut desk = Self {
            snapshot,
            now,
            tree,
            deserved: Vec::new(),
            books: Books::new(tree, capacity),
            ground: Ground::new(&snapshot.shapes, &snapshot.nodes),
            quotas: Quotas::new(snapshot),
            leaf,
            pods: snapshot.apps.iter().map(|app| app.pods.clone()).collect(),
            running: vec![Vec::new(); tree.all.len()],
            decisions: Vec::new(),
            claims: Vec::new(),
            blocks: Vec::new(),
            block_of: vec![None; snapshot.apps.len()],
            failed: HashMap::new(),
            stopped: vec![None; tree.all.len()],
            aside: vec![None; tree.all.len()],
            headed: vec![false; tree.all.len()],
            moved: Vec::new(),
            fresh: BTreeMap::new(),
            grown: BTreeMap::new(),
            ever: BTreeMap::new(),
        };
        desk.open();
        let usage: Vec<Amounts> = (0..tree.all.len()).map(|queue| desk.books.used(queue, View::Now).clone()).collect();
        desk.deserved = deserve(tree, desk.books.capacity(), &desk.demand(), &usage);
        desk
    }

    /// Enters what is there.
    fn open(&mut self) {
        for (number, app) in self.snapshot.apps.iter().enumerate() {
            let pods = &app.pods;
            if pods.any_staying() {
                let executors: Vec<(usize, u32)> = pods.executors.iter().map(|(node, count)| (*node, *count)).collect();
                self.take(number, pods.driver, &executors, BOTH);
            }
            if pods.any_leaving() {
                let executors: Vec<(usize, u32)> = pods.leaving.iter().map(|(node, count)| (*node, *count)).collect();
                self.take(number, pods.leaving_driver, &executors, &[View::Now]);
            }
            if let Stage::Admitted { .. } = app.stage {
                self.books.enter(self.leaf[number], &app.user);
                self.running[self.leaf[number]].push(number);
            }
        }
        (0..self.running.len()).for_each(|leaf| self.sort_running(leaf));
        for number in 0..self.snapshot.apps.len() {
            self.assume_bound(number);
        }
    }

    /// Pods that kube-scheduler has yet to bind are assumed where there is room first: it is not given away meanwhile.
    fn assume_bound(&mut self, number: usize) {
        let app = &self.snapshot.apps[number];
        if self.is_autoscaled(self.leaf[number]) {
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

    /// Those that give way first in front: low priority, then the youngest.
    pub fn sort_running(&mut self, leaf: usize) {
        let apps = &self.snapshot.apps;
        self.running[leaf].sort_by_cached_key(|number| {
            let app = &apps[*number];
            let since = match app.stage {
                Stage::Admitted { since } => since,
                _ => self.now,
            };
            (app.priority, Reverse((since, app.created, *number)))
        });
    }

    /// What applications of each leaf use and want in all.
    fn demand(&self) -> Vec<Amounts> {
        let mut demand = vec![Amounts::default(); self.tree.all.len()];
        let mut largest = Amounts::default();
        for site in self.snapshot.nodes.iter().filter(|site| site.node.usable) {
            largest = largest.at_least(&site.allocatable.less(&site.foreign));
        }
        for (app, leaf) in self.snapshot.apps.iter().zip(&self.leaf) {
            let wanted = app.wanted.max(app.minimum);
            let executors = match app.stage {
                Stage::Ended => continue,
                Stage::Waiting if self.barred(app, *leaf).is_some() || self.is_hopeless(app, *leaf, &largest) => {
                    continue;
                }
                Stage::Admitted { .. } if self.barred(app, *leaf).is_some() => app.pods.staying(),
                _ => wanted,
            };
            let shapes = &self.snapshot.shapes;
            demand[*leaf].add(&shapes.get(app.driver).requests, 1);
            demand[*leaf].add(&shapes.get(app.executor).requests, u64::from(executors));
        }
        demand
    }

    /// Whether it is plain that a gang never fits: what it wants must not keep others from theirs.
    fn is_hopeless(&self, app: &App, leaf: usize, largest: &Amounts) -> bool {
        let gang = self.snapshot.gang(app);
        let branch = |level: usize| &self.tree.all[level].spec.capability;
        let above = |level: usize| gang.some().any(|(kind, amount)| amount > branch(level).get(kind));
        let shapes = &self.snapshot.shapes;
        let large = |shape| !shapes.get(shape).requests.within(largest);
        let nowhere =
            || !gang.within(self.books.capacity()) || large(app.driver) || app.minimum > 0 && large(app.executor);
        self.tree.chain(leaf).any(above) || !self.is_autoscaled(leaf) && nowhere()
    }

    /// Whether room on nodes is not looked at.
    pub fn is_autoscaled(&self, leaf: usize) -> bool {
        is_autoscaled(self.tree, leaf)
    }

    /// What keeps an application from standing in line for now.
    pub fn gate(&self, app: &App, leaf: usize) -> Option<Block> {
        let later = app.not_before.is_some_and(|time| time > self.now);
        // Pods that somebody forgot are pods of its last run too: there is one driver at a time.
        let has_pods = app.pods.any_leaving() || app.pods.any_staying();
        self.barred(app, leaf)
            .or_else(|| has_pods.then_some(Block::PodsLeaving))
            .or_else(|| later.then_some(Block::BackOff))
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
        self.books.take(self.leaf[number], &app.user, &self.snapshot.size(app, driver.is_some(), count), views);
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
        self.books.give(self.leaf[number], &app.user, &self.snapshot.size(app, driver.is_some(), count), views);
        self.quotas.give(app, driver.is_some(), count, views);
        if let Some(node) = driver {
            self.ground.give(app.driver, node, 1, views);
        }
        for (node, count) in executors {
            self.ground.give(app.executor, *node, *count, views);
        }
    }

    /// Where a gang goes in a view, or what blocks it there. Takes nothing.
    ///
    /// # Errors
    /// What blocks it.
    #[expect(clippy::result_large_err, reason = "a block is what most answers are, and is read at once")]
    pub fn fits(&mut self, number: usize, view: View) -> Result<Placement, Block> {
        self.within_limits(number, view)?;
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf[number]);
        if self.is_autoscaled(leaf) {
            let executors = if app.minimum > 0 { vec![(NOWHERE, app.minimum)] } else { Vec::new() };
            return Ok(Placement { driver: NOWHERE, executors });
        }
        let placed = self.ground.place(app.driver, app.executor, app.minimum, view);
        placed.ok_or_else(|| Block::Nodes(Default::default()))
    }

    /// Whether all but the nodes have room for a gang.
    ///
    /// # Errors
    /// What blocks it.
    #[expect(clippy::result_large_err, reason = "as for `fits`")]
    pub fn within_limits(&self, number: usize, view: View) -> Result<(), Block> {
        let app = &self.snapshot.apps[number];
        let (leaf, gang) = (self.leaf[number], self.snapshot.gang(app));
        if let Some(many) = self.books.too_many(leaf, &app.user) {
            return Err(Block::TooMany(many));
        }
        if let Some(over) = self.books.over_user(leaf, &app.user, &gang, view) {
            return Err(Block::User(over));
        }
        if let Some(over) = self.quotas.short(app, true, app.minimum, view) {
            return Err(Block::Quota(over));
        }
        if let Some(over) = self.books.over(leaf, &gang, view) {
            return Err(Block::Level(over));
        }
        Ok(())
    }

    /// Whether a gang would have a place if nothing else ran.
    pub fn ever_fits(&mut self, number: usize) -> bool {
        let app = &self.snapshot.apps[number];
        let gang = (app.driver, app.executor, app.minimum);
        let ground = &mut self.ground;
        *self.ever.entry(gang).or_insert_with(|| ground.ever_fits(gang.0, gang.1, gang.2))
    }

    /// Details of what nodes lack, once for all that are alike.
    pub fn explain(&mut self) {
        let mut said: BTreeMap<(ShapeId, ShapeId, u32), Block> = BTreeMap::new();
        for number in 0..self.block_of.len() {
            let Some(block) = self.block_of[number].filter(|block| matches!(self.blocks[*block], Block::Nodes(_)))
            else {
                continue;
            };
            let app = &self.snapshot.apps[number];
            let gang = (app.driver, app.executor, app.minimum);
            self.blocks[block] = match said.entry(gang) {
                Entry::Occupied(said) => said.get().clone(),
                Entry::Vacant(place) => {
                    let ever = self.ever_fits(number);
                    let nodes = self.ground.explain(gang.0, gang.1, gang.2, !ever);
                    place.insert(if ever { Block::Nodes(nodes) } else { Block::TooLarge(nodes) }).clone()
                }
            };
        }
    }

    /// Which share of what it deserves a queue has with so much more.
    pub fn share(&self, queue: usize, more: &Amounts) -> f64 {
        order::share(self.books.used(queue, View::Soon), more, &self.deserved[queue])
    }

    /// The class of an application.
    pub fn class(&self, number: usize) -> Class<'a> {
        let app = &self.snapshot.apps[number];
        let namespace = app.name.namespace.as_str();
        (self.leaf[number], app.driver.0, app.executor.0, app.minimum, app.priority, namespace, &app.user)
    }

    /// Notes why an application waits; answers the block's number.
    pub fn blocked(&mut self, number: usize, block: Block) -> usize {
        self.blocks.push(block);
        self.block_of[number] = Some(self.blocks.len() - 1);
        self.blocks.len() - 1
    }

    /// Who waits, and why, line by line.
    pub fn why(&self, lines: &[Vec<usize>]) -> Vec<Why> {
        let line = |line: &Vec<usize>| {
            let waiting: Vec<(usize, usize)> =
                line.iter().filter_map(|app| self.block_of[*app].map(|block| (*app, block))).collect();
            let why = |(place, (app, block)): (usize, (usize, usize))| Why { app, position: place as u32 + 1, block };
            waiting.into_iter().enumerate().map(why).collect::<Vec<Why>>()
        };
        lines.iter().flat_map(line).collect()
    }
}

fn is_autoscaled(tree: &Tree, leaf: usize) -> bool {
    tree.all[leaf].spec.provisioning == Provisioning::Autoscaled
}

/// What queues may have of the cluster: what usable nodes have less what foreign pods take, and what applications have where
/// nothing more can go.
fn capacity(snapshot: &Snapshot, tree: &Tree, leaf: &[usize]) -> Amounts {
    let mut capacity = Amounts::default();
    for site in snapshot.nodes.iter().filter(|site| site.node.usable) {
        capacity.add(&site.allocatable.less(&site.foreign), 1);
    }
    for (app, leaf) in snapshot.apps.iter().zip(leaf) {
        let unbound = is_autoscaled(tree, *leaf);
        let lost = |node: &usize| match snapshot.nodes.get(*node) {
            Some(site) => !site.node.usable,
            // Pods that kube-scheduler has yet to bind will take room of the nodes there are, if no others are made for them.
            None => *node != NOWHERE || unbound,
        };
        let (driver, executor) =
            (&snapshot.shapes.get(app.driver).requests, &snapshot.shapes.get(app.executor).requests);
        let drivers = app.pods.driver.iter().chain(&app.pods.leaving_driver);
        capacity.add(driver, drivers.filter(|node| lost(node)).count() as u64);
        for (_, count) in app.pods.executors.iter().chain(&app.pods.leaving).filter(|(node, _)| lost(node)) {
            capacity.add(executor, u64::from(*count));
        }
    }
    capacity
}

/// What the cluster has in all, nodes out of order included.
pub fn cluster(snapshot: &Snapshot) -> Amounts {
    let mut cluster = Amounts::default();
    for site in &snapshot.nodes {
        cluster.add(&site.allocatable, 1);
    }
    cluster
}
