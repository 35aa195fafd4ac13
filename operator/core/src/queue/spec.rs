//! What a Queue says, in the words that decisions need. Facts alone.

use super::{Amounts, Ceiling, Name};

/// Who of a queue's applications goes first when the first has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The first one's room is held for it: only what fits beside that passes.
    StrictFifo,
    /// Whoever fits.
    #[default]
    BestEffortFifo,
}

/// From whom in other queues an application may take back what its queue deserves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reclaim {
    /// From nobody.
    Never,
    /// From applications of lower priority.
    LowerPriority,
    /// From any.
    #[default]
    Any,
}

/// Who in the same queue gives way to an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preemption {
    /// Nobody.
    Never,
    /// Applications of lower priority, and executors above the minimum of those whose priority is not higher.
    #[default]
    LowerPriority,
}

/// Where room on nodes comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provisioning {
    /// From the nodes there are.
    #[default]
    Fixed,
    /// From nodes that an autoscaler makes when pods wait: room on nodes is not looked at.
    Autoscaled,
}

/// A Queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// The queue above; `None` is the cluster.
    pub parent: Option<Name>,
    /// Its part, beside that of its siblings. At least 1.
    pub weight: u64,
    /// What is held for it.
    pub guarantee: Amounts,
    /// What it may have at the most.
    pub capability: Ceiling,
    /// Whether others may use what is held for it while it does not.
    pub lendable: bool,
    /// Who goes first.
    pub order: Order,
    /// From whom in other queues it takes back.
    pub reclaim: Reclaim,
    /// Who in it gives way.
    pub preemption: Preemption,
    /// How many applications may be admitted at once, those of queues below included.
    pub max_applications: Option<u32>,
    /// Nothing more is admitted; what runs goes on.
    pub closed: bool,
    /// Namespaces beside its own whose applications may name it, and whose queues may name it as their parent; `*` is all.
    pub allowed_namespaces: Vec<String>,
    /// Where room on nodes comes from.
    pub provisioning: Provisioning,
    /// What each user may have in it at the most.
    pub user_limit: Ceiling,
    /// How many applications of each user may be admitted at once.
    pub user_max_applications: Option<u32>,
}

impl Default for QueueSpec {
    fn default() -> Self {
        Self {
            parent: None,
            weight: 1,
            guarantee: Amounts::default(),
            capability: Ceiling::default(),
            lendable: true,
            order: Order::default(),
            reclaim: Reclaim::default(),
            preemption: Preemption::default(),
            max_applications: None,
            closed: false,
            allowed_namespaces: Vec::new(),
            provisioning: Provisioning::default(),
            user_limit: Ceiling::default(),
            user_max_applications: None,
        }
    }
}
