//! What an object may say, and what it may not: all faults of it at once, each with the path of its field and what would
//! be right. Works on the object as it came, unknown fields included, since types drop what they do not know. Looks at the
//! object alone, and of Queues at those there are; never at the rest of the cluster. One look takes time in proportion to the object's size.

pub mod accounts;
mod application;
mod at;
mod conf;
pub mod defaults;
mod extent;
mod notation;
mod options;
pub mod patch;
mod pods;
pub mod queues;
mod references;
mod shape;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

use crate::schedule;
use at::At;

/// An answer names no more faults; who has so many looks at the whole object anyway.
const MOST_FAULTS: usize = 50;
/// An answer holds no more warnings, and none that is longer: API servers cut what goes beyond.
const MOST_WARNINGS: usize = 20;
const LONGEST_WARNING: usize = 250;

/// A kind of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SparkApplication`.
    SparkApplication,
    /// `ScheduledSparkApplication`.
    ScheduledSparkApplication,
    /// `Queue`.
    Queue,
}

impl Kind {
    /// The kind of that name in that API group.
    pub fn named(group: &str, kind: &str) -> Option<Self> {
        match (group, kind) {
            ("onager.dev", "SparkApplication") => Some(Self::SparkApplication),
            ("onager.dev", "ScheduledSparkApplication") => Some(Self::ScheduledSparkApplication),
            ("onager.dev", "Queue") => Some(Self::Queue),
            _ => None,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, such as `spec.driver.memory` or `spec.sparkConf[spark.master]`.
    pub path: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault of a field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.path, self.message)
    }
}

/// What is to be said about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// With any of these it is refused.
    pub faults: Vec<Fault>,
    /// What its author should know.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// Adds what another look found.
    pub fn add(&mut self, other: Self) {
        other.faults.into_iter().for_each(|fault| self.fault(fault));
        other.warnings.into_iter().for_each(|warning| self.warning(warning));
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn warning(&mut self, mut warning: String) {
        if warning.len() > LONGEST_WARNING {
            warning.truncate(warning.floor_char_boundary(LONGEST_WARNING - 4));
            warning.push_str(" ...");
        }
        if self.warnings.len() < MOST_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// Judges an object that is created, or that takes the place of `old`.
pub fn check(object: &Value, kind: Kind, old: Option<&Value>) -> Verdict {
    // Labels, annotations and finalizers may change whatever the spec is, also one that was right by earlier rules.
    if old.is_some_and(|old| old.get("spec") == object.get("spec")) {
        return Verdict::default();
    }
    let mut verdict = judge(object, kind);
    // What was there before, by earlier rules, does not stop a change of something else.
    if let Some(old) = old.filter(|_| !verdict.faults.is_empty()) {
        let before = judge(old, kind).faults;
        verdict.faults.retain(|fault| !before.contains(fault));
    }
    verdict
}

fn judge(object: &Value, kind: Kind) -> Verdict {
    let mut verdict = Verdict::default();
    let root = At::new("", object);
    let spec = At::new("spec", object.get("spec").unwrap_or(&Value::Null));
    match kind {
        Kind::SparkApplication => {
            let name = root.dig(&["metadata", "name"]).map(|at| at.text()).unwrap_or_default();
            application::check(&spec, &root, name, &mut verdict);
        }
        Kind::ScheduledSparkApplication => {
            let template = At::new("spec.template", spec.value.get("template").unwrap_or(&Value::Null));
            let zone = spec.field("timeZone").map(|at| at.text());
            if let Err(fault) = schedule::check(spec.text_of("schedule"), zone) {
                verdict.fault(Fault::new(fault.path, fault.message));
            }
            application::check(&template, &root, "", &mut verdict);
        }
        Kind::Queue => queues::check(&spec, &root, &mut verdict),
    }
    verdict
}
