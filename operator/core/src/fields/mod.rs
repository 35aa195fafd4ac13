//! What becomes of each field of an application: honoured, accepted with a warning, or refused, and why. One table, from
//! which admission, `onager convert` and docs/fields.md speak; a test holds it against the CRD's schema. It judges fields by
//! being there; what is in them is judged by rules elsewhere.

mod differences;
mod table;

use serde_json::Value;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It means what it says.
    Honoured,
    /// It is accepted and changes nothing, or less than its author may think. Says why, and what to use.
    Warned(&'static str),
    /// It is not accepted. Says why, and what would be right.
    Refused(&'static str),
}

/// A field, with all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Below the spec, or below driver and executor: `deps.jars`, `driverIngressOptions[].servicePort`.
    pub path: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// A value of a field that fares otherwise than the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Below the spec.
    pub path: &'static str,
    /// The text that is there.
    pub value: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// What is honoured, and done otherwise than the Kubeflow operator does it.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// The field below the spec that it is about.
    pub path: &'static str,
    /// Which applications it is about, in words.
    pub applies: &'static str,
    /// Whether an application of this spec is one of those.
    pub concerns: fn(&Value) -> bool,
    /// What is done here, and what there.
    pub why: &'static str,
}

/// Fields of the spec, but for driver and executor.
pub const SPEC: &[Field] = table::SPEC;
/// Fields of both driver and executor.
pub const POD: &[Field] = table::POD;
/// Fields of the driver alone.
pub const DRIVER: &[Field] = table::DRIVER;
/// Fields of the executor alone.
pub const EXECUTOR: &[Field] = table::EXECUTOR;
/// Values that fare otherwise than their fields.
pub const EXCEPTIONS: &[Exception] = table::EXCEPTIONS;
/// What is done otherwise than by the Kubeflow operator.
pub const DIFFERENCES: &[Difference] = differences::DIFFERENCES;

/// What is to be said about a field that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Below the spec, such as `driver.javaOptions`.
    pub path: String,
    /// Whether the object is refused for it; else it is a warning.
    pub refused: bool,
    /// Why, and what to use.
    pub why: &'static str,
}

/// Every field with its whole path below the spec.
pub fn all() -> impl Iterator<Item = (String, Fate)> {
    let roles = [("driver", POD), ("driver", DRIVER), ("executor", POD), ("executor", EXECUTOR)];
    let spec = SPEC.iter().map(|field| (field.path.to_string(), field.fate));
    let pods = roles
        .into_iter()
        .flat_map(|(role, fields)| fields.iter().map(move |field| (format!("{role}.{}", field.path), field.fate)));
    spec.chain(pods)
}

/// What is to be said about the fields of an application's spec.
pub fn remarks(spec: &Value) -> Vec<Remark> {
    let fields = all().filter(|(path, _)| is_there(spec, path));
    let values = EXCEPTIONS.iter().filter(|exception| text(spec, exception.path) == Some(exception.value));
    let values = values.map(|exception| (exception.path.to_string(), exception.fate));
    fields
        .chain(values)
        .filter_map(|(path, fate)| match fate {
            Fate::Honoured => None,
            Fate::Warned(why) => Some(Remark { path, refused: false, why }),
            Fate::Refused(why) => Some(Remark { path, refused: true, why }),
        })
        .collect()
}

/// What is to be known about a spec that was written for the Kubeflow operator, and only then.
pub fn differences(spec: &Value) -> impl Iterator<Item = &'static Difference> {
    DIFFERENCES.iter().filter(|difference| (difference.concerns)(spec))
}

fn text<'a>(spec: &'a Value, path: &str) -> Option<&'a str> {
    path.split('.').try_fold(spec, |value, name| value.get(name))?.as_str()
}

/// Whether something is said at a path. Null, nothing and empty lists and maps say nothing.
fn is_there(value: &Value, path: &str) -> bool {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (name, list) = first.strip_suffix("[]").map_or((first, false), |name| (name, true));
    let Some(field) = value.get(name) else { return false };
    match rest {
        Some(rest) if list => field.as_array().is_some_and(|items| items.iter().any(|item| is_there(item, rest))),
        Some(rest) => is_there(field, rest),
        None => match field {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(spec: &Value) -> Vec<(String, bool)> {
        remarks(spec).into_iter().map(|remark| (remark.path, remark.refused)).collect()
    }

    #[test]
    fn what_is_honoured_or_empty_is_passed_over() {
        let quiet = json!({
            "type": "SQL", "mode": "cluster", "proxyUser": null, "pythonVersion": "", "deps": {"jars": []},
            "driver": {"cores": 1}, "executor": {"instances": 2},
        });
        assert_eq!(said(&quiet), []);
    }

    #[test]
    fn a_field_without_meaning_is_named_where_it_is() {
        let spec = json!({
            "deps": {"jars": ["a.jar"], "files": ["a"]},
            "executor": {"javaOptions": "-Xss1m"},
            "monitoring": {"exposeDriverMetrics": true, "prometheus": {"jmxExporterJar": "x", "port": 8090}},
        });
        let paths = ["deps.jars", "monitoring.prometheus.jmxExporterJar", "executor.javaOptions"];
        assert_eq!(said(&spec), paths.map(|path| (path.to_string(), false)));
    }

    #[test]
    fn client_mode_is_refused() {
        assert_eq!(said(&json!({"mode": "client"})), [("mode".to_string(), true)]);
    }
}
