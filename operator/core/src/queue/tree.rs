//! The tree of queues: the cluster at its root, queues below, and one leaf for applications that name no queue. What is wrong
//! with a queue stops it and those below it, and nobody else.

use std::{collections::HashMap, fmt};

use super::{Amounts, Kinds, Name, Provisioning, QueueSpec, Snapshot};

/// The cluster.
pub const ROOT: usize = 0;
/// The leaf of applications without a queue: they neither take back nor give way.
pub const NO_QUEUE: usize = 1;

/// What is wrong with a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its parent is not there.
    ParentMissing(Name),
    /// Its parent does not allow its namespace.
    ParentNotAllowed(Name),
    /// It is above itself.
    Cycle(Name),
    /// More is guaranteed than it, its parent (with its other children) or the cluster may have.
    Guarantee {
        /// Whose limit it is; `None` is the cluster.
        above: Option<Name>,
        /// The sentence's amounts: resource, guaranteed, limit.
        amounts: [String; 3],
    },
    /// A queue above it is faulty.
    Above(Name),
}

impl Fault {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ParentMissing(_) => "ParentMissing",
            Self::ParentNotAllowed(_) => "ParentNotAllowed",
            Self::Cycle(_) => "ParentCycle",
            Self::Guarantee { .. } => "GuaranteeTooLarge",
            Self::Above(_) => "ParentFaulty",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ParentMissing(parent) => write!(f, "its parent {parent} does not exist"),
            Self::ParentNotAllowed(parent) => {
                write!(f, "its parent {parent} does not allow its namespace: see allowedNamespaces there")
            }
            Self::Cycle(parent) => write!(f, "it is above itself, by way of its parent {parent}"),
            Self::Guarantee { above, amounts: [resource, guaranteed, limit] } => {
                let whose = above.as_ref().map_or_else(|| "the cluster".to_string(), |queue| format!("queue {queue}"));
                write!(f, "{resource} {guaranteed} is guaranteed, and {whose} has {limit} for that")
            }
            Self::Above(queue) => write!(f, "queue {queue} above it is faulty"),
        }
    }
}

/// A queue in the tree.
#[derive(Clone, Debug, Default)]
pub struct Branch {
    /// Its name; `None` for the cluster and the leaf without a queue.
    pub name: Option<Name>,
    /// The one above; the root is its own.
    pub parent: usize,
    /// Those below, by name.
    pub children: Vec<usize>,
    /// What it says.
    pub spec: QueueSpec,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// Whether it, or one above it, is closed.
    pub closed: bool,
    /// What is guaranteed to it: what it says, or what its children are promised, if that is more.
    pub guarantee: Amounts,
    /// What is held for it and those below even while they do not use it.
    pub fixed: Amounts,
}

/// The tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// All queues; a parent need not come before its children.
    pub all: Vec<Branch>,
    /// Parents before children.
    pub downwards: Vec<usize>,
    /// Looked up, never walked: its order is chance.
    by_name: HashMap<Name, usize>,
}

impl Tree {
    /// Builds the tree; `cluster` is what its nodes have in all, those out of order included.
    pub fn build(snapshot: &Snapshot, cluster: &Amounts) -> Self {
        let mut tree = Self { all: vec![Branch::default(); 2], ..Self::default() };
        for (name, spec) in &snapshot.queues {
            tree.by_name.insert(name.clone(), tree.all.len());
            tree.all.push(Branch { name: Some(name.clone()), spec: spec.clone(), ..Branch::default() });
        }
        for queue in 2..tree.all.len() {
            match tree.parent_of(queue) {
                Ok(parent) => tree.all[queue].parent = parent,
                Err(fault) => tree.all[queue].fault = Some(fault),
            }
        }
        for queue in 1..tree.all.len() {
            let parent = tree.all[queue].parent;
            tree.all[parent].children.push(queue);
        }
        tree.sort();
        tree.promise(&snapshot.kinds, cluster);
        tree.inherit();
        tree
    }

    /// The queue of a name.
    pub fn find(&self, name: &Name) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// A queue and those above it, the cluster last.
    pub fn chain(&self, queue: usize) -> impl Iterator<Item = usize> + '_ {
        let mut next = Some(queue);
        std::iter::from_fn(move || {
            let here = next?;
            next = (here != ROOT).then(|| self.all[here].parent);
            Some(here)
        })
    }

    /// Whether `queue` is `above` or below it.
    pub fn is_within(&self, queue: usize, above: usize) -> bool {
        self.chain(queue).any(|one| one == above)
    }

    /// Whether a queue has none below it.
    pub fn is_leaf(&self, queue: usize) -> bool {
        self.all[queue].children.is_empty()
    }

    /// Whether room on nodes is not looked at for a leaf's applications.
    pub fn is_autoscaled(&self, leaf: usize) -> bool {
        self.all[leaf].spec.provisioning == Provisioning::Autoscaled
    }

    /// How a queue is called in sentences.
    pub fn call(&self, queue: usize) -> String {
        match &self.all[queue].name {
            Some(name) => format!("queue {name}"),
            None if queue == ROOT => "the cluster".into(),
            None => "no queue".into(),
        }
    }

    fn parent_of(&self, queue: usize) -> Result<usize, Fault> {
        let own = &self.all[queue];
        let Some(parent) = &own.spec.parent else { return Ok(ROOT) };
        let found = self.find(parent).ok_or_else(|| Fault::ParentMissing(parent.clone()))?;
        let namespace = own.name.as_ref().map_or("", |name| name.namespace.as_str());
        if !allows(&self.all[found], namespace) {
            return Err(Fault::ParentNotAllowed(parent.clone()));
        }
        let mut above = Some(found);
        for _ in 0..self.all.len() {
            let Some(here) = above else { return Ok(found) };
            if here == queue {
                return Err(Fault::Cycle(parent.clone()));
            }
            above = self.all[here].spec.parent.as_ref().and_then(|next| self.find(next));
        }
        // A cycle further up: it is those in it that are at fault.
        Ok(found)
    }

    fn sort(&mut self) {
        let mut downwards = vec![ROOT];
        let mut next = 0;
        while let Some(queue) = downwards.get(next).copied() {
            downwards.extend(&self.all[queue].children);
            next += 1;
        }
        self.downwards = downwards;
    }

    /// Adds up what is promised from the leaves on, and finds promises that cannot be kept.
    fn promise(&mut self, kinds: &Kinds, cluster: &Amounts) {
        for queue in self.downwards.clone().into_iter().rev() {
            let mut sum = Amounts::default();
            let mut fixed = Amounts::default();
            for child in self.all[queue].children.clone() {
                let promised = self.all[child].guarantee.clone();
                let above = if queue == ROOT { &promised } else { &sum.plus(&promised) };
                match self.too_much(queue, child, above, kinds, cluster) {
                    Some(fault) => {
                        let child = &mut self.all[child];
                        child.fault.get_or_insert(fault);
                        child.guarantee = Amounts::default();
                        child.fixed = Amounts::default();
                    }
                    None if self.all[child].fault.is_none() => {
                        sum.add(&promised, 1);
                        fixed.add(&self.all[child].fixed.clone(), 1);
                    }
                    None => {}
                }
            }
            let own = &mut self.all[queue];
            own.guarantee = own.spec.guarantee.at_least(&sum);
            own.fixed = if own.spec.lendable { fixed } else { own.guarantee.clone() };
        }
    }

    fn too_much(&self, queue: usize, child: usize, sum: &Amounts, kinds: &Kinds, cluster: &Amounts) -> Option<Fault> {
        let says = |above: Option<Name>, (kind, amount): (usize, u64), limit: u64| Fault::Guarantee {
            above,
            amounts: [kinds.name(kind).to_string(), kinds.show(kind, amount), kinds.show(kind, limit)],
        };
        let own = &self.all[child];
        let limit = |kind| own.spec.capability.get(kind);
        if let Some(over) = own.guarantee.some().find(|(kind, amount)| *amount > limit(*kind)) {
            return Some(says(own.name.clone(), over, limit(over.0)));
        }
        let parent = &self.all[queue];
        let limit = |kind: usize| match queue {
            ROOT if own.spec.provisioning == Provisioning::Autoscaled => u64::MAX,
            ROOT => cluster.get(kind),
            // A parent that guarantees nothing itself passes on what it may have.
            _ if parent.spec.guarantee.get(kind) == 0 => parent.spec.capability.get(kind),
            _ => parent.spec.guarantee.get(kind),
        };
        let over =
            own.guarantee.some().map(|(kind, _)| (kind, sum.get(kind))).find(|(kind, sum)| *sum > limit(*kind))?;
        Some(says(parent.name.clone(), over, limit(over.0)))
    }

    fn inherit(&mut self) {
        for queue in self.downwards.clone().into_iter().skip(1) {
            let parent = &self.all[self.all[queue].parent];
            let fault = parent.fault.as_ref().and_then(|fault| match fault {
                Fault::Above(queue) => Some(Fault::Above(queue.clone())),
                _ => parent.name.clone().map(Fault::Above),
            });
            let closed = parent.closed;
            let own = &mut self.all[queue];
            own.closed = own.spec.closed || closed;
            if own.fault.is_none() {
                own.fault = fault;
            }
        }
    }
}

/// Whether a queue may be named by applications and queues of a namespace.
pub fn allows(branch: &Branch, namespace: &str) -> bool {
    let own = branch.name.as_ref().is_some_and(|name| name.namespace == namespace);
    own || branch.spec.allowed_namespaces.iter().any(|allowed| allowed == "*" || allowed == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(parent: Option<&str>) -> QueueSpec {
        QueueSpec { parent: parent.map(|name| Name::new("team", name)), ..QueueSpec::default() }
    }

    fn guaranteed(parent: Option<&str>, cpu: u64) -> QueueSpec {
        QueueSpec { guarantee: Amounts::of(cpu, 0, 0), ..queue(parent) }
    }

    fn faults(queues: &[(&str, QueueSpec)]) -> Vec<(String, &'static str)> {
        let mut snapshot = Snapshot::default();
        for (name, spec) in queues {
            snapshot.queues.insert(Name::new("team", name), spec.clone());
        }
        let tree = Tree::build(&snapshot, &Amounts::of(8000, 1 << 30, 10));
        let faulty =
            tree.all.iter().filter_map(|branch| Some((branch.name.clone()?.name, branch.fault.as_ref()?.reason())));
        faulty.collect()
    }

    #[test]
    fn a_cycle_stops_its_members_and_those_below_alone() {
        let found = faults(&[
            ("a", queue(Some("b"))),
            ("b", queue(Some("a"))),
            ("below", queue(Some("a"))),
            ("self", queue(Some("self"))),
            ("well", queue(None)),
        ]);
        let wanted = [("a", "ParentCycle"), ("b", "ParentCycle"), ("below", "ParentFaulty"), ("self", "ParentCycle")];
        assert_eq!(found, wanted.map(|(name, reason)| (name.to_string(), reason)));
    }

    #[test]
    fn a_parent_that_is_not_there_stops_the_subtree() {
        let found = faults(&[("a", queue(Some("gone"))), ("b", queue(Some("a"))), ("c", queue(None))]);
        assert_eq!(found, [("a".into(), "ParentMissing"), ("b".into(), "ParentFaulty")]);
    }

    #[test]
    fn a_parent_in_another_namespace_must_allow_it() {
        let mut snapshot = Snapshot::default();
        let parent = |allowed: &[&str]| QueueSpec {
            allowed_namespaces: allowed.iter().map(|name| name.to_string()).collect(),
            ..QueueSpec::default()
        };
        snapshot.queues.insert(Name::new("platform", "strict"), parent(&["other"]));
        snapshot.queues.insert(Name::new("platform", "open"), parent(&["team"]));
        for (name, above) in [("a", "strict"), ("b", "open")] {
            let spec = QueueSpec { parent: Some(Name::new("platform", above)), ..QueueSpec::default() };
            snapshot.queues.insert(Name::new("team", name), spec);
        }
        let tree = Tree::build(&snapshot, &Amounts::default());
        let fault = |name| tree.all[tree.find(&Name::new("team", name)).expect("queue")].fault.clone();
        assert_eq!(fault("a"), Some(Fault::ParentNotAllowed(Name::new("platform", "strict"))));
        assert_eq!(fault("b"), None);
    }

    #[test]
    fn promises_above_the_parents_or_the_clusters_are_faults() {
        assert_eq!(
            faults(&[("a", guaranteed(None, 9000)), ("b", guaranteed(None, 8000))]),
            [("a".into(), "GuaranteeTooLarge")]
        );
        let found = faults(&[
            ("a", guaranteed(Some("p"), 3000)),
            ("b", guaranteed(Some("p"), 2000)),
            ("c", guaranteed(Some("p"), 1000)),
            ("p", guaranteed(None, 4000)),
        ]);
        assert_eq!(found, [("b".into(), "GuaranteeTooLarge")]);
    }

    #[test]
    fn a_parent_that_promises_nothing_itself_is_promised_what_its_children_are() {
        let mut snapshot = Snapshot::default();
        let mut child = guaranteed(Some("p"), 3000);
        child.lendable = false;
        for (name, spec) in [("a", child), ("b", guaranteed(Some("p"), 2000)), ("p", queue(None))] {
            snapshot.queues.insert(Name::new("team", name), spec);
        }
        let tree = Tree::build(&snapshot, &Amounts::of(8000, 0, 0));
        let parent = &tree.all[tree.find(&Name::new("team", "p")).expect("p")];
        assert_eq!((parent.guarantee.get(0), parent.fixed.get(0)), (5000, 3000));
    }
}
