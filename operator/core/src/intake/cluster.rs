//! Nodes and quotas as decisions take them.

use k8s_openapi::api::core::v1::{Node as KubeNode, ResourceQuota};

use super::{Unreadable, amount};
use crate::{
    admission::{Node, Taint},
    queue::{
        Amounts, Kinds, Site,
        quota::{NamespaceQuota, QuotaLimit},
    },
};

/// A node. One that says nothing of its readiness is ready; one that does not say what is allocatable offers its capacity.
///
/// # Errors
/// When an amount cannot be read.
pub fn site(node: &KubeNode, kinds: &mut Kinds) -> Result<Site, Unreadable> {
    let status = node.status.clone().unwrap_or_default();
    let spec = node.spec.clone().unwrap_or_default();
    let mut allocatable = Amounts::default();
    for (resource, quantity) in status.allocatable.or(status.capacity).unwrap_or_default() {
        allocatable.set(kinds.intern(&resource), amount("status.allocatable", &resource, &quantity.0)?);
    }
    let mut conditions = status.conditions.iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready").is_none_or(|ready| ready.status == "True");
    let taints = spec.taints.unwrap_or_default().into_iter().filter(|taint| taint.effect != "PreferNoSchedule");
    let taint = |taint: k8s_openapi::api::core::v1::Taint| Taint {
        key: taint.key,
        value: taint.value.unwrap_or_default(),
        effect: taint.effect,
    };
    let node = Node {
        name: node.metadata.name.clone().unwrap_or_default(),
        usable: ready && !spec.unschedulable.unwrap_or(false),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        taints: taints.map(taint).collect(),
        ..Node::default()
    };
    Ok(Site { node, allocatable, foreign: Amounts::default() })
}

/// A quota; what others use of it is not known here. `None` where it does not count our pods: they have requests and no
/// deadline, and scopes by priority class are not looked at.
///
/// # Errors
/// When an amount cannot be read.
pub fn quota(quota: &ResourceQuota, kinds: &mut Kinds) -> Result<Option<NamespaceQuota>, Unreadable> {
    let spec = quota.spec.clone().unwrap_or_default();
    let scopes = spec.scopes.unwrap_or_default();
    if spec.scope_selector.is_some()
        || !scopes.iter().all(|scope| scope == "NotBestEffort" || scope == "NotTerminating")
    {
        return Ok(None);
    }
    let mut limits = Vec::new();
    for (resource, quantity) in spec.hard.unwrap_or_default() {
        if let Some(counts) = QuotaLimit::counts(&resource, kinds) {
            let hard = amount("spec.hard", &resource, &quantity.0)?;
            limits.push(QuotaLimit { resource, counts, hard, foreign: 0 });
        }
    }
    Ok(Some(NamespaceQuota { name: quota.metadata.name.clone().unwrap_or_default(), limits }))
}
