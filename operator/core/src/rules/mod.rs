//! What an object may say, and what it may not: all faults of it at once, each with the path of its field and what would
//! be right. Works on the object as it came, unknown fields included, since types drop what they do not know. Looks at the
//! object alone, never at the cluster; one look takes time in proportion to the object's size.

mod application;

use std::fmt;

use serde_json::Value;

/// A kind of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SparkApplication`.
    SparkApplication,
    /// `ScheduledSparkApplication`.
    ScheduledSparkApplication,
}

impl Kind {
    /// The kind of that name in that API group.
    pub fn named(group: &str, kind: &str) -> Option<Self> {
        match (group, kind) {
            ("onager.dev", "SparkApplication") => Some(Self::SparkApplication),
            ("onager.dev", "ScheduledSparkApplication") => Some(Self::ScheduledSparkApplication),
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

/// Judges an object that is created, or that takes the place of `old`.
pub fn check(object: &Value, kind: Kind, old: Option<&Value>) -> Verdict {
    let mut verdict = Verdict::default();
    // Labels, annotations and finalizers may change whatever the spec is, also one that was right by earlier rules.
    if old.is_some_and(|old| old.get("spec") == object.get("spec")) {
        return verdict;
    }
    match kind {
        Kind::SparkApplication => application::check(object.get("spec").unwrap_or(&Value::Null), "spec", &mut verdict),
        Kind::ScheduledSparkApplication => {
            let template = object.pointer("/spec/template").unwrap_or(&Value::Null);
            application::check(template, "spec.template", &mut verdict);
        }
    }
    verdict
}
