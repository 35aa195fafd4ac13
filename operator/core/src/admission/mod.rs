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

    /// Takes off what the driver, if it is not made yet, and those executors of `most` that have room will use; answers how
    /// many these are.
    pub fn give(&mut self, namespace: &str, workload: &Workload, driver: bool, most: u32) -> u32 {
        let quotas = self.quotas.get_mut(namespace).map(Vec::as_mut_slice).unwrap_or_default();
        let most = quotas.iter().fold(most, |most, quota| quota.room_for(workload, driver, most));
        if driver {
            self.nodes.place(&workload.driver.ask, workload.driver.request);
        }
        let mut place = || self.nodes.place(&workload.executor.ask, workload.executor.request);
        let given = (0..most).take_while(|_| place()).count() as u32;
        for quota in quotas {
            quota.reserve(workload, driver, given);
        }
        given
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

#[cfg(test)]
mod tests {
    use onager_crds::SparkApplicationSpec;

    use super::*;
    use crate::Size;

    /// Driver and executors take 1 CPU each.
    fn workload() -> Workload {
        let spec: SparkApplicationSpec = serde_json::from_value(serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql",
            "dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 20},
        }))
        .expect("spec");
        Workload::read(&spec).expect("workload")
    }

    fn room(nodes: &[u64], pods: &str) -> Room {
        let free = |cpu: &u64| Size { pods: 100, ..Size::pod(cpu * 1000, 64 << 30) };
        let node = |cpu| Node { usable: true, allocatable: free(cpu), free: free(cpu), ..Node::default() };
        let quota = Quota::new("team", [("pods", pods)].into_iter(), |_| None);
        Room { nodes: Nodes(nodes.iter().map(node).collect()), quotas: [("alpha".into(), vec![quota])].into() }
    }

    #[test]
    fn as_many_executors_as_have_room_are_given_and_no_more_the_next_time() {
        let workload = workload();
        let mut short_of_nodes = room(&[2, 3], "100");
        assert_eq!(short_of_nodes.give("alpha", &workload, true, 3), 3);
        assert_eq!(short_of_nodes.give("alpha", &workload, false, 3), 1);
        assert_eq!(short_of_nodes.give("alpha", &workload, false, 3), 0);

        let mut short_of_quota = room(&[99], "5");
        assert_eq!(short_of_quota.give("alpha", &workload, true, 20), 4, "and the driver");
        assert_eq!(short_of_quota.give("alpha", &workload, false, 1), 0);
        assert_eq!(short_of_quota.give("beta", &workload, false, 7), 7, "another namespace has no quota");
    }
}
