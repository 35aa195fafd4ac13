//! Whether a gang (the driver and its minimum of executors) has room: in its namespace's quotas and on real nodes. Answers
//! with the resource that is short and by how much; whether to wait is the life cycle's business.

pub mod nodes;
pub mod quota;

pub use nodes::{Expression, Node, Nodes, PodAsk, Taint, Term, Tolerance};
pub use quota::Quota;

use crate::{seen::Trouble, workload::Workload};

/// Where pods can go.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// The nodes, with what others hold taken off.
    pub nodes: Nodes,
    /// The namespace's quotas.
    pub quotas: Vec<Quota>,
}

impl Room {
    /// `None` when the gang fits, else what is short.
    pub fn shortage(&self, workload: &Workload) -> Option<Trouble> {
        let quota = self.quotas.iter().find_map(|quota| quota.shortage(workload));
        quota.or_else(|| {
            let pods = [
                ("the driver", &workload.driver.ask, workload.driver.request, 1),
                ("an executor", &workload.executor.ask, workload.executor.request, workload.minimum),
            ];
            self.nodes.clone().place_all(&pods)
        })
    }
}
