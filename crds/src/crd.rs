//! The generated CustomResourceDefinitions, made small: prose about Kubernetes' own types is left out, since everybody
//! can read it with `kubectl explain pod`, and a CRD must stay well below what an annotation may hold.

use kube::CustomResourceExt;
use serde_json::Value;

use crate::{
    SparkApplication,
    raw::{QUANTITIES, QUANTITY_MAPS},
};

/// Compact JSON of each CRD must stay below this, in bytes, so that client-side `kubectl apply` can keep it in an annotation.
pub const CRD_LIMIT: usize = 120 * 1024;

/// Fields whose types are Kubernetes' own.
const KUBERNETES_FIELDS: [&str; 14] = [
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
    let mut crd = serde_json::to_value(SparkApplication::crd())?;
    drop_prose(&mut crd, false);
    loosen_quantities(&mut crd);
    crd["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep".into();
    Ok(vec![Generated { file: "sparkapplications.yaml", crd }])
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
        fields.remove("type");
        fields.insert("x-kubernetes-int-or-string".into(), true.into());
    }
}
