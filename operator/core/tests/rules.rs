//! Whatever JSON comes in, the rules answer, briefly; and what they write is what they would accept again.

use onager_core::rules::{Kind, accounts, check, defaults, patch};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON, with names that mean something to the rules among the others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("1g"),
            Just("-1"),
            Just("99999999999999999999g"),
            Just("500m"),
            Just("local:///a"),
            Just("a/b"),
            Just("SQL"),
            Just("Rust"),
            Just("Scala"),
            Just("/data"),
            Just("\u{0}"),
            Just("etl")
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "metadata",
        "name",
        "namespace",
        "annotations",
        "labels",
        "ownerReferences",
        "spec",
        "template",
        "driver",
        "executor",
        "instances",
        "cores",
        "memory",
        "memoryLimit",
        "memoryOverhead",
        "coreLimit",
        "coreRequest",
        "serviceAccount",
        "sparkConf",
        "hadoopConf",
        "spark.master",
        "spark.kubernetes.namespace",
        "volumes",
        "volumeMounts",
        "mountPath",
        "sidecars",
        "initContainers",
        "containers",
        "env",
        "envFrom",
        "secretRef",
        "image",
        "type",
        "mode",
        "schedule",
        "restartPolicy",
        "dynamicAllocation",
        "enabled",
        "minExecutors",
        "maxExecutors",
        "driverIngressOptions",
        "servicePort",
        "mainApplicationFile",
        "securityContext",
        "privileged",
        "hostPath",
        "ports",
        "deps",
        "timeZone",
    ]);
    prop_oneof![4 => known.prop_map(str::to_string), 1 => ".{0,8}"]
}

fn right() -> Value {
    json!({
        "metadata": {"name": "etl", "namespace": "team"},
        "spec": {
            "type": "SQL", "mainApplicationFile": "s3a://lake/a.sql", "sparkConf": {"spark.driver.memory": "1g"},
            "volumes": [{"name": "v", "emptyDir": {}}], "dynamicAllocation": {"enabled": true, "maxExecutors": 4},
            "driver": {"memory": "1g", "serviceAccount": "etl", "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                "template": {"metadata": {}, "spec": {"containers": [{"name": "spark-kubernetes-driver"}]}}},
            "executor": {"instances": 2, "sidecars": [{"name": "a", "image": "b"}], "env": [{"name": "A", "value": "b"}]},
        },
    })
}

/// The right one, with something else at one of its places.
fn nearly_right() -> impl Strategy<Value = Value> {
    (any::<prop::sample::Index>(), any_json()).prop_map(|(at, value)| {
        let mut object = right();
        let mut places = Vec::new();
        collect(&object, String::new(), &mut places);
        if let Some(place) = object.pointer_mut(at.get::<String>(&places)) {
            *place = value;
        }
        object
    })
}

fn collect(value: &Value, path: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| collect(field, format!("{path}/{}", key.replace('/', "~1")), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, format!("{path}/{index}"), places));
        }
        _ => {}
    }
    places.push(path);
}

fn judge(object: &Value, old: Option<&Value>) {
    for kind in [Kind::SparkApplication, Kind::ScheduledSparkApplication, Kind::Queue] {
        let verdict = check(object, kind, old);
        assert!(verdict.faults.len() <= 50 && verdict.warnings.len() <= 20);
        assert!(verdict.warnings.iter().all(|warning| warning.len() <= 256));
        accounts::named(object, kind);
        accounts::changed(object, kind, old);
        let filled = defaults::filled(object, kind, old, "ann");
        patch::between(object, &filled);
        // Twice is once: the API server may ask again.
        assert_eq!(defaults::filled(&filled, kind, old, "ann"), filled);
        if verdict.faults.is_empty() {
            assert_eq!(check(&filled, kind, old).faults, [], "defaults are right");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_asked_there_is_an_answer(object in any_json(), old in proptest::option::of(any_json())) {
        judge(&object, old.as_ref());
    }

    #[test]
    fn what_is_nearly_right_is_judged_too(object in nearly_right(), old in proptest::option::of(nearly_right())) {
        judge(&object, old.as_ref());
    }
}

/// The largest objects that an API server lets through, in shapes that would take for ever if each part were compared with
/// each other part.
#[test]
fn the_largest_objects_are_judged_as_well() {
    // Just below what is looked at, and far above.
    for many in [2_000, 30_000] {
        judge_shapes(many);
    }
}

fn judge_shapes(many: usize) {
    let map =
        |prefix: &str| (0..many).map(|n| (format!("{prefix}{n}"), Value::from("x"))).collect::<serde_json::Map<_, _>>();
    let list = |item: &dyn Fn(usize) -> Value| (0..many).map(item).collect::<Vec<_>>();
    let shapes = [
        json!({"sparkConf": map("spark.kubernetes.x")}),
        json!({"sparkConf": map("spark.kubernetes.driver.volumes.hostPath.")}),
        json!({"driver": {"labels": map("a b"), "envVars": map("=")}}),
        json!({"volumes": list(&|n| json!({"name": format!("v{n}"), "emptyDir": {}})),
            "driver": {"volumeMounts": list(&|n| json!({"name": format!("v{n}"), "mountPath": format!("/{n}")}))}}),
        json!({"executor": {"sidecars": list(&|n| json!({"name": format!("c{n}"), "image": "i"}))}}),
        json!({"driverIngressOptions": list(&|n| json!({"servicePort": n + 1, "servicePortName": "a"}))}),
        json!({"driver": {"template": {"spec": {"containers": list(&|n| json!({"name": format!("c{n}"), "unknown": {}}))}}}}),
        json!({"unknown": map("a"), "type": "Rust", "driver": {"memory": "x", "cores": -1}}),
    ];
    for shape in shapes {
        let mut object = right();
        object["spec"].as_object_mut().expect("fields").extend(shape.as_object().expect("fields").clone());
        judge(&object, Some(&right()));
    }
}
