//! Who uses how much: by queue and those above it, by user, and how many applications are admitted. Usage counts until pods
//! are gone. Two views, as of the ground: what is used now, and what will be when all that is to go is gone and all that is
//! promised has come.

use std::collections::BTreeMap;

use super::{
    Amounts, Kind, Provisioning,
    ground::View,
    tree::{ROOT, Tree},
};

/// What a level has too little of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The queue, or the cluster.
    pub level: usize,
    /// The resource.
    pub kind: Kind,
    /// How much is needed.
    pub needed: u64,
    /// How much is left.
    pub left: u64,
    /// What the level may have at the most.
    pub limit: u64,
    /// Whether it is what is held for others that is in the way.
    pub held: bool,
}

/// A queue's limit for applications that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The queue.
    pub level: usize,
    /// Its limit.
    pub limit: u32,
    /// Whether it is the limit of one user.
    pub user: bool,
}

/// What one user has in one queue.
#[derive(Clone, Debug, Default)]
struct User {
    used: [Amounts; 2],
    applications: u32,
}

/// The books.
pub struct Books<'a> {
    tree: &'a Tree,
    capacity: Amounts,
    used: Vec<[Amounts; 2]>,
    /// What children use or have held for them.
    below: Vec<[Amounts; 2]>,
    /// What is held for children that use nothing.
    fixed_below: Vec<Amounts>,
    /// Whether something is held for anybody.
    holds: bool,
    applications: Vec<u32>,
    users: BTreeMap<(usize, &'a str), User>,
}

impl<'a> Books<'a> {
    /// Empty books of a tree; `capacity` is what queues may have of the cluster.
    pub fn new(tree: &'a Tree, capacity: Amounts) -> Self {
        let none = || [Amounts::default(), Amounts::default()];
        let mut below: Vec<[Amounts; 2]> = vec![none(); tree.all.len()];
        for queue in tree.downwards.iter().rev().filter(|queue| **queue != ROOT) {
            let held = tree.all[*queue].fixed.at_least(&below[*queue][0]);
            below[tree.all[*queue].parent].iter_mut().for_each(|view| view.add(&held, 1));
        }
        let fixed_below = below.iter().map(|views| views[0].clone()).collect();
        Self {
            fixed_below,
            holds: tree.all.iter().any(|branch| !branch.fixed.is_empty()),
            tree,
            capacity,
            used: vec![none(); tree.all.len()],
            below,
            applications: vec![0; tree.all.len()],
            users: BTreeMap::new(),
        }
    }

    /// What a queue and those below it use.
    pub fn used(&self, queue: usize, view: View) -> &Amounts {
        &self.used[queue][view as usize]
    }

    /// How many applications are admitted in a queue and those below it.
    pub fn applications(&self, queue: usize) -> u32 {
        self.applications[queue]
    }

    /// What queues may have of the cluster.
    pub fn capacity(&self) -> &Amounts {
        &self.capacity
    }

    /// Counts what a user's pods take of a leaf and all above it.
    pub fn take(&mut self, leaf: usize, user: &'a str, size: &Amounts, views: &[View]) {
        self.change(leaf, user, size, views, Amounts::add);
    }

    /// Counts it no more.
    pub fn give(&mut self, leaf: usize, user: &'a str, size: &Amounts, views: &[View]) {
        self.change(leaf, user, size, views, Amounts::take);
    }

    /// Counts an application as admitted.
    pub fn enter(&mut self, leaf: usize, user: &'a str) {
        for level in self.tree.chain(leaf) {
            self.applications[level] += 1;
        }
        self.users.entry((leaf, user)).or_default().applications += 1;
    }

    /// Counts it no more.
    pub fn leave(&mut self, leaf: usize, user: &'a str) {
        for level in self.tree.chain(leaf) {
            self.applications[level] = self.applications[level].saturating_sub(1);
        }
        let user = self.users.entry((leaf, user)).or_default();
        user.applications = user.applications.saturating_sub(1);
    }

    /// The limit for applications that one more would break.
    pub fn too_many(&self, leaf: usize, user: &str) -> Option<TooMany> {
        let of_user = |user| self.users.get(&(leaf, user)).map_or(0, |user| user.applications);
        let limit = self.tree.all[leaf].spec.user_max_applications.filter(|limit| of_user(user) >= *limit);
        let user = limit.map(|limit| TooMany { level: leaf, limit, user: true });
        let full = |level: usize| {
            let limit = self.tree.all[level].spec.max_applications?;
            (self.applications[level] >= limit).then_some(TooMany { level, limit, user: false })
        };
        user.or_else(|| self.tree.chain(leaf).find_map(full))
    }

    /// The first resource of which a user would have too much in a leaf.
    pub fn over_user(&self, leaf: usize, user: &str, size: &Amounts, view: View) -> Option<Over> {
        let limit = &self.tree.all[leaf].spec.user_limit;
        if limit.is_none() {
            return None;
        }
        let used = self.users.get(&(leaf, user)).map(|user| seen(&user.used, view)).unwrap_or_default();
        over(leaf, size, |kind| used.get(kind), |kind| limit.get(kind))
    }

    /// The first level, from the leaf on, and the first resource of which it would have too much.
    pub fn over(&self, leaf: usize, size: &Amounts, view: View) -> Option<Over> {
        if !self.holds {
            return self.tree.chain(leaf).filter(|level| !self.is_open(leaf, *level)).find_map(|level| {
                let views = &self.used[level];
                let used = |kind| match view {
                    View::Now => views[0].get(kind).max(views[1].get(kind)),
                    View::Soon => views[1].get(kind),
                };
                over(level, size, used, |kind| self.limit(level, kind))
            });
        }
        let used = |level: usize| seen(&self.used[level], view);
        let found = self.over_with(leaf, size, used, |level| seen(&self.below[level], view))?;
        if !found.held {
            return Some(found);
        }
        // What it could have if nobody used anything: what is held for others is theirs for ever.
        let ever = self.over_with(leaf, size, |_| Amounts::default(), |level| self.fixed_below[level].clone());
        Some(
            ever.filter(|ever| ever.kind == found.kind)
                .map_or(found.clone(), |ever| Over { limit: ever.left, ..found }),
        )
    }

    /// Whether a level does not limit a leaf: the cluster grows for those that are autoscaled.
    fn is_open(&self, leaf: usize, level: usize) -> bool {
        level == ROOT && self.tree.all[leaf].spec.provisioning == Provisioning::Autoscaled
    }

    fn limit(&self, level: usize, kind: Kind) -> u64 {
        if level == ROOT { self.capacity.get(kind) } else { self.tree.all[level].spec.capability.get(kind) }
    }

    fn over_with(
        &self,
        leaf: usize,
        size: &Amounts,
        used: impl Fn(usize) -> Amounts,
        below: impl Fn(usize) -> Amounts,
    ) -> Option<Over> {
        // What is held for those below grows less than usage does, where it comes out of a guarantee of their own.
        let mut more = size.clone();
        for level in self.tree.chain(leaf) {
            let own = &self.tree.all[level];
            let limit = |kind| self.limit(level, kind);
            let used = used(level);
            let held = if self.tree.is_leaf(level) { used.clone() } else { below(level) };
            if !self.is_open(leaf, level) {
                if let Some(over) = over(level, size, |kind| used.get(kind), limit) {
                    return Some(over);
                }
                if let Some(over) = over(level, &more, |kind| held.get(kind), limit) {
                    return Some(Over { needed: size.get(over.kind), held: true, ..over });
                }
            }
            more = held.plus(&more).at_least(&own.fixed).less(&held.at_least(&own.fixed));
        }
        None
    }

    fn change(
        &mut self,
        leaf: usize,
        user: &'a str,
        size: &Amounts,
        views: &[View],
        how: fn(&mut Amounts, &Amounts, u64),
    ) {
        for view in views.iter().map(|view| *view as usize) {
            let mut before: Option<Amounts> = None;
            let mut after = Amounts::default();
            for level in self.tree.chain(leaf) {
                let fixed = &self.tree.all[level].fixed;
                let is_leaf = before.is_none();
                let held = if is_leaf { &self.used[level][view] } else { &self.below[level][view] }.at_least(fixed);
                if let Some(before) = &before {
                    self.below[level][view].take(before, 1);
                    self.below[level][view].add(&after, 1);
                }
                how(&mut self.used[level][view], size, 1);
                after = if is_leaf { &self.used[level][view] } else { &self.below[level][view] }.at_least(fixed);
                before = Some(held);
            }
            how(&mut self.users.entry((leaf, user)).or_default().used[view], size, 1);
        }
    }
}

/// What counts as used when room is given away: what is used now, and what is promised.
fn seen(used: &[Amounts; 2], view: View) -> Amounts {
    match view {
        View::Now => used[0].at_least(&used[1]),
        View::Soon => used[1].clone(),
    }
}

fn over(level: usize, size: &Amounts, used: impl Fn(Kind) -> u64, limit: impl Fn(Kind) -> u64) -> Option<Over> {
    size.some().find_map(|(kind, needed)| {
        let (limit, used) = (limit(kind), used(kind));
        let left = limit.saturating_sub(used);
        (needed > left).then_some(Over { level, kind, needed, left, limit, held: false })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{Name, QueueSpec, Snapshot};

    fn tree(queues: &[(&str, QueueSpec)]) -> Tree {
        let mut snapshot = Snapshot::default();
        for (name, spec) in queues {
            snapshot.queues.insert(Name::new("t", name), spec.clone());
        }
        Tree::build(&snapshot, &cpu(10))
    }

    fn cpu(amount: u64) -> Amounts {
        Amounts::of(amount, 0, 0)
    }

    const BOTH: &[View] = &[View::Now, View::Soon];

    #[test]
    fn what_is_held_for_a_queue_that_does_not_lend_is_kept_from_others() {
        let held = QueueSpec { guarantee: cpu(4), lendable: false, ..QueueSpec::default() };
        let tree = tree(&[("a", held), ("b", QueueSpec::default())]);
        let mut books = Books::new(&tree, cpu(10));
        let [a, b] = ["a", "b"].map(|name| tree.find(&Name::new("t", name)).expect("queue"));
        assert!(books.over(b, &cpu(6), View::Now).is_none());
        let over = books.over(b, &cpu(7), View::Now).expect("over");
        assert!(over.held && over.level == ROOT);
        books.take(b, "", &cpu(6), BOTH);
        assert!(books.over(a, &cpu(4), View::Now).is_none());
        books.take(a, "", &cpu(3), BOTH);
        assert!(books.over(b, &cpu(1), View::Now).is_some(), "one is held still");
        books.give(b, "", &cpu(6), BOTH);
        assert!(books.over(a, &cpu(7), View::Now).is_none() && books.over(a, &cpu(8), View::Now).is_some());
    }

    #[test]
    fn every_level_above_must_have_room() {
        let mut parent = QueueSpec::default();
        parent.capability.set(0, 5);
        let child = QueueSpec { parent: Some(Name::new("t", "p")), ..QueueSpec::default() };
        let tree = tree(&[("a", child.clone()), ("b", child), ("p", parent)]);
        let mut books = Books::new(&tree, cpu(10));
        let [a, b, p] = ["a", "b", "p"].map(|name| tree.find(&Name::new("t", name)).expect("queue"));
        books.take(a, "", &cpu(4), BOTH);
        let over = books.over(b, &cpu(2), View::Now).expect("over");
        assert_eq!((over.level, over.needed, over.left, over.limit), (p, 2, 1, 5));
        books.give(a, "", &cpu(4), &[View::Soon]);
        assert!(books.over(b, &cpu(2), View::Now).is_some(), "usage counts until pods are gone");
        assert!(books.over(b, &cpu(2), View::Soon).is_none());
    }

    #[test]
    fn each_user_has_a_limit() {
        let mut spec = QueueSpec { user_max_applications: Some(1), ..QueueSpec::default() };
        spec.user_limit.set(0, 3);
        let tree = tree(&[("a", spec)]);
        let mut books = Books::new(&tree, cpu(10));
        books.take(2, "ada", &cpu(2), BOTH);
        books.enter(2, "ada");
        assert!(books.over_user(2, "ada", &cpu(2), View::Now).is_some());
        assert!(books.over_user(2, "bob", &cpu(2), View::Now).is_none());
        assert!(books.too_many(2, "ada").is_some_and(|many| many.user) && books.too_many(2, "bob").is_none());
        books.leave(2, "ada");
        assert!(books.too_many(2, "ada").is_none());
    }
}
