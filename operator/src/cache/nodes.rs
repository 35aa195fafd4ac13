//! All nodes of the cluster, trimmed to what placing a pod needs.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::runtime::watcher::Event;
use onager_core::{
    Size,
    admission::{Node, Taint},
    quantity,
};

/// All nodes by name.
#[derive(Default)]
pub struct Nodes {
    items: HashMap<String, Record>,
    listing: Option<Vec<String>>,
}

struct Record {
    node: Node,
    ready: bool,
}

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
        let record = read(name.clone(), node);
        let old = self.items.insert(name.clone(), record);
        let new = self.items.get(&name)?;
        let same = old.is_some_and(|old| {
            old.ready == new.ready && old.node.usable == new.node.usable && old.node.allocatable == new.node.allocatable
        });
        (!same).then_some(name)
    }

    /// Whether a node answers; one that is not known does not.
    pub fn is_ready(&self, name: &str) -> bool {
        self.items.get(name).is_some_and(|record| record.ready)
    }

    /// All nodes, all of their room free.
    pub fn all(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = self.items.values().map(|record| record.node.clone()).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }
}

fn read(name: String, node: &KubeNode) -> Record {
    let status = node.status.as_ref();
    let spec = node.spec.as_ref();
    let ready = status.and_then(|status| status.conditions.as_ref()).is_some_and(|conditions| {
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    let amount = |resource: &str, parse: fn(&str) -> Option<u64>| {
        let allocatable = status.and_then(|status| status.allocatable.as_ref());
        allocatable.and_then(|allocatable| allocatable.get(resource)).and_then(|amount| parse(&amount.0)).unwrap_or(0)
    };
    let allocatable = Size {
        cpu: amount("cpu", quantity::milli),
        memory: amount("memory", quantity::whole),
        pods: amount("pods", quantity::whole),
    };
    let taints = spec.and_then(|spec| spec.taints.as_ref()).into_iter().flatten();
    let taints = taints.filter(|taint| taint.effect != "PreferNoSchedule").map(|taint| Taint {
        key: taint.key.clone(),
        value: taint.value.clone().unwrap_or_default(),
        effect: taint.effect.clone(),
    });
    let node = Node {
        name,
        usable: ready && !spec.and_then(|spec| spec.unschedulable).unwrap_or(false),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        taints: taints.collect(),
        allocatable,
        free: allocatable,
    };
    Record { node, ready }
}
