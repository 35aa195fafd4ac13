//! Kubernetes' own types where the schema is too large for the CRD, or looser than the type. What the API server did not
//! check may be anything, so it is kept as JSON and read when it is needed: one bad object must not stop the watch of all.

use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;

/// JSON that should be a `T`; the API server only knows that it is an object.
pub struct Raw<T> {
    /// The JSON as the user wrote it.
    pub json: Value,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Raw<T> {
    /// The object itself. Numbers are taken for quantities, as the API server takes them; unknown fields are not seen.
    ///
    /// # Errors
    /// What is wrong with the JSON, in words of serde's.
    pub fn read(&self) -> Result<T, serde_json::Error> {
        let mut json = self.json.clone();
        quantities_as_text(&mut json);
        serde_json::from_value(json)
    }
}

impl<T> From<Value> for Raw<T> {
    fn from(json: Value) -> Self {
        Self { json, kind: PhantomData }
    }
}

impl<T> Clone for Raw<T> {
    fn clone(&self) -> Self {
        self.json.clone().into()
    }
}

impl<T> std::fmt::Debug for Raw<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.json.fmt(f)
    }
}

impl<T> PartialEq for Raw<T> {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl<T> Serialize for Raw<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl<T> JsonSchema for Raw<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Raw".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
    }
}

/// Reads a `T` in which quantities may be numbers, as the API server takes them: `sizeLimit: 0`, `cpu: 1`.
pub(crate) fn with_quantities<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let mut json = Value::deserialize(deserializer)?;
    quantities_as_text(&mut json);
    serde_json::from_value(json).map_err(D::Error::custom)
}

/// Reads a map of quantities, which may be numbers.
pub(crate) fn quantity_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Quantity>, D::Error> {
    let mut map = BTreeMap::<String, Value>::deserialize(deserializer)?;
    map.values_mut().for_each(number_as_text);
    map.into_iter().map(|(name, value)| Ok((name, serde_json::from_value(value).map_err(D::Error::custom)?))).collect()
}

/// Fields of Kubernetes' types that are a quantity, and those that are maps of them.
pub(crate) const QUANTITIES: [&str; 2] = ["divisor", "sizeLimit"];
pub(crate) const QUANTITY_MAPS: [&str; 4] = ["limits", "overhead", "requests", "resources"];

/// Makes quantities that are numbers text, wherever Kubernetes' types have quantities: `cpu: 1` becomes `cpu: "1"`.
pub fn quantities_as_text(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if QUANTITIES.contains(&name.as_str()) {
                    number_as_text(field);
                } else if QUANTITY_MAPS.contains(&name.as_str())
                    && let Value::Object(quantities) = field
                {
                    quantities.values_mut().for_each(number_as_text);
                }
                quantities_as_text(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(quantities_as_text),
        _ => {}
    }
}

fn number_as_text(value: &mut Value) {
    if let Value::Number(number) = value {
        *value = Value::String(number.to_string());
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodTemplateSpec;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_quantities_in_a_template() {
        let raw: Raw<PodTemplateSpec> =
            json!({"spec": {"containers": [{"name": "spark-kubernetes-driver", "resources": {"limits": {"cpu": 1}}}]}})
                .into();
        let container = raw.read().expect("template").spec.expect("spec").containers.remove(0);
        let limits = container.resources.and_then(|resources| resources.limits).expect("limits");
        assert_eq!(limits["cpu"].0, "1");
    }

    #[test]
    fn what_is_no_template_says_so_when_it_is_read() {
        let raw: Raw<PodTemplateSpec> = json!({"spec": {"containers": "none"}}).into();
        assert!(raw.read().expect_err("refused").to_string().contains("none"));
    }
}
