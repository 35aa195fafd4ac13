//! Room on real nodes: requests, readiness, cordons, node selectors and taints. First fit, pod by pod; the executors of a
//! gang are alike, so first fit finds a place for them whenever any order would. What else a scheduler may ask (affinity,
//! volumes, ports) is not modelled here and left to kube-scheduler.

use std::collections::BTreeMap;

use crate::{seen::Trouble, size::Size};

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
#[derive(Clone, Debug, Default)]
pub struct PodAsk {
    /// Labels.
    pub selector: BTreeMap<String, String>,
    /// Taints it tolerates.
    pub tolerations: Vec<Tolerance>,
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
}

impl Node {
    fn accepts(&self, ask: &PodAsk) -> bool {
        self.usable
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
        let node = self.0.iter_mut().find(|node| node.accepts(ask) && node.free.holds(size));
        node.map(|node| node.free = node.free.less(size)).is_some()
    }

    /// Places all, or says what is short for the first that has no place.
    pub fn place_all(&mut self, groups: &[Group<'_>]) -> Option<Trouble> {
        for (who, ask, size, count) in groups {
            for placed in 0..*count {
                if !self.place(ask, *size) {
                    let message = self.explain(who, ask, *size, placed, *count);
                    return Some(Trouble { reason: "InsufficientResources".into(), message });
                }
            }
        }
        None
    }

    fn explain(&self, who: &str, ask: &PodAsk, size: Size, placed: u32, count: u32) -> String {
        let which = if count > 1 { format!("{who} ({} of {count})", placed + 1) } else { who.to_string() };
        let accepting: Vec<&Node> = self.0.iter().filter(|node| node.accepts(ask)).collect();
        let usable = self.0.iter().filter(|node| node.usable).count();
        if accepting.is_empty() {
            return format!(
                "{which} has no node to go to: of {} nodes {usable} are ready, none matches its nodeSelector and tolerations",
                self.0.len()
            );
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
            nodes.place_all(&[("an executor", &PodAsk::default(), Size::pod(100, 900 * GI), 2)]).expect("short");
        assert_eq!(
            trouble.message,
            "an executor (1 of 2) needs memory 900Gi, more than any node has: the largest, b, has 24Gi, 876Gi too little"
        );
    }

    #[test]
    fn what_is_taken_now_is_told_apart_from_what_never_fits() {
        let mut nodes = Nodes(vec![node("a", 2000, 8)]);
        let trouble = nodes.place_all(&[("an executor", &PodAsk::default(), Size::pod(1500, GI), 2)]).expect("short");
        assert!(
            trouble.message.contains(
                "(2 of 2) needs cpu 1500m, and no node has that free now: the closest, a, has 500m, 1 too little"
            ),
            "{}",
            trouble.message
        );
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
            Nodes(vec![node("b", 1, 1)]).place_all(&[("the driver", &picky, Size::pod(1, 1), 1)]).expect("short");
        assert!(trouble.message.contains("none matches its nodeSelector"), "{}", trouble.message);
    }
}
