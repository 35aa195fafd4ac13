//! What is written into an object so that its author sees it: the defaults of the Kubeflow operator that are Spark's, and
//! who wrote it. Few, and only where nothing was said; an update never brings one that was not there before, since
//! that would look like a change of what runs.

use serde_json::{Map, Value, json};

use super::{At, Kind};

/// Who wrote what runs. Always set here, never taken from the object but for runs that the operator makes of a schedule.
pub const AUTHOR: &str = "onager.dev/author";

/// The object with its defaults. `author` is who writes it.
pub fn filled(object: &Value, kind: Kind, old: Option<&Value>, author: &str) -> Value {
    let mut object = object.clone();
    // A Queue's are in the CRD, and it runs nothing.
    if kind == Kind::Queue {
        return object;
    }
    let path: &[&str] = match kind {
        Kind::SparkApplication => &["spec"],
        _ => &["spec", "template"],
    };
    let before = old.map(|old| At::new("", old).dig(path).map(|at| at.value.clone()).unwrap_or_default());
    let touched = old.is_none_or(|old| old.get("spec") != object.get("spec"));
    let spec = path.iter().try_fold(&mut object, |value, field| value.get_mut(field));
    if touched && let Some(Value::Object(spec)) = spec {
        for (path, value) in wanted(spec) {
            // In an update, only what was there and is left out now.
            let same = before
                .as_ref()
                .is_none_or(|before| At::new("", before).dig(&path).is_some_and(|at| at.value == &value));
            if same {
                put(spec, &path, value);
            }
        }
    }
    // Who left out what is filled in again changed nothing.
    let changed = old.is_none_or(|old| old.get("spec") != object.get("spec"));
    let kept = old.filter(|_| !changed).and_then(signature);
    sign(&mut object, if changed { Some(author) } else { kept });
    object
}

/// Who wrote an object, as it says.
pub fn signature(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(AUTHOR)?.as_str()
}

/// Defaults for what a spec does not say.
fn wanted(spec: &Map<String, Value>) -> Vec<(Vec<&'static str>, Value)> {
    let at = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(spec.get(*first)?, |value, field| value.get(field)).filter(|value| !value.is_null())
    };
    let conf = |key: &str| spec.get("sparkConf").is_some_and(|conf| conf.get(key).is_some());
    let allocates = at(&["dynamicAllocation", "enabled"]) == Some(&Value::Bool(true));
    let repeats = matches!(at(&["restartPolicy", "type"]).and_then(Value::as_str), Some("OnFailure" | "Always"));
    let all: [(bool, &[&'static str], Value); 9] = [
        (true, &["mode"], json!("cluster")),
        (true, &["restartPolicy", "type"], json!("Never")),
        (repeats, &["restartPolicy", "onFailureRetryInterval"], json!(5)),
        (repeats, &["restartPolicy", "onSubmissionFailureRetryInterval"], json!(5)),
        (!conf("spark.driver.cores"), &["driver", "cores"], json!(1)),
        (!conf("spark.driver.memory"), &["driver", "memory"], json!("1g")),
        (!conf("spark.executor.cores"), &["executor", "cores"], json!(1)),
        (!conf("spark.executor.memory"), &["executor", "memory"], json!("1g")),
        (!conf("spark.executor.instances") && !allocates, &["executor", "instances"], json!(1)),
    ];
    let missing = all.into_iter().filter(|(applies, path, _)| *applies && at(path).is_none());
    missing.map(|(_, path, value)| (path.to_vec(), value)).collect()
}

/// Puts a value, unless something on the way to it is no object: that is for the rules to refuse.
fn put(fields: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            fields.insert((*last).to_string(), value);
        }
        [first, rest @ ..] => {
            let field = fields.entry(*first).or_insert(Value::Null);
            if field.is_null() {
                *field = json!({});
            }
            if let Value::Object(fields) = field {
                put(fields, rest, value);
            }
        }
    }
}

fn sign(object: &mut Value, author: Option<&str>) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
    let annotations = metadata.entry("annotations").or_insert(Value::Null);
    if annotations.is_null() {
        *annotations = json!({});
    }
    if let Value::Object(annotations) = annotations {
        match author {
            Some(author) => annotations.insert(AUTHOR.into(), author.into()),
            None => annotations.remove(AUTHOR),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(spec: Value) -> Value {
        json!({"metadata": {"name": "etl"}, "spec": spec})
    }

    #[test]
    fn a_new_application_says_what_it_will_be() {
        let filled = filled(
            &application(json!({"type": "SQL", "driver": {"memory": "2g"}})),
            Kind::SparkApplication,
            None,
            "ann",
        );
        assert_eq!(
            filled["spec"],
            json!({
                "type": "SQL", "mode": "cluster", "restartPolicy": {"type": "Never"},
                "driver": {"cores": 1, "memory": "2g"},
                "executor": {"cores": 1, "memory": "1g", "instances": 1},
            })
        );
        assert_eq!(filled["metadata"]["annotations"], json!({AUTHOR: "ann"}));
    }

    #[test]
    fn what_conf_or_allocation_decide_is_left_to_them() {
        let conf = json!({"spark.driver.memory": "4g", "spark.executor.cores": "2"});
        let spec =
            json!({"sparkConf": conf, "dynamicAllocation": {"enabled": true}, "restartPolicy": {"type": "Always"}});
        let filled = filled(&application(spec), Kind::SparkApplication, None, "ann");
        assert_eq!(filled["spec"]["driver"], json!({"cores": 1}));
        assert_eq!(filled["spec"]["executor"], json!({"memory": "1g"}));
        assert_eq!(filled["spec"]["restartPolicy"]["onFailureRetryInterval"], 5);
    }

    #[test]
    fn an_update_keeps_what_was_there_and_brings_nothing_new() {
        let new = |spec| application(spec);
        // Made before there were defaults: a label or a suspension adds none.
        let old = new(json!({"type": "SQL"}));
        let suspended = new(json!({"type": "SQL", "suspend": true}));
        assert_eq!(filled(&suspended, Kind::SparkApplication, Some(&old), "ann")["spec"], suspended["spec"]);
        // A manifest that is replaced by itself loses none.
        let old = filled(&new(json!({"type": "SQL"})), Kind::SparkApplication, None, "ann");
        assert_eq!(filled(&new(json!({"type": "SQL"})), Kind::SparkApplication, Some(&old), "ann"), old);
    }

    #[test]
    fn nobody_signs_for_somebody_else() {
        let kind = Kind::ScheduledSparkApplication;
        let schedule = |spec: Value, author: Option<&str>| {
            let annotations = author.map_or(json!({}), |author| json!({AUTHOR: author}));
            json!({"metadata": {"annotations": annotations}, "spec": spec})
        };
        let author = |object: &Value| object["metadata"]["annotations"][AUTHOR].clone();
        let spec = json!({"schedule": "@daily", "template": {"type": "SQL"}});
        let mine = filled(&schedule(spec, Some("root")), kind, None, "ann");
        assert_eq!(author(&mine), "ann");
        let forged = schedule(mine["spec"].clone(), Some("root"));
        assert_eq!(
            author(&filled(&forged, kind, Some(&mine), "bob")),
            "ann",
            "labels and annotations are not the spec"
        );
        let mut edited = forged.clone();
        edited["spec"]["schedule"] = "@hourly".into();
        assert_eq!(author(&filled(&edited, kind, Some(&mine), "bob")), "bob");
    }
}
