//! What a cycle decides on: nodes, queues, quotas and applications at one moment. Facts alone, filled by the caller; what is
//! alike (shapes of pods) is kept once, so that ten thousand applications cost little.

use std::{collections::BTreeMap, fmt};

use super::{Amounts, Kinds, QueueSpec, Standing, ground::Placement, quota::NamespaceQuota};
use crate::node::{Node, PodAsk};

/// A namespace and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Name {
    /// A name in a namespace.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Reads `name`, which is in `namespace`, or `namespace/name`.
    pub fn read(text: &str, namespace: &str) -> Self {
        let (namespace, name) = text.split_once('/').unwrap_or((namespace, text));
        Self::new(namespace, name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a pod takes, and what it asks of its node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// What it requests, itself as a pod included.
    pub requests: Amounts,
    /// Its limits, as quotas count them.
    pub limits: Amounts,
    /// What it asks of its node beside room.
    pub ask: PodAsk,
    /// Its priority class's name, by which quotas may count.
    pub class: Option<String>,
}

/// A shape that is kept once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(pub u32);

/// All shapes, and what they ask of nodes.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    shapes: Vec<Shape>,
    asks: Vec<PodAsk>,
    ask_of: Vec<usize>,
    alike: BTreeMap<Amounts, Vec<ShapeId>>,
}

impl Shapes {
    /// The number of a shape, a new one if none is like it.
    pub fn intern(&mut self, shape: Shape) -> ShapeId {
        let alike = self.alike.entry(shape.requests.clone()).or_default();
        if let Some(found) = alike.iter().find(|id| self.shapes[id.0 as usize] == shape) {
            return *found;
        }
        let id = ShapeId(self.shapes.len() as u32);
        alike.push(id);
        let ask = self.asks.iter().position(|ask| *ask == shape.ask).unwrap_or_else(|| {
            self.asks.push(shape.ask.clone());
            self.asks.len() - 1
        });
        self.ask_of.push(ask);
        self.shapes.push(shape);
        id
    }

    /// A shape.
    pub fn get(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// The number of what a shape asks of nodes.
    pub fn ask_of(&self, id: ShapeId) -> usize {
        self.ask_of[id.0 as usize]
    }

    /// What is asked of nodes, by that number.
    pub fn ask(&self, number: usize) -> &PodAsk {
        &self.asks[number]
    }

    /// How many shapes there are.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }
}

/// A node.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Its name, labels and taints, and whether it is usable; its amounts are not looked at.
    pub node: Node,
    /// What pods may have of it in all.
    pub allocatable: Amounts,
    /// What pods take that are none of the snapshot's applications.
    pub foreign: Amounts,
}

/// How far an application is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It waits.
    #[default]
    Waiting,
    /// It is admitted.
    Admitted {
        /// Since when, in milliseconds.
        since: i64,
    },
    /// It ended, and pods of it are left.
    Ended,
}

/// The number of a node in place of one for a pod that is bound to none.
pub const NOWHERE: usize = usize::MAX;

/// Pods of an application by the number of their node, those that are promised included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// The driver's node.
    pub driver: Option<usize>,
    /// Executors.
    pub executors: BTreeMap<usize, u32>,
    /// A driver that is to go, and still takes room.
    pub leaving_driver: Option<usize>,
    /// Executors that are to go, and still take room.
    pub leaving: BTreeMap<usize, u32>,
}

impl Pods {
    /// How many executors stay.
    pub fn staying(&self) -> u32 {
        self.executors.values().sum()
    }

    /// Whether pods are still to go.
    pub fn any_leaving(&self) -> bool {
        self.leaving_driver.is_some() || !self.leaving.is_empty()
    }

    /// Whether pods are there that are not to go.
    pub fn any_staying(&self) -> bool {
        self.driver.is_some() || !self.executors.is_empty()
    }
}

/// Room that is being freed for an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Its place among claims.
    pub rank: usize,
    /// Where its gang goes.
    pub placement: Placement,
}

/// An application.
#[derive(Clone, Debug, Default)]
pub struct App {
    /// Namespace and name.
    pub name: Name,
    /// The queue it names.
    pub queue: Option<Name>,
    /// Its priority class's value.
    pub priority: i64,
    /// When it was created, in milliseconds.
    pub created: i64,
    /// Whose it is, for limits per user.
    pub user: String,
    /// Its driver's shape.
    pub driver: ShapeId,
    /// Its executors' shape.
    pub executor: ShapeId,
    /// With how many executors it starts.
    pub minimum: u32,
    /// How many executors it wants now. At least `minimum`.
    pub wanted: u32,
    /// How far it is.
    pub stage: Stage,
    /// Others go for it, and what they leave is its own.
    pub claim: Option<Claim>,
    /// Not before this time, in milliseconds, since it failed to come up.
    pub not_before: Option<i64>,
    /// Its pods.
    pub pods: Pods,
}

/// Everything at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Resources.
    pub kinds: Kinds,
    /// Shapes of pods.
    pub shapes: Shapes,
    /// Nodes, in the order in which they are filled.
    pub nodes: Vec<Site>,
    /// Queues.
    pub queues: BTreeMap<Name, QueueSpec>,
    /// Quotas by namespace.
    pub quotas: BTreeMap<String, Vec<NamespaceQuota>>,
    /// Applications that wait, run or leave.
    pub apps: Vec<App>,
    /// How queues stood after the last cycle; without it nobody is owed anything.
    pub standing: Standing,
}

impl Snapshot {
    /// What the gang of an application takes: its driver and its minimum of executors.
    pub fn gang(&self, app: &App) -> Amounts {
        self.size(app, true, app.minimum)
    }

    /// What so many pods of an application take.
    pub fn size(&self, app: &App, driver: bool, executors: u32) -> Amounts {
        let mut size = Amounts::default();
        if driver {
            size.add(&self.shapes.get(app.driver).requests, 1);
        }
        size.add(&self.shapes.get(app.executor).requests, u64::from(executors));
        size
    }
}
