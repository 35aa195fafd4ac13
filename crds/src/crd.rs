//! The generated CustomResourceDefinitions, made small: prose about Kubernetes' own types is left out, since everybody
//! can read it with `kubectl explain pod`, and a CRD must stay well below what an annotation may hold.

use kube::CustomResourceExt;
use serde_json::Value;

use crate::{
    Queue, ScheduledSparkApplication, SparkApplication,
    raw::{QUANTITIES, QUANTITY_MAPS},
};

/// Compact JSON of each CRD must stay below this, in bytes, so that client-side `kubectl apply` can keep it in an annotation.
pub const CRD_LIMIT: usize = 120 * 1024;

/// Names of fields whose types are Kubernetes' own.
pub const KUBERNETES_FIELDS: [&str; 14] = [
    "affinity",
    "conditions",
    "dnsConfig",
    "env",
    "envFrom",
    "hostAliases",
    "ingressTLS",
    "lifecycle",
    "podSecurityContext",
    "resources",
    "securityContext",
    "tolerations",
    "volumeMounts",
    "volumes",
];

/// A file name, and the CRD that goes into it.
pub struct Generated {
    /// Such as `sparkapplications.yaml`.
    pub file: &'static str,
    /// The CRD as JSON.
    pub crd: Value,
}

/// All CRDs.
///
/// # Errors
/// When a type cannot be expressed in JSON, which a test would show.
pub fn all() -> Result<Vec<Generated>, serde_json::Error> {
    let scheduled = drop_template_prose(serde_json::to_value(ScheduledSparkApplication::crd())?);
    Ok(vec![
        generated("sparkapplications.yaml", serde_json::to_value(SparkApplication::crd())?),
        generated("scheduledsparkapplications.yaml", scheduled),
        generated("queues.yaml", serde_json::to_value(Queue::crd())?),
    ])
}

fn generated(file: &'static str, mut crd: Value) -> Generated {
    drop_prose(&mut crd, false);
    claims_have_labels(&mut crd);
    bound_numbers(&mut crd);
    loosen_quantities(&mut crd);
    crd["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep".into();
    Generated { file, crd }
}

/// A template says the same as the `spec` it is one of: `kubectl explain sparkapplication.spec` has the words.
fn drop_template_prose(mut crd: Value) -> Value {
    let template = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/template/properties";
    if let Some(template) = crd.pointer_mut(template) {
        drop_prose(template, true);
    }
    crd
}

/// Leaves out what is said inside of Kubernetes' own types; what we say of a field that has such a type stays.
fn drop_prose(value: &mut Value, foreign: bool) {
    match value {
        Value::Object(fields) => {
            if foreign && fields.get("description").is_some_and(Value::is_string) {
                fields.remove("description");
            }
            for (name, field) in fields.iter_mut() {
                let enters = !foreign && KUBERNETES_FIELDS.contains(&name.as_str());
                let said = if enters { field.get("description").cloned() } else { None };
                drop_prose(field, foreign || enters);
                if let Some(said) = said {
                    field["description"] = said;
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_prose(item, foreign)),
        _ => {}
    }
}

/// Of the metadata of a volume's claim Kubernetes takes labels and annotations alone.
fn claims_have_labels(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let metadata =
                fields.get_mut("volumeClaimTemplate").and_then(|claim| claim.pointer_mut("/properties/metadata"));
            if let Some(Value::Object(properties)) = metadata.and_then(|metadata| metadata.get_mut("properties")) {
                properties.retain(|name, _| matches!(name.as_str(), "annotations" | "labels"));
            }
            fields.values_mut().for_each(claims_have_labels);
        }
        Value::Array(items) => items.iter_mut().for_each(claims_have_labels),
        _ => {}
    }
}

/// Says what fits into 32 bits: the API server does not look at formats, and what it lets in must be read by the operator.
fn bound_numbers(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let small = fields.get("format").is_some_and(|format| format == "int32");
            let port = fields.get("x-kubernetes-int-or-string").is_some_and(|is| is == true);
            if small || port {
                fields.entry("minimum").or_insert(i32::MIN.into());
                fields.entry("maximum").or_insert(i32::MAX.into());
            }
            fields.values_mut().for_each(bound_numbers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_numbers),
        _ => {}
    }
}

/// Lets quantities be numbers too, as the API server does in a pod; `k8s-openapi` says that they are strings.
fn loosen_quantities(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (name, property) in properties {
                    if QUANTITIES.contains(&name.as_str()) {
                        loosen(property);
                    } else if QUANTITY_MAPS.contains(&name.as_str())
                        && let Some(quantity) = property.get_mut("additionalProperties")
                    {
                        loosen(quantity);
                    }
                }
            }
            fields.values_mut().for_each(loosen_quantities);
        }
        Value::Array(items) => items.iter_mut().for_each(loosen_quantities),
        _ => {}
    }
}

fn loosen(quantity: &mut Value) {
    if let Value::Object(fields) = quantity {
        fields.retain(|name, _| name == "description");
        fields.insert("x-kubernetes-int-or-string".into(), true.into());
    }
}
