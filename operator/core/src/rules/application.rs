//! The spec of an application, its own or a schedule's: every rule there is about it.

use onager_crds::SparkApplicationSpec;
use serde_json::{Value, json};

use super::{At, Fault, Verdict, conf, extent, options, pods, queues, references, shape};
use crate::{Refusal, Workload, fields, workload::SPARK_PI};

/// How many faults are looked for in what has to be read anew for each.
const READINGS: usize = 16;

/// Adds what is to be said about a spec; `object` is what it belongs to, and `name` the application's, if it is known.
pub fn check(spec: &At<'_>, object: &At<'_>, name: &str, verdict: &mut Verdict) {
    let namespace = object.dig(&["metadata", "namespace"]).map(|at| at.text()).unwrap_or_default();
    if !extent::check(spec, verdict) {
        return;
    }
    for remark in fields::remarks(spec.value) {
        let at = At::new(format!("{}.{}", spec.path, remark.path), spec.value);
        if remark.refused { at.fault(verdict, remark.why) } else { at.warning(verdict, remark.why) }
    }
    shape::check(spec, verdict);
    conf::check(spec, namespace, verdict);
    references::check(spec, verdict);
    pods::check(spec, object, verdict);
    options::check(spec, name, verdict);
    queues::reference(spec, verdict);
    workload(spec, verdict);
}

/// What `Workload::read` refuses. It stops at the first fault: that one is taken out of a copy, and the rest read again.
fn workload(spec: &At<'_>, verdict: &mut Verdict) {
    let mut copy = spec.value.clone();
    for _ in 0..READINGS {
        let fault = match read(&copy) {
            Ok(read) => match Workload::read(&read) {
                Ok(_) => return,
                Err(Refusal { reason: "UnsupportedType", message }) => {
                    // Admitted, so that a repository of manifests that has some of these still applies.
                    verdict.warning(format!("{}.type: it will end FAILED: {message}", spec.path));
                    run_something_else(&mut copy);
                    continue;
                }
                Err(refusal) => split(&refusal.message),
            },
            Err(fault) => fault,
        };
        let known =
            verdict.faults.iter().any(|known| known.path.starts_with(&fault.path.replacen("spec", &spec.path, 1)));
        if !known {
            verdict.fault(Fault { path: fault.path.replacen("spec", &spec.path, 1), message: fault.message });
        }
        if fault.path == "spec.mainApplicationFile" {
            run_something_else(&mut copy);
        } else if !take_out(&mut copy, &fault.path) {
            return;
        }
    }
}

fn read(spec: &Value) -> Result<SparkApplicationSpec, Fault> {
    serde_path_to_error::deserialize(spec).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "spec".into() } else { format!("spec.{path}") };
        Fault::new(path, error.into_inner().to_string())
    })
}

/// What is run has been judged; the rest is judged as if it were something that runs.
fn run_something_else(spec: &mut Value) {
    if let Some(fields) = spec.as_object_mut() {
        fields.insert("type".into(), "Scala".into());
        fields.insert("mainClass".into(), json!(SPARK_PI));
    }
}

/// A refusal begins with the path of its field.
fn split(message: &str) -> Fault {
    let keyed = message.find('[').and_then(|open| Some((open, message[open..].find(']')? + open + 1)));
    let plain = message.find([' ', ':', '[']).unwrap_or(message.len());
    let end = keyed.filter(|(open, _)| *open == plain).map_or(plain, |(_, close)| close);
    let (path, rest) = message.split_at(end);
    if !path.starts_with("spec.") {
        return Fault::new("spec", message);
    }
    Fault::new(path, rest.trim_start_matches(':').trim_start())
}

/// Removes what a path such as `spec.driver.memory` or `spec.sparkConf[key]` leads to; false if it leads to nothing.
fn take_out(spec: &mut Value, path: &str) -> bool {
    let Some(path) = path.strip_prefix("spec.") else { return false };
    let (fields, key) = match path.split_once('[') {
        Some((fields, key)) => (fields, key.strip_suffix(']')),
        None => (path, None),
    };
    let mut names: Vec<&str> = fields.split('.').collect();
    names.extend(key);
    let Some((last, parents)) = names.split_last() else { return false };
    let parent = parents.iter().try_fold(spec, |value, name| value.get_mut(name));
    parent.and_then(Value::as_object_mut).is_some_and(|fields| fields.remove(*last).is_some())
}
