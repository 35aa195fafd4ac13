//! Nodes and quotas as decisions take them.

use k8s_openapi::api::core::v1::{Node as KubeNode, NodeCondition, ResourceQuota, ResourceQuotaSpec};

use super::{Unreadable, amount, amounts};
use crate::{
    node::{Node, Taint},
    queue::{
        Amounts, Kinds, Site,
        quota::{NamespaceQuota, OfClass, QuotaLimit},
    },
};

/// A node, and what of it cannot be read, which counts as none. One that says nothing of its readiness is ready; one that does
/// not say what is allocatable offers its capacity.
pub fn node(node: &KubeNode) -> (Node, Vec<Unreadable>) {
    let (status, spec) = (node.status.as_ref(), node.spec.as_ref());
    let mut read = Node {
        name: node.metadata.name.clone().unwrap_or_default(),
        usable: readiness(node).is_none_or(is_ready) && spec.and_then(|spec| spec.unschedulable) != Some(true),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        ..Node::default()
    };
    let taints = spec.and_then(|spec| spec.taints.as_ref()).into_iter().flatten();
    read.taints.extend(taints.filter(|taint| taint.effect != "PreferNoSchedule").map(|taint| Taint {
        key: taint.key.clone(),
        value: taint.value.clone().unwrap_or_default(),
        effect: taint.effect.clone(),
    }));
    let mut faults = Vec::new();
    let offers = status.and_then(|status| status.allocatable.as_ref().or(status.capacity.as_ref()));
    for (resource, quantity) in offers.into_iter().flatten() {
        let Some(amount) = amount("status.allocatable", resource, &quantity.0).map_err(|fault| faults.push(fault)).ok()
        else {
            continue;
        };
        match resource.as_str() {
            "cpu" => read.allocatable.cpu = amount,
            "memory" => read.allocatable.memory = amount,
            "pods" => read.allocatable.pods = amount,
            _ => drop(read.others.insert(resource.clone(), amount)),
        }
    }
    (read, faults)
}

/// What a node says of its readiness.
pub fn readiness(node: &KubeNode) -> Option<&NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == "Ready")
}

/// Whether that says it is ready.
pub fn is_ready(condition: &NodeCondition) -> bool {
    condition.status == "True"
}

/// A node with all of its room free.
pub fn site(node: Node, kinds: &mut Kinds) -> Site {
    let allocatable = amounts(node.allocatable, &node.others, kinds);
    Site { node, allocatable, foreign: Amounts::default() }
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

/// For which pods of a namespace quotas make CPU limits compulsory: by the priority classes that each counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuLimits(Vec<Vec<OfClass>>);

impl CpuLimits {
    /// Adds a quota.
    pub fn add(&mut self, quota: &ResourceQuota) {
        let Some(spec) = &quota.spec else { return };
        if spec.hard.as_ref().is_some_and(|hard| hard.contains_key("limits.cpu")) {
            self.0.extend(classes(spec));
        }
    }

    /// Whether a pod of a class must have one.
    pub fn hold(&self, class: Option<&str>) -> bool {
        self.0.iter().any(|classes| classes.iter().all(|one| one.counts(class)))
    }
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
    use crate::size::Size;

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

    #[test]
    fn a_quota_makes_cpu_limits_compulsory_for_the_pods_it_counts() {
        let quota = |spec: serde_json::Value| {
            let mut limits = CpuLimits::default();
            limits.add(
                &serde_json::from_value(serde_json::json!({"metadata": {"name": "q"}, "spec": spec})).expect("quota"),
            );
            limits
        };
        let scope = serde_json::json!({"scopeName": "PriorityClass", "operator": "In", "values": ["high"]});
        let high = quota(serde_json::json!(
            {"hard": {"limits.cpu": "8"}, "scopeSelector": {"matchExpressions": [scope]}}
        ));
        assert_eq!([Some("high"), Some("low"), None].map(|class| high.hold(class)), [true, false, false]);
        assert!(quota(serde_json::json!({"hard": {"limits.cpu": "8"}})).hold(None));
        assert!(!quota(serde_json::json!({"hard": {"limits.memory": "8Gi"}})).hold(None));
        assert!(!quota(serde_json::json!({"hard": {"limits.cpu": "8"}, "scopes": ["Terminating"]})).hold(None));
    }

    #[test]
    fn what_cannot_be_read_of_a_node_counts_as_none_and_is_told() {
        let read = |object: serde_json::Value| node(&serde_json::from_value(object).expect("a node"));
        let (odd, faults) = read(serde_json::json!({
            "metadata": {"name": "n"}, "spec": {"taints": [{"key": "a", "effect": "PreferNoSchedule"}]},
            "status": {"allocatable": {"cpu": "1500m", "memory": "lots", "pods": "9", "nvidia.com/gpu": "2"}},
        }));
        assert_eq!(odd.allocatable, Size { cpu: 1500, memory: 0, pods: 9 });
        assert_eq!((odd.others["nvidia.com/gpu"], odd.usable, odd.taints.len()), (2, true, 0));
        assert_eq!(faults.len(), 1, "{faults:?}");
        let down = serde_json::json!({
            "status": {"capacity": {"pods": "7"}, "conditions": [{"type": "Ready", "status": "Unknown"}]},
        });
        let (down, _) = read(down);
        assert_eq!((down.usable, down.allocatable.pods), (false, 7));
    }
}
