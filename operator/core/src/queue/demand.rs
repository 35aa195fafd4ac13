//! What queues may have of the cluster, and what their applications want: the two sides of what each deserves.

use super::{Amounts, App, Snapshot, Stage, crowd::Crowd, desk::Desk, snapshot::NOWHERE, tree::Tree};

impl Desk<'_> {
    /// What applications of each leaf use and want in all.
    pub fn demand(&self) -> Vec<Amounts> {
        let shapes = &self.snapshot.shapes;
        let mut demand = vec![Amounts::default(); self.tree.all.len()];
        let mut largest = Amounts::default();
        for site in self.snapshot.nodes.iter().filter(|site| site.node.usable) {
            largest = largest.at_least(&site.allocatable.less(&site.foreign));
        }
        let mut add = |app: &App, leaf: usize, count: u64, executors: u64| {
            demand[leaf].add(&shapes.get(app.driver).requests, count);
            demand[leaf].add(&shapes.get(app.executor).requests, executors);
        };
        for class in self.crowd.classes.iter().filter(|class| class.barred.is_none()) {
            let (app, leaf) = (&self.snapshot.apps[class.example], self.leaf(class.example));
            if !self.is_hopeless(app, leaf, &class.gang, &largest) {
                add(app, leaf, class.count, class.wanted);
            }
        }
        for number in &self.crowd.present {
            let (app, leaf) = (&self.snapshot.apps[*number], self.leaf(*number));
            if let Stage::Admitted { .. } = app.stage {
                let stays = self.barred(app, leaf).is_some();
                add(app, leaf, 1, u64::from(if stays { app.pods.staying() } else { app.wanted.max(app.minimum) }));
            }
        }
        demand
    }

    /// Whether it is plain that a gang never fits: what it wants must not keep others from theirs.
    fn is_hopeless(&self, app: &App, leaf: usize, gang: &Amounts, largest: &Amounts) -> bool {
        let branch = |level: usize| &self.tree.all[level].spec.capability;
        let above = |level: usize| gang.some().any(|(kind, amount)| amount > branch(level).get(kind));
        let shapes = &self.snapshot.shapes;
        let large = |shape| !shapes.get(shape).requests.within(largest);
        let nowhere =
            || !gang.within(self.books.capacity()) || large(app.driver) || app.minimum > 0 && large(app.executor);
        self.tree.chain(leaf).any(above) || !self.is_autoscaled(leaf) && nowhere()
    }
}

/// What queues may have of the cluster: what usable nodes have less what foreign pods take, and what applications have where
/// nothing more can go.
pub fn capacity(snapshot: &Snapshot, tree: &Tree, crowd: &Crowd) -> Amounts {
    let mut capacity = Amounts::default();
    for site in snapshot.nodes.iter().filter(|site| site.node.usable) {
        capacity.add(&site.allocatable.less(&site.foreign), 1);
    }
    for number in crowd.present.iter().copied() {
        let (app, unbound) = (&snapshot.apps[number], tree.is_autoscaled(crowd.leaf[number]));
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
