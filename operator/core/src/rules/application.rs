//! The spec of an application, its own or a schedule's.

use onager_crds::SparkApplicationSpec;
use serde_json::Value;

use super::{Fault, Verdict};
use crate::Workload;

/// Adds what is to be said about a spec found at `path`.
pub fn check(spec: &Value, path: &str, verdict: &mut Verdict) {
    let spec: SparkApplicationSpec = match serde_json::from_value(spec.clone()) {
        Ok(spec) => spec,
        Err(error) => {
            verdict.faults.push(Fault::new(path, error.to_string()));
            return;
        }
    };
    if let Err(refusal) = Workload::read(&spec) {
        // What cannot run yet is admitted: a repository of manifests that has some of these still applies.
        if refusal.reason == "UnsupportedType" {
            verdict.warnings.push(format!("{path}.type: {}", refusal.message));
        } else {
            verdict.faults.push(Fault::new(path, refusal.message));
        }
    }
}
