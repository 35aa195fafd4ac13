//! Every decision of the operator, pure: what is seen and the time go in, a plan comes out. Nothing here knows a cluster,
//! a clock, a thread or chance, so that decisions can be tested by the million.

pub mod allocation;
pub mod conditions;
pub mod conf;
pub mod fields;
pub mod intake;
pub mod lifecycle;
pub mod node;
pub mod plan;
pub mod pod;
pub mod quantity;
pub mod queue;
pub mod requests;
pub mod rules;
pub mod schedule;
pub mod seen;
pub mod size;
pub mod workload;

pub use plan::{Action, Event, EventKind, Plan};
pub use seen::{Exit, Held, Phase, PodSeen, Role, Seen, SideKind, SideSeen, Trouble};
pub use size::Size;
pub use workload::{Refusal, Workload};

/// Limits that the operator's administrator sets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a driver may take from submission until it runs, and then wait for its executors.
    pub start_limit: std::time::Duration,
    /// How long the pods of a run may take to go before the next; a node that is gone for good keeps them for ever.
    pub going_limit: std::time::Duration,
    /// How often a waiting application is looked at again, if nothing else wakes it.
    pub queue_interval: std::time::Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = std::time::Duration::from_secs;
        Self { start_limit: seconds(300), going_limit: seconds(3_600), queue_interval: seconds(15) }
    }
}
