//! Whether a gang (the driver and its minimum of executors) has room: in its namespace's quotas and on real nodes. Answers
//! with the resource that is short and by how much; whether to wait is the life cycle's business.

pub mod nodes;
pub mod quota;

pub use nodes::{Expression, Node, Nodes, PodAsk, Taint, Term, Tolerance};
pub use quota::Quota;

use std::collections::HashMap;

use crate::{seen::Trouble, workload::Workload};

/// Where pods can go.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// The nodes, with what others hold taken off.
    pub nodes: Nodes,
    /// The quotas of each namespace.
    pub quotas: HashMap<String, Vec<Quota>>,
}

impl Room {
    /// `None` when the gang fits, else what is short. Takes nothing.
    pub fn shortage(&mut self, namespace: &str, workload: &Workload) -> Option<Trouble> {
        let quota = self.quotas.get(namespace).into_iter().flatten().find_map(|quota| quota.shortage(workload));
        quota.or_else(|| {
            self.nodes.shortage(&[
                ("the driver", &workload.driver.ask, workload.driver.request, 1),
                ("an executor", &workload.executor.ask, workload.executor.request, workload.minimum),
            ])
        })
    }

    /// Takes off what pods of an admitted application that are not there yet will use.
    pub fn reserve(&mut self, namespace: &str, workload: &Workload, driver: bool, executors: u32) {
        if driver {
            self.nodes.place(&workload.driver.ask, workload.driver.request);
        }
        for _ in 0..executors {
            self.nodes.place(&workload.executor.ask, workload.executor.request);
        }
        for quota in self.quotas.get_mut(namespace).into_iter().flatten() {
            quota.reserve(workload, driver, executors);
        }
    }
}
