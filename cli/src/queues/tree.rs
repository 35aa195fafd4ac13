//! Queues in the order of their tree, each a row. A parent that is not known stands in it by its name alone; queues that name
//! each other in a circle come last. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use onager_crds::{Condition, Queue, ResourceList};
use serde::Serialize;

use super::read::parent_of;

/// A queue in the tree.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its namespace and name.
    pub queue: String,
    /// That of the queue above it.
    pub parent: Option<String>,
    /// How many queues are above it.
    pub depth: usize,
    /// What is known of it; nothing of a parent that cannot be read.
    #[serde(flatten)]
    pub known: Option<Known>,
}

/// What is known of a queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Its part beside that of its siblings.
    pub weight: i64,
    /// What is held for it.
    pub guarantee: ResourceList,
    /// What it may have at the most.
    pub capability: ResourceList,
    /// What it uses.
    pub used: ResourceList,
    /// What it deserves.
    pub deserved: ResourceList,
    /// What it uses above that.
    pub borrowed: ResourceList,
    /// How many applications wait.
    pub queued: i32,
    /// How many are admitted.
    pub admitted: i32,
    /// Whether it takes applications; not known before the operator has looked at it.
    pub ready: Option<bool>,
    /// In one word why not.
    pub reason: Option<String>,
    /// In a sentence.
    pub message: Option<String>,
}

impl Known {
    /// Of a queue.
    pub fn of(queue: &Queue) -> Self {
        let status = queue.status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let refusal = ready.filter(|ready| ready.status != "True");
        let text = |text: fn(&Condition) -> &String| refusal.map(text).filter(|text| !text.is_empty()).cloned();
        Self {
            weight: queue.spec.weight.unwrap_or(1),
            guarantee: queue.spec.guarantee.clone(),
            capability: queue.spec.capability.clone(),
            queued: status.queued,
            admitted: status.admitted,
            ready: ready.map(|ready| ready.status == "True"),
            reason: text(|ready| &ready.reason),
            message: text(|ready| &ready.message),
            used: status.used,
            deserved: status.deserved,
            borrowed: status.borrowed,
        }
    }
}

/// The rows of a tree.
pub fn rows(queues: &BTreeMap<String, Queue>) -> Vec<Row> {
    let mut children: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut tops = BTreeSet::new();
    for (name, queue) in queues {
        match parent_of(queue) {
            None => drop(tops.insert(name.clone())),
            Some(parent) => {
                if !queues.contains_key(&parent) {
                    tops.insert(parent.clone());
                }
                children.entry(parent).or_default().push(name);
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut seen = BTreeSet::new();
    // Those in a circle are below no top.
    for start in tops.iter().chain(queues.keys()) {
        let mut stack = vec![(start.as_str(), 0)];
        while let Some((name, depth)) = stack.pop() {
            if !seen.insert(name.to_string()) {
                continue;
            }
            let queue = queues.get(name);
            rows.push(Row {
                queue: name.to_string(),
                parent: queue.and_then(parent_of),
                depth,
                known: queue.map(Known::of),
            });
            let below = children.get(name).into_iter().flatten();
            stack.extend(below.rev().map(|child| (*child, depth + 1)));
        }
    }
    rows
}
