//! What is to be known about an object of ours before it is created: the table of fields, the rules of admission, and fields
//! that the CRD does not have. The API server and its webhook say the same when it is created.

use std::sync::OnceLock;

use onager_core::{
    fields,
    rules::{self, Kind},
};
use onager_crds::crd;
use serde_json::Value;

/// What an object's author should know.
#[derive(Debug, Default, PartialEq)]
pub struct Judged {
    /// What is accepted and means something else, or nothing.
    pub changes: Vec<String>,
    /// For what it would be refused.
    pub faults: Vec<String>,
}

/// Judges an object of ours.
pub fn judge(object: &Value) -> Judged {
    let mut judged = Judged::default();
    let (path, spec) = spec(object);
    let Some(spec) = spec else {
        judged.faults.push(format!("{path}: is missing"));
        return judged;
    };
    // In full here: an answer of the webhook is cut to what an API server passes on.
    for remark in fields::remarks(spec).iter().filter(|remark| !remark.refused) {
        judged.changes.push(format!("{path}.{}: {}", remark.path, remark.why));
    }
    unknown(schema(), spec, path, &mut judged.faults);
    let kind = if is_scheduled(object) { Kind::ScheduledSparkApplication } else { Kind::SparkApplication };
    let verdict = rules::check(object, kind, None);
    judged.faults.extend(verdict.faults.iter().map(ToString::to_string));
    let field = |line: &str| line.split(": ").next().map(str::to_string);
    for warning in verdict.warnings {
        if judged.changes.iter().all(|told| field(told) != field(&warning)) {
            judged.changes.push(warning);
        }
    }
    judged
}

/// What is accepted and done otherwise than by the Kubeflow operator, for an object that was written for it.
pub fn differences(object: &Value) -> Vec<String> {
    let (path, spec) = spec(object);
    let told = spec.into_iter().flat_map(fields::differences);
    told.map(|difference| format!("{path}.{}: {}", difference.path, difference.why)).collect()
}

fn is_scheduled(object: &Value) -> bool {
    object.get("kind").is_some_and(|kind| kind == "ScheduledSparkApplication")
}

/// Where the spec of an object's applications is, and what is there.
fn spec(object: &Value) -> (&'static str, Option<&Value>) {
    if is_scheduled(object) {
        ("spec.template", object.pointer("/spec/template"))
    } else {
        ("spec", object.get("spec"))
    }
}

/// The schema of an application's spec.
fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let all = crd::all().unwrap_or_default();
        let found = all.into_iter().find(|generated| generated.file == "sparkapplications.yaml");
        let pointer = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        found.and_then(|generated| generated.crd.pointer(pointer).cloned()).unwrap_or_default()
    })
}

/// Names fields that the schema does not have.
fn unknown(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
        return;
    }
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let any = schema.get("additionalProperties");
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                match (known.and_then(|known| known.get(name)).or(any), known) {
                    (Some(schema), _) => unknown(schema, field, &path, faults),
                    (None, Some(_)) => faults.push(format!("{path}: unknown field")),
                    (None, None) => {}
                }
            }
        }
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            for (index, item) in items.iter().enumerate() {
                unknown(schema, item, &format!("{path}[{index}]"), faults);
            }
        }
        _ => {}
    }
}
