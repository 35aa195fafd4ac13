//! Whether more pods have room: in each level, in the quotas, on nodes.

use onager_core::queue::{
    Amounts, ShapeId,
    ground::{Placement, View},
    quota::Counted,
    tree::ROOT,
};

use super::{Model, Pod, Short};

/// What is used of each level.
type Used<'a> = &'a dyn Fn(usize) -> Amounts;

impl Model<'_> {
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
}
