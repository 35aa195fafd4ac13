//! All nodes of the cluster, trimmed to what placing a pod needs.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::runtime::watcher::Event;
use onager_core::{intake, node::Node};

/// All nodes by name.
#[derive(Default)]
pub struct Nodes {
    items: HashMap<String, Record>,
    listing: Option<Vec<String>>,
}

struct Record {
    node: Node,
    ready: bool,
    /// Since when nobody has heard of its kubelet.
    silent_since: Option<Timestamp>,
}

/// How long a kubelet may be silent, on top of the control plane's own patience, before its pods count as lost: after an
/// outage of the API server all are silent for a moment.
pub const SILENCE: Duration = Duration::from_secs(5);

impl Nodes {
    /// Takes in an event; answers the name of a node whose readiness or room changed.
    pub fn take_in(&mut self, event: &Event<KubeNode>) -> Option<String> {
        match event {
            Event::Init => {
                self.listing = Some(Vec::new());
                None
            }
            Event::InitApply(node) | Event::Apply(node) => self.insert(node, matches!(event, Event::InitApply(_))),
            Event::InitDone => {
                let seen = self.listing.take().unwrap_or_default();
                self.items.retain(|name, _| seen.contains(name));
                None
            }
            Event::Delete(node) => {
                let name = node.metadata.name.clone()?;
                self.items.remove(&name).map(|_| name)
            }
        }
    }

    fn insert(&mut self, node: &KubeNode, listed: bool) -> Option<String> {
        let name = node.metadata.name.clone()?;
        if let (true, Some(listing)) = (listed, &mut self.listing) {
            listing.push(name.clone());
        }
        let old = self.items.insert(name.clone(), read(node));
        let new = self.items.get(&name)?;
        let same = old.is_some_and(|old| {
            old.ready == new.ready
                && old.silent_since == new.silent_since
                && old.node.usable == new.node.usable
                && old.node.labels == new.node.labels
                && old.node.taints == new.node.taints
                && old.node.allocatable == new.node.allocatable
                && old.node.others == new.node.others
        });
        (!same).then_some(name)
    }

    /// Whether a node's kubelet answers. One that says it is not ready does, and its pods go on; one that is not known
    /// may be new, and the pods of one that is gone are collected by the control plane.
    pub fn answers(&self, name: &str, now: Timestamp) -> bool {
        let silent = self.items.get(name).and_then(|record| record.silent_since);
        silent.is_none_or(|since| now.duration_since(since) < SignedDuration::try_from(SILENCE).unwrap_or_default())
    }

    /// All nodes, all of their room free.
    pub fn all(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = self.items.values().map(|record| record.node.clone()).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }
}

fn read(node: &KubeNode) -> Record {
    let readiness = intake::readiness(node);
    // One of which no kubelet has spoken yet takes no pods.
    let ready = readiness.is_some_and(intake::is_ready);
    let silent = readiness.filter(|condition| condition.status == "Unknown");
    let silent_since = silent.and_then(|condition| condition.last_transition_time.as_ref()).map(|since| since.0);
    let (mut node, faults) = intake::node(node);
    for fault in faults {
        tracing::debug!(node = node.name, %fault, "counts as none");
    }
    node.usable &= ready;
    Record { node, ready, silent_since }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(status: &str) -> KubeNode {
        serde_json::from_value(serde_json::json!({"metadata": {"name": "n"}, "status": {"conditions": [
            {"type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}}))
        .expect("node")
    }

    #[test]
    fn only_a_node_that_is_silent_for_a_while_does_not_answer() {
        let at = |seconds: i64| {
            let since: Timestamp = "2026-01-01T00:00:00Z".parse().expect("time");
            since + SignedDuration::from_secs(seconds)
        };
        let mut nodes = Nodes::default();
        assert!(nodes.answers("n", at(0)), "one that is not known yet");
        nodes.take_in(&Event::Apply(node("False")));
        assert!(nodes.answers("n", at(3600)), "its kubelet speaks, and its pods go on");
        nodes.take_in(&Event::Apply(node("Unknown")));
        assert!(nodes.answers("n", at(1)) && !nodes.answers("n", at(6)));
    }
}
