//! Every field that concerns pods, and what the pod, Service, Ingress or PodDisruptionBudget then has. A case fails too when
//! the object has the same without the field.

mod application;
mod reached;
mod shared;
mod whole;

use std::{collections::BTreeSet, time::Duration};

use onager_core::{
    Settings, Workload,
    fields::{Fate, all},
};
use onager_crds::SparkApplication;
use serde_json::{Map, Value, json};

use super::{EngineImage, Site, UiSettings, disruption, driver_pod, executor_pod, golden, service, ui};

/// A field, a change of the spec that gives it, where it is found, and what is there then.
struct Case {
    path: String,
    change: Value,
    at: String,
    is: Value,
}

fn case(path: &str, value: Value, at: &str, is: Value) -> Case {
    Case { path: path.into(), change: at_path(path, value), at: at.into(), is }
}

/// A field that means nothing alone.
fn case_with(path: &str, change: Value, at: &str, is: Value) -> Case {
    Case { path: path.into(), change, at: at.into(), is }
}

const VOLUMES: &str = "scratch";

/// All cases, those of both roles for each.
fn cases() -> Vec<Case> {
    let both = ["driver", "executor"].into_iter().flat_map(|role| {
        shared::cases().into_iter().map(move |case| Case {
            path: format!("{role}.{}", case.path),
            change: json!({role: case.change}),
            at: case
                .at
                .replace("MAIN", &format!("POD/containers/spark-kubernetes-{role}"))
                .replace("POD", &format!("/{role}/spec"))
                .replace("META", &format!("/{role}/metadata")),
            ..case
        })
    });
    both.chain(application::cases()).chain(reached::cases()).collect()
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !target.is_object() {
                *target = json!({});
            }
            for (name, field) in fields {
                merge(&mut target[name.as_str()], field);
            }
        }
        other => *target = other,
    }
}

fn at_path(path: &str, value: Value) -> Value {
    let whole = path.split("[]").next().unwrap_or(path);
    whole.split('.').rev().fold(value, |inner, name| json!({name: inner}))
}

fn plain() -> Value {
    json!({"type": "SQL", "mainApplicationFile": "local:///a.sql", "volumes": [{"name": VOLUMES, "emptyDir": {}}]})
}

/// Gives a test all that objects are made from.
fn with_all<T>(spec: Value, test: impl FnOnce(&SparkApplication, &Workload, &Site<'_>, &Settings) -> T) -> T {
    let app = golden::application("etl", spec);
    let workload = Workload::read(&app.spec).expect("workload");
    let engine = EngineImage { reference: "onager/engine:1".into(), pull_policy: "IfNotPresent".into() };
    let ui = UiSettings { url_format: Some("ui.org/{{$appName}}".into()), ..UiSettings::default() };
    let site = Site { engine: &engine, limit_cpu: false, taken_ports: BTreeSet::new(), ui: &ui };
    let settings = Settings { start_limit: Duration::from_secs(300), ..Settings::default() };
    test(&app, &workload, &site, &settings)
}

/// Everything that is made for an application, lists with names as maps.
fn made(patch: Value) -> Value {
    let mut spec = plain();
    merge(&mut spec, patch);
    let mut made = with_all(spec, |app, workload, site, settings| {
        json!({
            "driver": driver_pod(app, workload, (1, "7f83".into()), site, settings),
            "executor": executor_pod(app, workload, (1, 2), "10.96.0.7", site),
            "service": service(app),
            "ui": by(json!(ui::ui_services(app, site.ui)), "/metadata/name"),
            "ingresses": by(json!(ui::ingresses(app, site.ui)), "/metadata/name"),
            "budget": disruption::disruption_budget(app),
        })
    });
    for role in ["driver", "executor"] {
        let pod = &mut made[role]["spec"];
        pod["volumes"] = by(pod["volumes"].take(), "/name");
        for list in ["containers", "initContainers"] {
            if pod[list].is_null() {
                continue;
            }
            pod[list] = by(pod[list].take(), "/name");
            for container in pod[list].as_object_mut().expect("map").values_mut() {
                for (list, key) in [("env", "/name"), ("volumeMounts", "/mountPath"), ("ports", "/name")] {
                    container[list] = by(container[list].take(), key);
                }
                for variable in ["ONAGER_DRIVER", "ONAGER_EXECUTOR"] {
                    if let Some(text) = container["env"][variable]["value"].as_str() {
                        let told = serde_json::from_str(text).expect("JSON");
                        container["env"][variable]["value"] = told;
                    }
                }
            }
        }
    }
    made
}

fn by(list: Value, key: &str) -> Value {
    let items = list.as_array().cloned().unwrap_or_default();
    let named = items.into_iter().map(|item| {
        let name = item.pointer(key).and_then(Value::as_str).expect("name").to_string();
        (name, item)
    });
    named.collect::<Map<String, Value>>().into()
}

#[test]
fn each_honoured_field_is_in_what_is_made() {
    let plain = made(json!({}));
    for Case { path, change, at, is } in cases() {
        let made = made(change);
        let there = made.pointer(&at);
        assert_eq!(there, Some(&is), "spec.{path} at {at}");
        assert_ne!(plain.pointer(&at), Some(&is), "spec.{path} at {at} is there without the field too");
    }
}

/// Fields that concern none of these objects; what proves each is elsewhere.
const OTHERS: [&str; 9] = [
    "mode",
    "suspend",
    "timeToLiveSeconds",
    "restartPolicy.",
    "dynamicAllocation.",
    "scheduler",
    "queue",
    "batchSchedulerOptions.queue",
    "executor.deleteOnTermination",
];

#[test]
fn no_field_that_is_said_to_be_honoured_lacks_a_case() {
    let cases: Vec<String> = cases().into_iter().map(|case| case.path).collect();
    let proven = |path: &str| {
        let within = format!("{path}.");
        let list = format!("{path}[]");
        let among = |case: &String| case == path || case.starts_with(&within) || case.starts_with(&list);
        cases.iter().any(among)
            || OTHERS.iter().any(|other| path == *other || (other.ends_with('.') && path.starts_with(other)))
    };
    let honoured = all().filter(|(_, fate)| *fate == Fate::Honoured).map(|(path, _)| path);
    let lacking: Vec<String> = honoured.filter(|path| !proven(path)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}
