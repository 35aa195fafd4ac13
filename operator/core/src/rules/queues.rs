//! Queues: what one may say by itself, what it means among those there are, and what the author of an application that names
//! one should know. Whether the tree stands is decided where the queues' own cycle decides it; here it is put into words. A
//! parent or queue that does not exist yet is a warning: objects are applied in any order.

use std::collections::BTreeMap;

use onager_crds::Queue;
use serde_json::Value;

use super::{At, Fault, Kind, Verdict, notation};
use crate::{
    intake,
    queue::{
        Amounts, Block, Kinds, Name, Snapshot,
        tree::{self, Tree, allows},
    },
};

/// The highest weight that the CRD takes.
const MOST_WEIGHT: i64 = 1_000_000;

/// Judges a Queue by itself.
pub(super) fn check(spec: &At<'_>, root: &At<'_>, verdict: &mut Verdict) {
    whole(spec.field("weight"), 1, MOST_WEIGHT, verdict);
    whole(spec.field("maxApplications"), 0, i32::MAX.into(), verdict);
    whole(spec.dig(&["userLimits", "maxApplications"]), 1, i32::MAX.into(), verdict);
    amounts(spec.dig(&["userLimits", "capability"]), verdict);
    let capability = amounts(spec.field("capability"), verdict);
    for (resource, (at, guaranteed)) in amounts(spec.field("guarantee"), verdict) {
        if let Some((_, limit)) = capability.get(resource).filter(|(_, limit)| guaranteed > *limit) {
            let mut kinds = Kinds::default();
            let kind = kinds.intern(resource);
            let [guaranteed, limit] = [guaranteed, *limit].map(|amount| kinds.show(kind, amount));
            at.fault(
                verdict,
                format!(
                    "is {guaranteed}, more than spec.capability[{resource}], {limit}: lower the one, or raise the other"
                ),
            );
        }
    }
    if let Some(at) = spec.field("parent") {
        let name = |field| root.dig(&["metadata", field]).map(|at| at.text()).unwrap_or_default();
        if let Some(wrong) = notation::queue(at.text()) {
            at.fault(verdict, wrong);
        } else if Name::read(at.text(), name("namespace")) == Name::new(name("namespace"), name("name")) {
            at.fault(verdict, "must be another queue: this is the queue itself");
        }
    }
    for at in spec.items_of("allowedNamespaces") {
        if at.text() != "*" && notation::label(at.text()).is_some() {
            at.fault(verdict, "must be the name of a namespace, or * for all");
        }
    }
}

fn whole(at: Option<At<'_>>, least: i64, most: i64, verdict: &mut Verdict) {
    if let Some(at) = at
        && !at.value.as_i64().is_some_and(|number| (least..=most).contains(&number))
    {
        at.fault(verdict, format!("must be a whole number from {least} to {most}"));
    }
}

/// The amounts of a list that can be read, and where they are.
fn amounts<'a>(list: Option<At<'a>>, verdict: &mut Verdict) -> BTreeMap<&'a str, (At<'a>, u64)> {
    let mut found = BTreeMap::new();
    for (resource, at) in list.iter().flat_map(At::entries) {
        let text = at.value.as_str().map_or_else(|| at.value.to_string(), str::to_string);
        if let Some((quota, rest)) =
            resource.split_once('.').filter(|(first, _)| matches!(*first, "requests" | "limits"))
        {
            at.fault(verdict, format!("queues count what pods request: say {rest}, without {quota}"));
        } else if let Some(wrong) = notation::key(resource) {
            at.fault(verdict, format!("is no resource: {wrong}"));
        } else if let Ok(amount) = intake::amount("", resource, &text) {
            found.insert(resource, (at, amount));
        } else {
            at.fault(verdict, format!("{text:?} is no amount such as 500m, 2 or 1.5Gi, and none is below zero"));
        }
    }
    found
}

/// Judges a Queue that is right by itself among those there are, itself as it was before included. What the cluster has is not
/// looked at: it comes and goes.
pub fn among(object: &Value, old: Option<&Value>, there: &[Queue]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut before = Snapshot::default();
    for queue in there {
        if let Ok((name, spec)) = intake::queue(queue, &mut before.kinds) {
            before.queues.insert(name, spec);
        }
    }
    let mut after = before.clone();
    let read = serde_json::from_value::<Queue>(object.clone()).map_err(|error| error.to_string());
    let read = read.and_then(|queue| intake::queue(&queue, &mut after.kinds).map_err(|unreadable| unreadable.0));
    let (own, spec) = match read {
        Ok(read) => read,
        Err(wrong) => {
            verdict.fault(Fault::new("spec", wrong));
            return verdict;
        }
    };
    after.queues.insert(own.clone(), spec);
    let (was, is) = (faults(&before), faults(&after));
    // Who moves nothing is not stopped by where the queue stands already.
    let stays = old.is_some_and(|old| old.pointer("/spec/parent") == object.pointer("/spec/parent"));
    for (name, fault) in &is {
        if *name == own {
            let path = if matches!(fault, tree::Fault::Guarantee { .. }) { "spec.guarantee" } else { "spec.parent" };
            let refused = matches!(fault, tree::Fault::Cycle(_) | tree::Fault::ParentNotAllowed(_)) && !stays;
            if refused {
                verdict.fault(Fault::new(path, fault.to_string()));
            } else {
                verdict.warning(format!("{path}: nothing is admitted as long as {fault}"));
            }
        } else if was.get(name) != Some(fault) && !matches!(fault, tree::Fault::Above(_)) {
            verdict.warning(format!("with this, queue {name} and those below it admit nothing: {fault}"));
        }
    }
    verdict
}

/// What is wrong with each queue, in a cluster that has everything.
fn faults(snapshot: &Snapshot) -> BTreeMap<Name, tree::Fault> {
    let mut cluster = Amounts::default();
    for (kind, _) in snapshot.queues.values().flat_map(|spec| spec.guarantee.some()) {
        cluster.set(kind, u64::MAX);
    }
    let tree = Tree::build(snapshot, &cluster);
    tree.all.into_iter().filter_map(|branch| Some((branch.name?, branch.fault?))).collect()
}

/// Judges what an application says of its queue.
pub(super) fn reference(spec: &At<'_>, verdict: &mut Verdict) {
    if let Some(at) = field(spec)
        && let Some(wrong) = notation::queue(at.text())
    {
        at.fault(verdict, wrong);
    }
}

/// The queue that an object's applications name, and the field that does; none where it is the same as in `old`.
pub fn named(object: &Value, kind: Kind, old: Option<&Value>) -> Option<(String, Name)> {
    let read = |object: &Value| {
        let spec = At::new("spec", object.get("spec").unwrap_or(&Value::Null));
        let spec = match kind {
            Kind::SparkApplication => spec,
            Kind::ScheduledSparkApplication => {
                At::new("spec.template", spec.value.get("template").unwrap_or(&Value::Null))
            }
            Kind::Queue => return None,
        };
        let at = field(&spec).filter(|at| !at.text().is_empty())?;
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        Some((at.path.clone(), Name::read(at.text(), namespace)))
    };
    let found = read(object)?;
    (old.and_then(read).as_ref() != Some(&found)).then_some(found)
}

/// `spec.queue` wins.
fn field<'a>(spec: &At<'a>) -> Option<At<'a>> {
    spec.field("queue").or_else(|| spec.dig(&["batchSchedulerOptions", "queue"]))
}

/// What the author of an application in `namespace` should know of the queue it names.
pub fn remark(name: &Name, namespace: &str, found: Option<&Queue>) -> Option<String> {
    let words = |block: Block| Some(block.message(&Tree::default(), &Kinds::default()));
    let Some(found) = found else { return words(Block::QueueMissing(name.clone())) };
    let (_, spec) = intake::queue(found, &mut Kinds::default()).ok()?;
    let branch = tree::Branch { name: Some(name.clone()), spec, ..tree::Branch::default() };
    if !allows(&branch, namespace) {
        return words(Block::QueueNotAllowed(name.clone()));
    }
    if branch.spec.closed { words(Block::QueueClosed(name.clone())) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules;

    fn queue(name: &str, spec: Value) -> Value {
        let (namespace, name) = name.split_once('/').expect("a namespace");
        json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec,
        })
    }

    fn said(spec: Value) -> Vec<String> {
        let verdict = rules::check(&queue("team/etl", spec), Kind::Queue, None);
        verdict.faults.iter().map(ToString::to_string).collect()
    }

    fn there(queues: &[(&str, Value)]) -> Vec<Queue> {
        let read = |(name, spec): &(&str, Value)| serde_json::from_value(queue(name, spec.clone())).expect("a queue");
        queues.iter().map(read).collect()
    }

    #[test]
    fn a_queue_that_is_right_is_right() {
        let spec = json!({
            "parent": "platform/teams", "weight": 40, "guarantee": {"cpu": 4, "memory": "8Gi", "nvidia.com/gpu": "1"},
            "capability": {"cpu": "8", "memory": 17179869184_u64}, "allowedNamespaces": ["*", "team-a"], "maxApplications": 0,
            "userLimits": {"capability": {"cpu": "500m"}, "maxApplications": 1}, "order": "StrictFIFO",
        });
        assert_eq!(said(spec), Vec::<String>::new());
        assert_eq!(said(json!({})), Vec::<String>::new());
    }

    #[test]
    fn each_fault_names_its_field_and_all_come_at_once() {
        for (spec, path, words) in [
            (json!({"weight": 0}), "spec.weight", "from 1"),
            (json!({"weight": "40"}), "spec.weight", "whole number"),
            (json!({"maxApplications": -1}), "spec.maxApplications", "from 0"),
            (json!({"userLimits": {"maxApplications": 0}}), "spec.userLimits.maxApplications", "from 1"),
            (
                json!({"userLimits": {"capability": {"cpu": "x"}}}),
                "spec.userLimits.capability[cpu]",
                "\"x\" is no amount",
            ),
            (json!({"guarantee": {"cpu": "-1"}}), "spec.guarantee[cpu]", "below zero"),
            (json!({"guarantee": {"memory": -1}}), "spec.guarantee[memory]", "below zero"),
            (json!({"capability": {"requests.cpu": "1"}}), "spec.capability[requests.cpu]", "say cpu"),
            (json!({"capability": {"a b": "1"}}), "spec.capability[a b]", "no resource"),
            (
                json!({"guarantee": {"cpu": 3}, "capability": {"cpu": "2500m"}}),
                "spec.guarantee[cpu]",
                "is 3, more than",
            ),
            (json!({"parent": "etl"}), "spec.parent", "itself"),
            (json!({"parent": "team/etl"}), "spec.parent", "itself"),
            (json!({"parent": "Platform/teams"}), "spec.parent", "platform/teams"),
            (json!({"parent": "a/b/c"}), "spec.parent", "platform/teams"),
            (json!({"parent": ""}), "spec.parent", "platform/teams"),
            (json!({"allowedNamespaces": ["team-a", "team-*"]}), "spec.allowedNamespaces[1]", "namespace"),
        ] {
            let said = said(spec.clone());
            assert!(said.len() == 1 && said[0].starts_with(&format!("{path}: ")), "{spec}: {said:?}");
            assert!(said[0].contains(words), "{said:?} has no {words:?}");
        }
        assert_eq!(said(json!({"weight": 0, "parent": "etl", "guarantee": {"cpu": "x", "memory": "y"}})).len(), 4);
    }

    #[test]
    fn a_cycle_is_refused_by_way_of_queues_that_exist() {
        let there =
            there(&[("team/a", json!({"parent": "b"})), ("team/b", json!({"parent": "c"})), ("team/d", json!({}))]);
        let verdict = among(&queue("team/c", json!({"parent": "a"})), None, &there);
        let faults: Vec<String> = verdict.faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["spec.parent: it is above itself, by way of its parent team/a"]);
        assert_eq!(among(&queue("team/c", json!({"parent": "d"})), None, &there), Verdict::default());
    }

    #[test]
    fn who_is_in_a_cycle_already_may_change_the_rest() {
        let both = [("team/a", json!({"parent": "b"})), ("team/b", json!({"parent": "a"}))];
        let (old, new) =
            (queue("team/a", json!({"parent": "b"})), queue("team/a", json!({"parent": "b", "weight": 2})));
        let verdict = among(&new, Some(&old), &there(&both));
        assert!(verdict.faults.is_empty() && verdict.warnings[0].contains("above itself"), "{verdict:?}");
        let out = among(&queue("team/a", json!({})), Some(&old), &there(&both));
        assert_eq!(out, Verdict::default(), "and the way out is open");
    }

    #[test]
    fn a_parent_elsewhere_must_allow_it() {
        let there = there(&[
            ("platform/open", json!({"allowedNamespaces": ["team"]})),
            ("platform/shut", json!({"allowedNamespaces": ["other"]})),
        ]);
        assert_eq!(among(&queue("team/a", json!({"parent": "platform/open"})), None, &there), Verdict::default());
        let verdict = among(&queue("team/a", json!({"parent": "platform/shut"})), None, &there);
        assert_eq!(verdict.faults[0].path, "spec.parent");
        assert!(verdict.faults[0].message.contains("allowedNamespaces"), "{verdict:?}");
        // Whoever shuts their queue is told whom that stops.
        let child = self::there(&[
            ("platform/open", json!({"allowedNamespaces": ["team"]})),
            ("team/a", json!({"parent": "platform/open"})),
        ]);
        let verdict = among(&queue("platform/open", json!({})), None, &child);
        assert!(verdict.faults.is_empty() && verdict.warnings[0].contains("queue team/a"), "{verdict:?}");
    }

    #[test]
    fn what_time_may_heal_is_a_warning() {
        let missing = among(&queue("team/a", json!({"parent": "gone"})), None, &[]);
        assert!(missing.faults.is_empty(), "{missing:?}");
        assert_eq!(
            missing.warnings,
            ["spec.parent: nothing is admitted as long as its parent team/gone does not exist"]
        );

        let there = there(&[
            ("team/p", json!({"guarantee": {"cpu": 4}})),
            ("team/b", json!({"parent": "p", "guarantee": {"cpu": 3}})),
        ]);
        let own = among(&queue("team/c", json!({"parent": "p", "guarantee": {"cpu": 2}})), None, &there);
        assert!(own.faults.is_empty() && own.warnings[0].starts_with("spec.guarantee: "), "{own:?}");
        let sibling = among(&queue("team/a", json!({"parent": "p", "guarantee": {"cpu": 2}})), None, &there);
        assert!(sibling.faults.is_empty() && sibling.warnings[0].contains("with this, queue team/b"), "{sibling:?}");
        let parent = among(&queue("team/p", json!({"guarantee": {"cpu": 2}})), None, &there);
        assert!(parent.faults.is_empty() && parent.warnings[0].contains("with this, queue team/b"), "{parent:?}");
    }

    #[test]
    fn an_application_names_its_queue_in_either_field() {
        let app = |spec: Value| json!({"metadata": {"name": "etl", "namespace": "team"}, "spec": spec});
        let name = |spec: Value| named(&app(spec), Kind::SparkApplication, None);
        assert_eq!(name(json!({"queue": "etl"})), Some(("spec.queue".into(), Name::new("team", "etl"))));
        let options = json!({"queue": "platform/open"});
        let path = "spec.batchSchedulerOptions.queue";
        assert_eq!(name(json!({"batchSchedulerOptions": options})), Some((path.into(), Name::new("platform", "open"))));
        assert_eq!(name(json!({})), None);
        let same = app(json!({"queue": "etl", "image": "a"}));
        assert_eq!(named(&same, Kind::SparkApplication, Some(&app(json!({"queue": "etl"})))), None);
        let schedule = app(json!({"template": {"queue": "etl"}}));
        let found = named(&schedule, Kind::ScheduledSparkApplication, None).map(|(path, _)| path);
        assert_eq!(found.as_deref(), Some("spec.template.queue"));
    }

    #[test]
    fn the_author_of_an_application_is_told_of_a_queue_that_does_not_take_it() {
        let name = Name::new("platform", "etl");
        let found = |spec: Value| there(&[("platform/etl", spec)]).remove(0);
        let remark = |spec: Value| remark(&name, "team", Some(&found(spec))).unwrap_or_default();
        assert!(super::remark(&name, "team", None).is_some_and(|words| words.contains("does not exist")));
        assert!(remark(json!({})).contains("allowedNamespaces"));
        assert!(remark(json!({"allowedNamespaces": ["*"], "closed": true})).contains("is closed"));
        assert_eq!(remark(json!({"allowedNamespaces": ["team"]})), "");
    }
}
