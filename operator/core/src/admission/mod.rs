//! Whether a gang (the driver and its minimum of executors) has room: in its namespace's quotas and on real nodes. Answers
//! with the resource that is short and by how much; whether to wait is the life cycle's business.

pub mod nodes;
pub mod quota;

pub use nodes::{Node, Nodes, PodAsk, Taint, Tolerance};
pub use quota::Quota;

use crate::{seen::Trouble, size::Size, workload::Workload};

/// Where pods can go.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// The nodes, with what others hold taken off.
    pub nodes: Nodes,
    /// The namespace's quotas.
    pub quotas: Vec<Quota>,
}

/// What a gang asks of nodes beyond its size.
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    /// The driver's.
    pub driver: PodAsk,
    /// The executors'.
    pub executor: PodAsk,
}

impl Room {
    /// `None` when the gang fits, else what is short.
    pub fn shortage(&self, workload: &Workload, constraints: &Constraints) -> Option<Trouble> {
        let quota = self.quotas.iter().find_map(|quota| quota.shortage(workload));
        quota.or_else(|| {
            let pods = [
                ("the driver", &constraints.driver, workload.driver.request, 1),
                ("an executor", &constraints.executor, workload.executor.request, workload.minimum),
            ];
            self.nodes.clone().place_all(&pods)
        })
    }
}

/// What a gang takes of its namespace's quotas.
pub fn gang_limits(workload: &Workload) -> Size {
    workload.driver.limit + workload.executor.limit * u64::from(workload.minimum)
}
