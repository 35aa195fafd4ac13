//! What of a pod decides on which nodes it can go, beside room: selector, tolerations, required node affinity, and a node that
//! it names. Affinity to other pods, spreading and volumes are left to the scheduler.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Toleration};

use crate::node::{Expression, PodAsk, Term, Tolerance};

/// What a pod asks of its node.
pub fn ask(spec: &PodSpec) -> PodAsk {
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    PodAsk {
        selector: spec.node_selector.clone().unwrap_or_default(),
        tolerations: spec.tolerations.iter().flatten().map(tolerance).collect(),
        affinity: required.map(|required| required.node_selector_terms.iter().map(term).collect()),
        node: spec.node_name.clone(),
    }
}

fn tolerance(toleration: &Toleration) -> Tolerance {
    let exists = toleration.operator.as_deref() == Some("Exists");
    Tolerance {
        key: toleration.key.clone().filter(|key| !key.is_empty()),
        value: toleration.value.clone().filter(|_| !exists).or_else(|| {
            // Operator Equal, the default, without a value means the empty one; without a key all are tolerated.
            (!exists && toleration.key.is_some()).then(String::new)
        }),
        effect: toleration.effect.clone().filter(|effect| !effect.is_empty()),
    }
}

fn term(term: &NodeSelectorTerm) -> Term {
    let read = |requirements: &Option<Vec<NodeSelectorRequirement>>| -> Vec<Expression> {
        let expression = |requirement: &NodeSelectorRequirement| Expression {
            key: requirement.key.clone(),
            operator: requirement.operator.clone(),
            values: requirement.values.clone().unwrap_or_default(),
        };
        requirements.iter().flatten().map(expression).collect()
    };
    Term { labels: read(&term.match_expressions), names: read(&term.match_fields) }
}
