//! A scenario from the documents of a file. Everything wrong in it is told at once, with the object's name.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use jiff::SignedDuration;
use k8s_openapi::api::{
    core::v1::{LimitRange, Node, ResourceQuota},
    scheduling::v1::PriorityClass,
};
use onager_core::{
    Workload,
    intake::{self, Classes, Habits},
    queue::{
        Snapshot, Stage,
        play::{self, Change, Job},
    },
};
use onager_crds::{Queue, SparkApplication, quantities_as_text};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::convert;

const PREFIX: &str = "onager.dev/simulated-";
/// How many nodes a file may make: more than any cluster has.
const MOST_NODES: u64 = 100_000;

/// What is to be played.
#[derive(Default)]
pub struct Scenario {
    /// Nodes, queues and quotas.
    pub snapshot: Snapshot,
    /// Applications, by name.
    pub jobs: Vec<Job>,
    /// Nodes that are lost, and when, in milliseconds.
    pub lost: Vec<(usize, i64)>,
    /// What somebody changes, and when, in milliseconds.
    pub changes: Vec<(Change, i64)>,
    /// What its author should know.
    pub notes: Vec<String>,
}

/// Reads the documents of a text.
///
/// # Errors
/// All that is wrong, a line each.
pub fn scenario(text: &str) -> Result<Scenario> {
    let text = convert::convert(text)?.text;
    let mut reader = Reader::default();
    let documents = convert::documents(&text)?;
    // What an application's pods take depends on the rest.
    let (applications, others): (Vec<Value>, Vec<Value>) =
        documents.into_iter().partition(|object| object.get("kind").is_some_and(|kind| kind == "SparkApplication"));
    for object in others.into_iter().chain(applications) {
        if let Err(error) = reader.take(object.clone()) {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let name = [text("/metadata/namespace"), text("/metadata/name")];
            let name = name.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
            reader.faults.push(format!("{} {name}: {error}", text("/kind")));
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    scenario: Scenario,
    classes: Classes,
    habits: BTreeMap<String, Habits>,
    applications: BTreeMap<(String, String), Job>,
    /// Nodes and after how long they are lost.
    lost: Vec<(usize, i64)>,
    faults: Vec<String>,
}

impl Reader {
    fn take(&mut self, mut object: Value) -> Result<()> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let (kind, group) = (text("/kind"), text("/apiVersion"));
        let marks = annotations(&object, &kind)?;
        if text("/metadata/name").is_empty() && !kind.is_empty() {
            bail!("metadata.name is missing");
        }
        let from = marks.get("from").map(|text| duration("from", text)).transpose()?;
        let snapshot = &mut self.scenario.snapshot;
        match (kind.as_str(), group.split('/').next().unwrap_or_default()) {
            ("Node", _) => return self.nodes(object, &marks),
            ("Queue", "onager.dev") => {
                let (name, spec) = intake::queue(&typed::<Queue>(&mut object)?, &mut snapshot.kinds)?;
                if let Some(after) = from {
                    self.scenario.changes.push((Change::Queue(name, spec), after));
                } else if snapshot.queues.insert(name, spec).is_some() {
                    bail!("it is there twice");
                }
            }
            ("ResourceQuota", _) => {
                let quota: ResourceQuota = typed(&mut object)?;
                let namespace = quota.metadata.namespace.clone().unwrap_or_else(|| "default".into());
                self.habits.entry(namespace.clone()).or_default().cpu_limits.add(&quota);
                match intake::quota(&quota, &mut snapshot.kinds)? {
                    Some(quota) => {
                        if let Some(after) = from {
                            self.scenario.changes.push((Change::Quota(namespace, quota), after));
                            return Ok(());
                        }
                        snapshot.quotas.entry(namespace).or_default().push(quota);
                    }
                    None => {
                        self.scenario.notes.push(format!("ResourceQuota {namespace}: its scopes leave our pods out"))
                    }
                }
            }
            ("LimitRange", _) => {
                let range: LimitRange = typed(&mut object)?;
                let namespace = range.metadata.namespace.clone().unwrap_or_else(|| "default".into());
                self.habits.entry(namespace).or_default().ranges.push(range);
            }
            ("PriorityClass", _) => {
                self.classes.add(&typed::<PriorityClass>(&mut object)?);
            }
            ("SparkApplication", "onager.dev") => return self.application(object, &marks),
            ("", _) => bail!("a document without a kind"),
            _ => self.scenario.notes.push(format!("{kind} {}: not looked at", text("/metadata/name"))),
        }
        Ok(())
    }

    fn nodes(&mut self, mut object: Value, marks: &BTreeMap<String, String>) -> Result<()> {
        let node: Node = typed(&mut object)?;
        let snapshot = &mut self.scenario.snapshot;
        let (node, faults) = intake::node(&node);
        if let Some(fault) = faults.into_iter().next() {
            bail!(fault);
        }
        let site = intake::site(node, &mut snapshot.kinds);
        let lost = marks.get("lost-after").map(|text| duration("lost-after", text)).transpose()?;
        let count = match marks.get("count") {
            None => None,
            Some(text) => Some(
                text.parse::<u64>()
                    .ok()
                    .filter(|count| (1..=MOST_NODES).contains(count))
                    .ok_or_else(|| anyhow!("annotation {PREFIX}count: {text:?} is no number from 1 to {MOST_NODES}"))?,
            ),
        };
        for number in 1..=count.unwrap_or(1) {
            let mut one = site.clone();
            if count.is_some() {
                one.node.name = format!("{}-{number}", site.node.name);
            }
            one.node.labels.insert("kubernetes.io/hostname".into(), one.node.name.clone());
            if snapshot.nodes.iter().any(|other| other.node.name == one.node.name) {
                bail!("there is a node {} already", one.node.name);
            }
            self.lost.extend(lost.map(|after| (snapshot.nodes.len(), after)));
            snapshot.nodes.push(one);
        }
        Ok(())
    }

    fn application(&mut self, mut object: Value, marks: &BTreeMap<String, String>) -> Result<()> {
        let app: SparkApplication = typed(&mut object)?;
        let snapshot = &mut self.scenario.snapshot;
        let dated = app.metadata.creation_timestamp.is_some();
        let habits = self.habits.entry(app.metadata.namespace.clone().unwrap_or_else(|| "default".into())).or_default();
        let workload = Workload::read(&app.spec)?;
        let (shapes, kinds) = (&mut snapshot.shapes, &mut snapshot.kinds);
        let mut app = intake::application(&app, &workload, &self.classes, habits, shapes, kinds)?;
        let runs = marks.get("duration").map(|text| duration("duration", text)).transpose()?;
        match marks.get("admitted").map(String::as_str) {
            Some("true") => app.stage = Stage::Admitted { since: app.created },
            Some("false") | None => {}
            Some(other) => bail!("annotation {PREFIX}admitted: {other:?} is neither \"true\" nor \"false\""),
        }
        let key = (app.name.namespace.clone(), app.name.name.clone());
        // Without a time of its creation it is there from the beginning.
        let arrives = if dated { app.created } else { i64::MIN };
        if self.applications.insert(key, Job { app, arrives, runs }).is_some() {
            bail!("it is there twice");
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Scenario> {
        let mut scenario = self.scenario;
        scenario.jobs = self.applications.into_values().collect();
        let start = scenario.jobs.iter().map(|job| job.arrives).filter(|at| *at != i64::MIN).min().unwrap_or(0);
        for job in scenario.jobs.iter_mut().filter(|job| job.arrives == i64::MIN) {
            job.arrives = start;
            job.app.created = start;
        }
        scenario.changes.iter_mut().for_each(|(_, at)| *at += start);
        scenario.lost = self.lost.into_iter().map(|(node, after)| (node, start + after)).collect();
        if self.faults.is_empty()
            && let Err(number) = play::seat(&scenario.snapshot, &mut scenario.jobs)
        {
            let name = &scenario.jobs[number].app.name;
            self.faults
                .push(format!("SparkApplication {name}: it is said to run, and nodes have no room for its gang"));
        }
        match self.faults.is_empty() {
            true => Ok(scenario),
            false => bail!("{}", self.faults.join("\n  ")),
        }
    }
}

/// Our annotations of an object, by what follows the prefix.
fn annotations(object: &Value, kind: &str) -> Result<BTreeMap<String, String>> {
    let known: &[&str] = match kind {
        "Node" => &["count", "lost-after"],
        "SparkApplication" => &["admitted", "duration"],
        "Queue" | "ResourceQuota" => &["from"],
        _ => &[],
    };
    let mut marks = BTreeMap::new();
    for (name, value) in object.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten() {
        let Some(mark) = name.strip_prefix(PREFIX) else { continue };
        if !known.contains(&mark) {
            bail!("annotation {name} is not known: a {kind} may have {}", known.join(", "));
        }
        // YAML reads what has no quotes as numbers and truth values; a cluster would refuse them.
        let text = value.as_str().map_or_else(|| value.to_string(), String::from);
        marks.insert(mark.to_string(), text);
    }
    Ok(marks)
}

fn typed<T: DeserializeOwned>(object: &mut Value) -> Result<T> {
    quantities_as_text(object);
    for list in ["guarantee", "capability"] {
        texts(object.pointer_mut(&format!("/spec/{list}")));
    }
    texts(object.pointer_mut("/spec/userLimits/capability"));
    texts(object.pointer_mut("/spec/hard"));
    texts(object.pointer_mut("/status/allocatable"));
    texts(object.pointer_mut("/status/capacity"));
    texts(object.pointer_mut("/metadata/annotations"));
    Ok(serde_json::from_value(object.take())?)
}

/// Numbers as text, where the API server takes both.
fn texts(list: Option<&mut Value>) {
    for value in list.and_then(Value::as_object_mut).into_iter().flat_map(|list| list.values_mut()) {
        if value.is_number() || value.is_boolean() {
            *value = value.to_string().into();
        }
    }
}

/// Milliseconds: `90s`, `1h30m`, or a number of seconds.
fn duration(name: &str, text: &str) -> Result<i64> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    let read = match seconds {
        Some(seconds) => SignedDuration::try_from_secs_f64(seconds).ok(),
        None => text.parse::<SignedDuration>().ok(),
    };
    read.filter(|time| !time.is_negative())
        .and_then(|time| i64::try_from(time.as_millis()).ok())
        .ok_or_else(|| anyhow!("annotation {PREFIX}{name}: {text:?} is no duration such as 90s, 5m or 1h30m"))
}
