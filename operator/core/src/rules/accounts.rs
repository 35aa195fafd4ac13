//! Which service accounts an object has its pods run as, and whether an update changes what runs as them. Who may use an
//! account is asked of the API server elsewhere.

use serde_json::Value;

use super::{At, Kind};

/// Fields that an update may change without anything else running as the account: how many, how long, whether.
const HARMLESS: [&[&str]; 6] = [
    &["suspend"],
    &["timeToLiveSeconds"],
    &["executor", "instances"],
    &["dynamicAllocation"],
    &["restartPolicy"],
    &["driverPodDisruptionBudget"],
];

/// The service accounts that pods of an object run as, each with a field that names it. Without a name pods run as the
/// namespace's `default`, as all pods there may, and there is nothing to ask.
pub fn named(object: &Value, kind: Kind) -> Vec<(String, String)> {
    let root = At::new("spec", object.get("spec").unwrap_or(&Value::Null));
    let Some(spec) = (match kind {
        Kind::SparkApplication => Some(root),
        Kind::ScheduledSparkApplication => root.field("template"),
        Kind::Queue => None,
    }) else {
        return Vec::new();
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for role in ["driver", "executor"] {
        let Some(pod) = spec.field(role) else { continue };
        let fields: [&[&str]; 3] =
            [&["serviceAccount"], &["template", "spec", "serviceAccountName"], &["template", "spec", "serviceAccount"]];
        for at in fields.iter().filter_map(|field| pod.dig(field)) {
            let name = at.text();
            if !matches!(name, "" | "default") && found.iter().all(|(_, known)| known != name) {
                found.push((at.path.clone(), name.to_string()));
            }
        }
    }
    found
}

/// Whether something else may run as the accounts of an object than ran as those of `old`.
pub fn changed(object: &Value, kind: Kind, old: Option<&Value>) -> bool {
    let Some(old) = old else { return true };
    let spec = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        let application = match kind {
            Kind::SparkApplication => Some(&mut spec),
            // When it runs is a right of its own: it decides how often something runs as the account.
            Kind::ScheduledSparkApplication => spec.get_mut("template"),
            Kind::Queue => None,
        };
        if let Some(application) = application {
            HARMLESS.iter().for_each(|path| remove(application, path));
        }
        if kind == Kind::ScheduledSparkApplication {
            ["suspend", "successfulRunHistoryLimit", "failedRunHistoryLimit"]
                .iter()
                .for_each(|field| remove(&mut spec, &[field]));
        }
        spec
    };
    spec(object) != spec(old)
}

fn remove(value: &mut Value, path: &[&str]) {
    match path {
        [] => {}
        [last] => {
            if let Some(fields) = value.as_object_mut() {
                fields.remove(*last);
            }
        }
        [first, rest @ ..] => {
            if let Some(field) = value.get_mut(first) {
                remove(field, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_that_names_an_account_is_found_once() {
        let spec = json!({
            "driver": {"serviceAccount": "a", "template": {"spec": {"serviceAccountName": "b"}}},
            "executor": {"serviceAccount": "a", "template": {"spec": {"serviceAccount": "c"}}},
        });
        let names = |object: &Value, kind| named(object, kind).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(&json!({"spec": spec}), Kind::SparkApplication), ["a", "b", "c"]);
        assert_eq!(names(&json!({"spec": {"template": spec}}), Kind::ScheduledSparkApplication), ["a", "b", "c"]);
        let default = json!({"spec": {"driver": {"serviceAccount": "default"}, "executor": {"serviceAccount": ""}}});
        assert!(named(&default, Kind::SparkApplication).is_empty());
    }

    #[test]
    fn what_runs_changes_with_the_spec_but_not_with_how_many_run() {
        let with = |change: Value| {
            let mut spec = json!({"image": "a", "executor": {"instances": 1}});
            spec.as_object_mut().expect("fields").extend(change.as_object().expect("fields").clone());
            json!({"metadata": {"labels": change}, "spec": spec})
        };
        let old = with(json!({}));
        assert!(!changed(&with(json!({"suspend": true})), Kind::SparkApplication, Some(&old)));
        assert!(!changed(&with(json!({"executor": {"instances": 9}})), Kind::SparkApplication, Some(&old)));
        assert!(changed(&with(json!({"image": "b"})), Kind::SparkApplication, Some(&old)));
        assert!(changed(&with(json!({"arguments": ["x"]})), Kind::SparkApplication, Some(&old)));
        assert!(changed(&old, Kind::SparkApplication, None));
    }
}
