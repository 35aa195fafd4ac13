//! The generated CustomResourceDefinitions, made small: prose about Kubernetes' own types is left out, since everybody
//! can read it with `kubectl explain pod`, and a CRD must stay well below what an annotation may hold.

use kube::CustomResourceExt;
use serde_json::Value;

use crate::SparkApplication;

/// Compact JSON of each CRD must stay below this, in bytes, so that client-side `kubectl apply` can keep it in an annotation.
pub const CRD_LIMIT: usize = 120 * 1024;

/// Fields whose types are Kubernetes' own.
const KUBERNETES_FIELDS: [&str; 7] =
    ["conditions", "env", "envFrom", "securityContext", "tolerations", "volumeMounts", "volumes"];

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
    crd["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep".into();
    Ok(vec![Generated { file: "sparkapplications.yaml", crd }])
}

fn drop_prose(value: &mut Value, foreign: bool) {
    match value {
        Value::Object(fields) => {
            if foreign && fields.get("description").is_some_and(Value::is_string) {
                fields.remove("description");
            }
            for (name, field) in fields.iter_mut() {
                drop_prose(field, foreign || KUBERNETES_FIELDS.contains(&name.as_str()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_prose(item, foreign)),
        _ => {}
    }
}
