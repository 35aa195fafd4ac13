//! Why an application waits: the level and the resource that block, how much is short, and what would free it. One reason is
//! made for all that are alike. Words alone; what blocks is found where it is decided.

use super::{
    Amounts, Kinds, Name, ShapeId,
    books::{Over, TooMany},
    quota::OverQuota,
    tree::{Fault, ROOT, Tree},
};

/// What keeps an application from being admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// The queue it names is not there.
    QueueMissing(Name),
    /// The queue cannot be used.
    QueueFaulty(Name, Fault),
    /// The queue, or one above it, is closed.
    QueueClosed(Name),
    /// The queue does not take applications of this namespace.
    QueueNotAllowed(Name),
    /// The queue has queues below it, and takes no applications itself.
    QueueHasChildren(Name),
    /// It failed to come up, and waits until it is tried again.
    BackOff,
    /// Pods of its last run are not gone.
    PodsLeaving,
    /// A limit for applications is reached.
    TooMany(TooMany),
    /// A queue's capability, or the cluster.
    Level(Over),
    /// What its user may have in the queue.
    User(Over),
    /// Its namespace's quota.
    Quota(OverQuota),
    /// Nodes have no room for all of the gang.
    Nodes(Nodes),
    /// It could not run even if nothing else did.
    TooLarge(Nodes),
    /// Others give way to it, and their pods are not gone.
    Evictions,
    /// It comes after one whose room is held for it.
    Behind(Name),
    /// It and this one would take each other's room: the other has its turn first.
    GivesWay(Name),
}

/// How far the gang fits on nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// The gang: shapes of driver and executors, and how many executors.
    pub gang: (ShapeId, ShapeId, u32),
    /// Whether no closer look was taken, since so many wait.
    pub coarse: bool,
    /// Whether it is the driver that has no place.
    pub driver: bool,
    /// How many executors have a place.
    pub fit: u64,
    /// Of how many.
    pub of: u32,
    /// What the pod that has none asks for.
    pub asks: Amounts,
    /// How many nodes may take it at all.
    pub accepting: usize,
    /// The resource of which the node that comes closest has too little: its index, what it has, and the node's name.
    pub closest: Option<(usize, u64, String)>,
    /// Whether room is free, and held for others.
    pub held: bool,
}

/// Why one waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The application's number.
    pub app: usize,
    /// Its place in its queue's line, from 1.
    pub position: u32,
    /// What blocks it: an index into the blocks of the outcome.
    pub block: usize,
}

impl Block {
    /// Whether only another size, another limit or more nodes help.
    pub fn is_for_ever(&self) -> bool {
        match self {
            Self::TooLarge(_) => true,
            Self::Level(over) | Self::User(over) => over.needed > over.limit,
            Self::Quota(over) => over.needed > over.hard,
            _ => false,
        }
    }

    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::QueueMissing(_) => "QueueMissing",
            Self::QueueFaulty(..) => "QueueFaulty",
            Self::QueueClosed(_) => "QueueClosed",
            Self::QueueNotAllowed(_) => "QueueNotAllowed",
            Self::QueueHasChildren(_) => "QueueHasChildren",
            Self::BackOff => "BackOff",
            Self::PodsLeaving => "PodsLeaving",
            Self::TooMany(_) => "MaxApplications",
            Self::TooLarge(nodes) if nodes.accepting == 0 => "NoMatchingNode",
            Self::TooLarge(_) => "TooLarge",
            Self::Level(_) if self.is_for_ever() => "TooLarge",
            Self::Level(over) if over.held => "GuaranteeOfOthers",
            Self::Level(over) if over.level == ROOT => "ClusterFull",
            Self::Level(_) => "QueueFull",
            Self::User(_) => "UserLimit",
            Self::Quota(_) => "QuotaExceeded",
            Self::Nodes(_) => "InsufficientResources",
            Self::Evictions => "WaitingForEvictions",
            Self::Behind(_) | Self::GivesWay(_) => "BehindInQueue",
        }
    }

    /// The sentence: what blocks, how much is short, and what would free it.
    pub fn message(&self, tree: &Tree, kinds: &Kinds) -> String {
        match self {
            Self::QueueMissing(queue) => format!("queue {queue} does not exist; it starts when somebody makes it"),
            Self::QueueFaulty(queue, fault) => format!("queue {queue} cannot be used: {fault}"),
            Self::QueueClosed(queue) => format!("queue {queue} is closed: what runs goes on, nothing new starts"),
            Self::QueueNotAllowed(queue) => {
                format!("queue {queue} does not take applications of this namespace: see its allowedNamespaces")
            }
            Self::QueueHasChildren(queue) => {
                format!("queue {queue} has queues below it and takes no applications itself: name one of those")
            }
            Self::BackOff => "it did not come up whole and was undone; it is tried again after a pause".into(),
            Self::PodsLeaving => "pods of its last run are not gone yet".into(),
            Self::TooMany(TooMany { level, limit, user }) => {
                let whose = if *user { "its user" } else { "all" };
                format!(
                    "{} admits {limit} applications of {whose} at once, and so many are: one must end",
                    tree.call(*level)
                )
            }
            Self::Level(over) => level(over, tree, kinds),
            Self::User(over) => {
                let [needed, left, limit] = show(over, kinds);
                let (queue, resource) = (tree.call(over.level), kinds.name(over.kind));
                format!(
                    "its user may have {resource} {limit} in {queue}, has {left} left, and needs {needed}: \
                     an application of the user's must end"
                )
            }
            Self::Quota(over) => {
                let [needed, left, hard, short] = [over.needed, over.left, over.hard, over.needed - over.left]
                    .map(|amount| kinds.show(over.unit, amount));
                format!(
                    "its pods need {} {needed}, and quota {} has {left} left of {hard}, {short} too little: \
                     pods of the namespace must end, or the quota be raised",
                    over.resource, over.quota
                )
            }
            Self::Nodes(nodes) => {
                let how =
                    if nodes.held { "what is free is held for others" } else { "pods must end, or nodes be added" };
                format!("{}: {how}", on_nodes(nodes, kinds))
            }
            Self::TooLarge(nodes) => {
                format!("{}, even if nothing else ran: ask for less, or add nodes", on_nodes(nodes, kinds))
            }
            Self::Evictions => "others give way to it; it starts when their pods are gone".into(),
            Self::Behind(head) => format!("its queue is in strict order, and {head} is before it"),
            Self::GivesWay(other) => format!("the room it could have is owed to {other}, which is to start first"),
        }
    }
}

fn show(over: &Over, kinds: &Kinds) -> [String; 3] {
    [over.needed, over.left, over.limit].map(|amount| kinds.show(over.kind, amount))
}

fn level(over: &Over, tree: &Tree, kinds: &Kinds) -> String {
    let [needed, left, limit] = show(over, kinds);
    let short = kinds.show(over.kind, over.needed.saturating_sub(over.left));
    let (whose, resource) = (tree.call(over.level), kinds.name(over.kind));
    let free = match (over.held, over.level) {
        (true, _) if over.needed > over.limit => {
            "the rest is guaranteed to others, which do not lend it: ask for less, or have it lent"
        }
        (true, _) => {
            "the rest is guaranteed to others, which do not lend it: an application without a guarantee must end"
        }
        (false, ROOT) if over.needed > over.limit => "it never fits: ask for less, or add nodes",
        (false, _) if over.needed > over.limit => "it never fits: ask for less, or have the capability raised",
        (false, ROOT) => "an application must end, or nodes be added",
        (false, _) => "an application in it must end, or its capability be raised",
    };
    format!("it needs {resource} {needed}, and {whose} has {left} left of {limit}, {short} too little: {free}")
}

fn on_nodes(nodes: &Nodes, kinds: &Kinds) -> String {
    let asks: Vec<String> =
        nodes.asks.some().map(|(kind, amount)| format!("{} {}", kinds.name(kind), kinds.show(kind, amount))).collect();
    if nodes.coarse {
        return format!(
            "nodes have no room for the whole gang, of {} executors with {} each",
            nodes.of,
            asks.join(", ")
        );
    }
    let who = if nodes.driver {
        "the driver has no node".to_string()
    } else {
        format!("{} of {} executors have room on nodes, and a gang starts whole", nodes.fit, nodes.of)
    };
    let where_to = match (&nodes.closest, nodes.accepting) {
        (_, 0) => "no node matches its nodeSelector, node affinity and tolerations".to_string(),
        (Some((kind, there, node)), _) => {
            format!(
                "the closest of {} nodes, {node}, has {} {}",
                nodes.accepting,
                kinds.name(*kind),
                kinds.show(*kind, *there)
            )
        }
        (None, count) => format!("{count} nodes may take it"),
    };
    format!("{who}: each needs {}; {where_to}", asks.join(", "))
}
