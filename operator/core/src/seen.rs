//! What the operator sees of one application: its pods and what stands beside them in words that decisions need, nothing of Kubernetes'
//! own types. Filled by `observe`; facts alone, no conclusions.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use onager_crds::{QueuePlace, SparkApplication, State};

/// Driver or executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The driver.
    Driver,
    /// The executor of this index, from 1.
    Executor(u32),
}

/// A pod's phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers started.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// It ended with exit code 0.
    Succeeded,
    /// It ended otherwise.
    Failed,
}

/// Why a pod does not come up, as the kubelet or the scheduler says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Such as `ImagePullBackOff`.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

/// How a pod's main container, or the pod as a whole, ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, where a container ended.
    pub code: Option<i32>,
    /// Such as `OOMKilled`, `Error`, `Evicted`.
    pub reason: String,
    /// The termination message.
    pub message: String,
    /// When.
    pub at: Option<Timestamp>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSeen {
    /// What it is to its application.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// UID of the SparkApplication that owns it, if one does.
    pub owner: Option<String>,
    /// The attempt it was made for.
    pub attempt: u32,
    /// Its phase.
    pub phase: Phase,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Whether it was this operator that asked, while it had not ended. Not known any more after a restart.
    pub dismissed: bool,
    /// Whether its node answers; true while it has none.
    pub node_ready: bool,
    /// The node it is bound to.
    pub node: Option<String>,
    /// Why it does not come up.
    pub trouble: Option<Trouble>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// Whether it counts as ended by its main container alone, and another of its containers goes on.
    pub lingers: bool,
}

impl PodSeen {
    /// Whether its containers ended.
    pub fn ended(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Whether it works or may come to.
    pub fn is_live(&self) -> bool {
        !self.ended() && !self.deleting && self.node_ready
    }
}

/// What may stand beside an application's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SideKind {
    /// The driver's own Service; the Secret with its token goes with it.
    Service,
    /// A Service of the driver's user interface, or of a port that `driverIngressOptions` names.
    UiService,
    /// An Ingress to one of those.
    Ingress,
    /// The driver's PodDisruptionBudget.
    DisruptionBudget,
}

/// An object that stands beside an application's pods, and that it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideSeen {
    /// What it is.
    pub kind: SideKind,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Whether the application asks for it, as it is now.
    pub wanted: bool,
}

/// A pause after a create that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// How much of it is left.
    pub left: Duration,
    /// What to tell, if the failure is one that somebody should hear of.
    pub trouble: Option<Trouble>,
}

/// What is seen of one application.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The application.
    pub app: &'a SparkApplication,
    /// The pod that has the driver's name and our labels, whichever application owns it.
    pub driver: Option<PodSeen>,
    /// Executors that this application owns.
    pub executors: Vec<PodSeen>,
    /// What this application owns beside its pods.
    pub sides: Vec<SideSeen>,
    /// Whether something that [`CreateSides`](crate::Action::CreateSides) makes is not there.
    pub sides_missing: bool,
    /// How many executors dynamic allocation wants now, as far as they have room; `None` means as many as the spec says.
    pub target: Option<u32>,
    /// Indexes of executors that their driver has let go: they leave, and nobody takes their place.
    pub drained: BTreeSet<u32>,
    /// Why its gang cannot be placed now; only looked at while it is not admitted.
    pub shortage: Option<Trouble>,
    /// The queue it waits in, and its place there.
    pub place: Option<QueuePlace>,
    /// All of it gives way to another application: why.
    pub evicted: Option<Trouble>,
    /// Nothing is to be created for a while, since a create failed.
    pub held: Option<Held>,
    /// Whether a waiting application's sentence may be written anew although its reason is the same.
    pub refresh: bool,
}

impl Seen<'_> {
    /// The application's UID.
    pub fn uid(&self) -> &str {
        self.app.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The driver's pod, if this application owns it.
    pub fn own_driver(&self) -> Option<&PodSeen> {
        self.driver.as_ref().filter(|pod| pod.owner.as_deref() == Some(self.uid()))
    }

    /// All pods that this application owns.
    pub fn own_pods(&self) -> impl Iterator<Item = &PodSeen> {
        self.own_driver().into_iter().chain(&self.executors)
    }

    /// The state on record.
    pub fn state(&self) -> State {
        self.app.status.as_ref().map(|status| status.application_state.state).unwrap_or_default()
    }
}
