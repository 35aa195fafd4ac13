//! What of a pod is its outline, and how large it is with everything in it.

use serde_json::json;

use super::*;
use crate::{Size, Workload, requests::requests};

fn workload(spec: serde_json::Value) -> Workload {
    let mut whole = json!({"type": "SQL", "mainApplicationFile": "local:///a.sql"});
    for (name, value) in spec.as_object().expect("map") {
        whole[name.as_str()] = value.clone();
    }
    Workload::read(&serde_json::from_value(whole).expect("spec")).expect("workload")
}

#[test]
fn a_pod_is_as_large_as_all_that_is_in_it() {
    let container = |name: &str, cpu: &str| json!({"name": name, "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}});
    let plain = workload(json!({})).driver;
    let full = workload(json!({"driver": {
        "sidecars": [container("log", "250m")], "initContainers": [container("prepare", "4")],
        "gpu": {"name": "nvidia.com/gpu", "quantity": 1},
        "template": {"spec": {
            "containers": [{"name": "spark-kubernetes-driver", "resources": {"requests": {"cpu": 64}}}, container("beside", "500m")],
            "overhead": {"memory": "64Mi"},
        }},
    }}))
    .driver;
    assert_eq!(full.main_request, plain.request, "what a template says of the main container's CPU does not count");
    assert_eq!(full.request, Size::pod(4000, plain.request.memory + (2 << 30) + (64 << 20)));
    let (_, others) = requests(&full.outline.whole());
    assert_eq!(others["nvidia.com/gpu"], 1);
}

#[test]
fn a_claim_that_only_the_driver_mounts_is_not_in_its_executors() {
    let workload = workload(json!({
        "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "side", "emptyDir": {}}],
        "driver": {"volumeMounts": [{"name": "claim", "mountPath": "/c"}]},
        "executor": {"sidecars": [{"name": "log", "volumeMounts": [{"name": "side", "mountPath": "/s"}]}]},
    }));
    let names = |outline: &Outline| -> Vec<String> {
        outline.spec.volumes.iter().flatten().map(|volume| volume.name.clone()).collect()
    };
    assert_eq!(names(&workload.driver.outline), ["claim"]);
    assert_eq!(names(&workload.executor.outline), ["side"]);
}

#[test]
fn the_main_container_of_a_template_is_found_by_its_names_or_is_the_first() {
    for (names, image) in [
        (["other", "spark-kubernetes-executor"], "second"),
        (["other", "executor"], "second"),
        (["one", "two"], "first"),
    ] {
        let containers = json!([{"name": names[0], "image": "first"}, {"name": names[1], "image": "second"}]);
        let executor = workload(json!({"executor": {"template": {"spec": {"containers": containers}}}})).executor;
        assert_eq!(executor.outline.main.image.as_deref(), Some(image), "{names:?}");
        assert_eq!(executor.outline.spec.containers.len(), 1);
    }
}

#[test]
fn volumes_for_work_are_told_wherever_they_come_from() {
    let executor = workload(json!({
        "volumes": [{"name": "spark-local-dir-a", "emptyDir": {}}],
        "executor": {
            "volumeMounts": [{"name": "spark-local-dir-a", "mountPath": "/a"}],
            "template": {"spec": {
                "containers": [{"name": "executor", "volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/b"}]}],
                "volumes": [{"name": "spark-local-dir-1", "emptyDir": {}}],
            }},
        },
    }))
    .executor;
    assert_eq!(executor.outline.local_dirs(), ["/b", "/a"]);
}

#[test]
fn what_cannot_be_read_is_refused_by_its_path() {
    let spec = |driver: serde_json::Value| {
        let spec = json!({"type": "SQL", "mainApplicationFile": "local:///a.sql", "driver": driver});
        Workload::read(&serde_json::from_value(spec).expect("spec")).expect_err("refused").message
    };
    assert!(spec(json!({"sidecars": [{"name": "a"}, {"name": 7}]})).starts_with("spec.driver.sidecars[1]"));
    assert!(spec(json!({"template": {"spec": {"containers": 7}}})).starts_with("spec.driver.template"));
}
