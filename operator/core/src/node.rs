//! What keeps a pod from a node whatever room there is: readiness, cordons, node selectors, required node affinity and taints.
//! What else a scheduler may ask (affinity to pods, spreading, volumes, ports) is left to kube-scheduler.

use std::collections::BTreeMap;

use crate::{requests::Others, size::Size};

/// A taint that keeps pods away (NoSchedule or NoExecute).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NoSchedule` or `NoExecute`.
    pub effect: String,
}

/// A toleration of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// The key; `None` tolerates all.
    pub key: Option<String>,
    /// The value; `None` means operator Exists.
    pub value: Option<String>,
    /// The effect; `None` means all.
    pub effect: Option<String>,
}

impl Tolerance {
    fn covers(&self, taint: &Taint) -> bool {
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
            && self.effect.as_ref().is_none_or(|effect| *effect == taint.effect)
    }
}

/// What a pod asks of its node beside room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodAsk {
    /// Labels.
    pub selector: BTreeMap<String, String>,
    /// Taints it tolerates.
    pub tolerations: Vec<Tolerance>,
    /// Terms of which one must hold, where any are given.
    pub affinity: Option<Vec<Term>>,
    /// The one node it names.
    pub node: Option<String>,
}

/// A term of a required node affinity: all of its expressions must hold; one without any never does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Term {
    /// On labels.
    pub labels: Vec<Expression>,
    /// On the node's name.
    pub names: Vec<Expression>,
}

/// One expression of a term.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    /// The label, or `metadata.name`.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    pub operator: String,
    /// What it is compared with.
    pub values: Vec<String>,
}

impl Expression {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = || value.is_some_and(|value| self.values.iter().any(|one| one == value));
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let pair = || number(value).zip(number(self.values.first().map(String::as_str)));
        match self.operator.as_str() {
            "In" => among(),
            "NotIn" => !among(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => pair().is_some_and(|(there, bound)| there > bound),
            "Lt" => pair().is_some_and(|(there, bound)| there < bound),
            // The API server refuses any other.
            _ => false,
        }
    }
}

impl Term {
    fn holds(&self, node: &Node) -> bool {
        let label = |expression: &Expression| expression.holds(node.labels.get(&expression.key).map(String::as_str));
        let name = |expression: &Expression| expression.holds(Some(&node.name));
        let empty = self.labels.is_empty() && self.names.is_empty();
        !empty && self.labels.iter().all(label) && self.names.iter().all(name)
    }
}

/// A node.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it is ready and not cordoned.
    pub usable: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// What pods may have of it in all.
    pub allocatable: Size,
    /// The same of other resources.
    pub others: Others,
}

impl Node {
    /// Whether a pod that asks this may go to it, whatever room it has.
    pub fn accepts(&self, ask: &PodAsk) -> bool {
        self.usable
            && ask.node.as_ref().is_none_or(|name| *name == self.name)
            && ask.affinity.as_ref().is_none_or(|terms| terms.iter().any(|term| term.holds(self)))
            && ask.selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
            && self.taints.iter().all(|taint| ask.tolerations.iter().any(|tolerance| tolerance.covers(taint)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node { name: name.into(), usable: true, ..Node::default() }
    }

    #[test]
    fn taints_cordons_and_selectors_keep_pods_away() {
        let ask = PodAsk::default();
        let mut tainted = node("a");
        tainted.taints = vec![Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() }];
        assert!(!tainted.accepts(&ask));
        let tolerant = PodAsk {
            tolerations: vec![Tolerance { key: Some("gpu".into()), ..Tolerance::default() }],
            ..PodAsk::default()
        };
        assert!(tainted.accepts(&tolerant));
        tainted.usable = false;
        assert!(!tainted.accepts(&tolerant));
        let picky = PodAsk { selector: [("disk".to_string(), "ssd".to_string())].into(), ..PodAsk::default() };
        assert!(node("b").accepts(&ask) && !node("b").accepts(&picky));
    }

    #[test]
    fn one_term_of_a_required_affinity_must_hold_with_all_its_expressions() {
        let expression = |key: &str, operator: &str, values: &[&str]| Expression {
            key: key.into(),
            operator: operator.into(),
            values: values.iter().map(|value| value.to_string()).collect(),
        };
        let mut here = node("a");
        here.labels = [("zone".to_string(), "z1".to_string()), ("cores".to_string(), "8".to_string())].into();
        let holds = |labels: Vec<Expression>| {
            let ask = PodAsk { affinity: Some(vec![Term { labels, names: vec![] }]), ..PodAsk::default() };
            here.accepts(&ask)
        };
        assert!(holds(vec![expression("zone", "In", &["z1", "z2"]), expression("cores", "Gt", &["4"])]));
        assert!(!holds(vec![expression("zone", "In", &["z1"]), expression("cores", "Lt", &["4"])]));
        assert!(!holds(vec![expression("zone", "NotIn", &["z1"])]));
        assert!(holds(vec![expression("gpu", "DoesNotExist", &[]), expression("zone", "Exists", &[])]));
        assert!(!holds(vec![]), "a term that says nothing matches nothing");
        let named = Term { labels: vec![], names: vec![expression("metadata.name", "In", &["a"])] };
        let ask = PodAsk { affinity: Some(vec![Term::default(), named]), ..PodAsk::default() };
        assert!(here.accepts(&ask) && !node("b").accepts(&ask));
    }
}
