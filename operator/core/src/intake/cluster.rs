//! Nodes and quotas as decisions take them.

use k8s_openapi::api::core::v1::{Node as KubeNode, ResourceQuota, ResourceQuotaSpec};

use super::{Unreadable, amount};
use crate::{
    node::{Node, Taint},
    queue::{
        Amounts, Kinds, Site,
        quota::{NamespaceQuota, OfClass, QuotaLimit},
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
/// deadline, and no affinity to pods of other namespaces is looked at.
///
/// # Errors
/// When an amount cannot be read.
pub fn quota(quota: &ResourceQuota, kinds: &mut Kinds) -> Result<Option<NamespaceQuota>, Unreadable> {
    let spec = quota.spec.clone().unwrap_or_default();
    let Some(classes) = classes(&spec) else { return Ok(None) };
    let mut limits = Vec::new();
    for (resource, quantity) in spec.hard.unwrap_or_default() {
        if let Some(counts) = QuotaLimit::counts(&resource, kinds) {
            let hard = amount("spec.hard", &resource, &quantity.0)?;
            limits.push(QuotaLimit { resource, counts, classes: classes.clone(), hard, foreign: 0 });
        }
    }
    Ok(Some(NamespaceQuota { name: quota.metadata.name.clone().unwrap_or_default(), limits }))
}

/// The scopes of a quota by priority class; `None` where another scope leaves our pods out.
fn classes(spec: &ResourceQuotaSpec) -> Option<Vec<OfClass>> {
    let mut classes = Vec::new();
    let selector = spec.scope_selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten());
    let plain = spec.scopes.iter().flatten().map(|scope| (scope.as_str(), "Exists", Vec::new()));
    let selected =
        selector.map(|one| (one.scope_name.as_str(), one.operator.as_str(), one.values.clone().unwrap_or_default()));
    for (scope, operator, values) in plain.chain(selected) {
        match (scope, operator) {
            ("NotBestEffort" | "NotTerminating", "Exists") => {}
            ("PriorityClass", "In") => classes.push(OfClass::In(values)),
            ("PriorityClass", "NotIn") => classes.push(OfClass::NotIn(values)),
            ("PriorityClass", "Exists") => classes.push(OfClass::Some(true)),
            ("PriorityClass", "DoesNotExist") => classes.push(OfClass::Some(false)),
            _ => return None,
        }
    }
    Some(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spec: serde_json::Value) -> Option<Vec<OfClass>> {
        let read: ResourceQuota =
            serde_json::from_value(serde_json::json!({"metadata": {"name": "q"}, "spec": spec})).expect("quota");
        let quota = quota(&read, &mut Kinds::default()).expect("amounts");
        quota.map(|quota| quota.limits[0].classes.clone())
    }

    #[test]
    fn scopes_say_which_pods_count() {
        let with = |scope: &str, operator: &str| {
            let one = serde_json::json!({"scopeName": scope, "operator": operator, "values": ["high"]});
            read(serde_json::json!({"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [one]}}))
        };
        let high = vec!["high".to_string()];
        assert_eq!(with("PriorityClass", "In"), Some(vec![OfClass::In(high.clone())]));
        assert_eq!(with("PriorityClass", "NotIn"), Some(vec![OfClass::NotIn(high)]));
        assert_eq!(with("PriorityClass", "DoesNotExist"), Some(vec![OfClass::Some(false)]));
        assert_eq!(with("Terminating", "Exists"), None);
        assert_eq!(read(serde_json::json!({"hard": {"pods": "1"}, "scopes": ["NotBestEffort"]})), Some(vec![]));
        assert_eq!(read(serde_json::json!({"hard": {"pods": "1"}, "scopes": ["BestEffort"]})), None);
        let counts = |one: OfClass| [Some("high"), Some("low"), None].map(|class| one.counts(class));
        assert_eq!(counts(OfClass::In(vec!["high".into()])), [true, false, false]);
        assert_eq!(counts(OfClass::NotIn(vec!["high".into()])), [false, true, true]);
        assert_eq!(counts(OfClass::Some(true)), [true, true, false]);
    }
}
