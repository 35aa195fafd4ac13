//! The model's strict order: what is held for the first of a line, and who stands behind it.

use onager_core::queue::{Amounts, ground::View, tree::ROOT};

use super::{
    Model, Pod, Short,
    cycle::{Cycle, remove},
    reclaim::Passed,
};

/// What is known of the head of a line in strict order.
pub enum Head {
    /// Nobody passes.
    Stops,
    /// Its room is held against all.
    Held,
    /// Its room is held against those behind it.
    Aside(Vec<Pod>),
}

impl Cycle<'_> {
    /// With what is set aside for the head of a leaf's line.
    pub fn beside<T>(&mut self, leaf: usize, what: impl FnOnce(&mut Self) -> T) -> T {
        let aside = match self.heads.get(&leaf) {
            Some(Head::Aside(pods)) => pods.clone(),
            _ => Vec::new(),
        };
        self.model.coming.extend(aside.clone());
        let result = what(self);
        remove(&mut self.model.coming, &aside);
        result
    }

    /// One waits for the next cycle, and so does a line in strict order behind it.
    pub fn pass(&mut self, number: usize) {
        let leaf = self.model.leaf(number);
        if self.model.is_strict(leaf) {
            self.stopped.insert(leaf);
        }
    }

    /// Whether nobody of a line passes.
    pub fn stops(&self, leaf: usize) -> bool {
        self.stopped.contains(&leaf) || matches!(self.heads.get(&leaf), Some(Head::Stops))
    }

    /// The first of a line in strict order that is blocked has its room held.
    pub fn hold_for_head(&mut self, number: usize, short: Short) {
        let model = &self.model;
        let leaf = model.leaf(number);
        let never = match short {
            Short::Quota(for_ever) | Short::Level(_, for_ever) => for_ever,
            Short::User => {
                let limit = &model.tree.all[leaf].spec.user_limit;
                model.gang(number).some().any(|(kind, amount)| amount > limit.get(kind))
            }
            Short::Nodes => !self.ever_fits(number),
            Short::Applications => false,
        };
        if !model.is_strict(leaf) || never || self.heads.contains_key(&leaf) {
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
        let mut empty = Model::new(self.model.snapshot, self.model.time, Passed::default());
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
}
