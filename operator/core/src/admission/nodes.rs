//! Room on real nodes: requests, readiness, cordons, node selectors, required node affinity and taints. First fit, pod by
//! pod; the executors of a gang are alike, so first fit finds a place for them whenever any order would. What else a
//! scheduler may ask (affinity to pods, spreading, volumes, ports) is not modelled here and left to kube-scheduler.

use std::collections::BTreeMap;

use crate::{requests::Others, seen::Trouble, size::Size};

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
    /// Resources beside CPU, memory and pods.
    pub others: Others,
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
    /// What is left of it.
    pub free: Size,
    /// What is left of other resources.
    pub others: Others,
}

impl Node {
    /// Takes a pod's requests off.
    pub fn take(&mut self, size: Size, others: &Others) {
        self.free = self.free.less(size);
        for (name, amount) in others {
            if let Some(free) = self.others.get_mut(name) {
                *free = free.saturating_sub(*amount);
            }
        }
    }

    /// The first resource beside CPU, memory and pods of which it has too little.
    fn lacks<'a>(&self, ask: &'a PodAsk) -> Option<&'a str> {
        let short = |(name, amount): &(&String, &u64)| self.others.get(*name).copied().unwrap_or(0) < **amount;
        ask.others.iter().find(short).map(|(name, _)| name.as_str())
    }

    /// Whether a pod that asks this may go to it, whatever room it has.
    pub fn accepts(&self, ask: &PodAsk) -> bool {
        self.usable
            && ask.node.as_ref().is_none_or(|name| *name == self.name)
            && ask.affinity.as_ref().is_none_or(|terms| terms.iter().any(|term| term.holds(self)))
            && ask.selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
            && self.taints.iter().all(|taint| ask.tolerations.iter().any(|tolerance| tolerance.covers(taint)))
    }
}

/// All nodes.
#[derive(Clone, Debug, Default)]
pub struct Nodes(pub Vec<Node>);

/// Who, what it asks, its size, and how many.
type Group<'a> = (&'static str, &'a PodAsk, Size, u32);

impl Nodes {
    /// Takes `size` off a node that accepts `ask`, if one has the room.
    pub fn place(&mut self, ask: &PodAsk, size: Size) -> bool {
        let place = self.find(ask, size);
        place.map(|place| self.0[place].take(size, &ask.others)).is_some()
    }

    fn find(&self, ask: &PodAsk, size: Size) -> Option<usize> {
        self.0.iter().position(|node| node.accepts(ask) && node.lacks(ask).is_none() && node.free.holds(size))
    }

    /// What is short for the first of all these that has no place beside the others. Takes nothing.
    pub fn shortage(&mut self, groups: &[Group<'_>]) -> Option<Trouble> {
        // What a node had is put back afterwards: there may be thousands of nodes, and few are touched.
        let mut before: Vec<(usize, Size, Others)> = Vec::new();
        let pods = groups.iter().flat_map(|group| (0..group.3).map(move |placed| (group, placed)));
        let short = pods.into_iter().find_map(|((who, ask, size, count), placed)| {
            let Some(place) = self.find(ask, *size) else {
                let message = self.explain(who, ask, *size, placed, *count);
                return Some(Trouble { reason: "InsufficientResources".into(), message });
            };
            before.push((place, self.0[place].free, self.0[place].others.clone()));
            self.0[place].take(*size, &ask.others);
            None
        });
        for (place, free, others) in before.into_iter().rev() {
            self.0[place].free = free;
            self.0[place].others = others;
        }
        short
    }

    fn explain(&self, who: &str, ask: &PodAsk, size: Size, placed: u32, count: u32) -> String {
        let which = if count > 1 { format!("{who} ({} of {count})", placed + 1) } else { who.to_string() };
        let accepting: Vec<&Node> = self.0.iter().filter(|node| node.accepts(ask)).collect();
        let usable = self.0.iter().filter(|node| node.usable).count();
        if accepting.is_empty() {
            return format!(
                "{which} has no node to go to: of {} nodes {usable} are ready, none matches its nodeSelector, node affinity and tolerations",
                self.0.len()
            );
        }
        if let (true, Some(name)) =
            (accepting.iter().all(|node| node.lacks(ask).is_some()), accepting.iter().find_map(|node| node.lacks(ask)))
        {
            let most = accepting.iter().filter_map(|node| node.others.get(name)).max().copied().unwrap_or(0);
            let needed = ask.others.get(name).copied().unwrap_or(0);
            return format!("{which} needs {name} {needed}, and no node has that free: the most is {most}");
        }
        // The node that comes closest says most.
        let worst = |there: Size| there.short_of(size).first().map_or(0.0, |short| short.share);
        let by = |room: fn(&Node) -> Size| {
            accepting.iter().copied().min_by(|a, b| worst(room(a)).total_cmp(&worst(room(b))))
        };
        if let Some(node) = by(|node| node.allocatable)
            && let Some(short) = node.allocatable.short_of(size).first()
        {
            return format!(
                "{which} needs {} {}, more than any node has: the largest, {}, has {}, {} too little",
                short.resource, short.needed, node.name, short.there, short.missing
            );
        }
        match by(|node| node.free).and_then(|node| Some((node, node.free.short_of(size).into_iter().next()?))) {
            Some((node, short)) => format!(
                "{which} needs {} {}, and no node has that free now: the closest, {}, has {}, {} too little",
                short.resource, short.needed, node.name, short.there, short.missing
            ),
            None => format!("{which} does not fit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GI: u64 = 1 << 30;

    fn node(name: &str, cpu: u64, memory: u64) -> Node {
        let size = Size { cpu, memory: memory * GI, pods: 110 };
        Node { name: name.into(), usable: true, allocatable: size, free: size, ..Node::default() }
    }

    #[test]
    fn more_memory_than_any_node_has_is_said_with_the_amount() {
        let mut nodes = Nodes(vec![node("a", 2000, 8), node("b", 2000, 24)]);
        let trouble =
            nodes.shortage(&[("an executor", &PodAsk::default(), Size::pod(100, 900 * GI), 2)]).expect("short");
        assert_eq!(
            trouble.message,
            "an executor (1 of 2) needs memory 900Gi, more than any node has: the largest, b, has 24Gi, 876Gi too little"
        );
    }

    #[test]
    fn what_is_taken_now_is_told_apart_from_what_never_fits() {
        let mut nodes = Nodes(vec![node("a", 2000, 8)]);
        let trouble = nodes.shortage(&[("an executor", &PodAsk::default(), Size::pod(1500, GI), 2)]).expect("short");
        assert!(
            trouble.message.contains(
                "(2 of 2) needs cpu 1500m, and no node has that free now: the closest, a, has 500m, 1 too little"
            ),
            "{}",
            trouble.message
        );
    }

    #[test]
    fn asking_takes_nothing() {
        let mut nodes = Nodes(vec![node("a", 2000, 8), node("b", 2000, 8)]);
        let free = |nodes: &Nodes| nodes.0.iter().map(|node| node.free).collect::<Vec<_>>();
        let before = free(&nodes);
        let ask = PodAsk::default();
        assert!(nodes.shortage(&[("an executor", &ask, Size::pod(900, GI), 4)]).is_none());
        assert!(nodes.shortage(&[("an executor", &ask, Size::pod(900, GI), 5)]).is_some());
        assert_eq!(free(&nodes), before);
    }

    #[test]
    fn taints_cordons_and_selectors_keep_pods_away() {
        let ask = PodAsk::default();
        let mut tainted = node("a", 2000, 8);
        tainted.taints = vec![Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() }];
        let mut nodes = Nodes(vec![tainted]);
        assert!(!nodes.place(&ask, Size::pod(1, 1)));
        let tolerant = PodAsk {
            tolerations: vec![Tolerance { key: Some("gpu".into()), ..Tolerance::default() }],
            ..PodAsk::default()
        };
        assert!(nodes.place(&tolerant, Size::pod(1, 1)));
        nodes.0[0].usable = false;
        assert!(!nodes.place(&tolerant, Size::pod(1, 1)));
        let picky = PodAsk { selector: [("disk".to_string(), "ssd".to_string())].into(), ..PodAsk::default() };
        let trouble =
            Nodes(vec![node("b", 1, 1)]).shortage(&[("the driver", &picky, Size::pod(1, 1), 1)]).expect("short");
        assert!(trouble.message.contains("none matches its nodeSelector"), "{}", trouble.message);
    }

    #[test]
    fn one_term_of_a_required_affinity_must_hold_with_all_its_expressions() {
        let expression = |key: &str, operator: &str, values: &[&str]| Expression {
            key: key.into(),
            operator: operator.into(),
            values: values.iter().map(|value| value.to_string()).collect(),
        };
        let mut here = node("a", 1000, 1);
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
        assert!(here.accepts(&ask) && !node("b", 1000, 1).accepts(&ask));
    }

    #[test]
    fn a_gpu_that_is_taken_is_said() {
        let ask = PodAsk { others: [("nvidia.com/gpu".to_string(), 1)].into(), ..PodAsk::default() };
        let mut with = node("a", 2000, 8);
        with.others = [("nvidia.com/gpu".to_string(), 1)].into();
        let mut nodes = Nodes(vec![node("b", 2000, 8), with]);
        let trouble = nodes.shortage(&[("an executor", &ask, Size::pod(1, 1), 2)]).expect("short");
        assert_eq!(
            trouble.message,
            "an executor (2 of 2) needs nvidia.com/gpu 1, and no node has that free: the most is 0"
        );
    }
}
