//! Whole applications: all fields at once, fields over a template, ports on a node's network, labels of Spark's.

use serde_json::{Value, json};

use super::{Case, cases, made, merge, plain, with_all};
use crate::build::{disruption, driver_pod, executor_pod, golden, ui};

/// All fields at once, seen as a whole in `golden/`.
#[test]
fn an_application_that_says_everything() {
    let mut spec = plain();
    // Of what is run there can only be one.
    for Case { change, .. } in cases().into_iter().filter(|case| !["type", "mainClass"].contains(&case.path.as_str())) {
        merge(&mut spec, change);
    }
    with_all(spec, |app, workload, site, settings| {
        golden::compare("everything-driver.yaml", &driver_pod(app, workload, (1, "7f83".into()), site, settings));
        golden::compare("everything-executor.yaml", &executor_pod(app, workload, (1, 2), "10.96.0.7", site));
        golden::compare("everything-services.yaml", &ui::ui_services(app, site.ui));
        golden::compare("everything-ingresses.yaml", &ui::ingresses(app, site.ui));
        golden::compare("everything-budget.yaml", &disruption::disruption_budget(app));
    });
}

#[test]
fn a_template_is_the_ground_and_the_fields_stand_on_it() {
    let template = json!({
        "metadata": {"labels": {"a": "template", "b": "template", "onager.dev/role": "mine"}, "annotations": {"c": "template"}},
        "spec": {
            "restartPolicy": "Always", "serviceAccount": "old", "priority": 7, "priorityClassName": "low",
            "nodeSelector": {"disk": "hdd", "zone": "z1"}, "tolerations": [{"key": "t", "operator": "Exists"}],
            "securityContext": {"fsGroup": 5, "runAsUser": 6},
            "containers": [
                {"name": "beside", "image": "b"},
                {
                    "name": "spark-kubernetes-driver", "image": "template", "command": ["mine"], "args": ["mine"],
                    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, {"name": "ONAGER_DRIVER", "value": "x"}],
                    "resources": {"requests": {"cpu": 9, "memory": "9Gi", "ephemeral-storage": "1Gi"}},
                    "volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/mnt/disk1"}],
                    "livenessProbe": {"tcpSocket": {"port": 1}},
                },
            ],
            "volumes": [{"name": "spark-local-dir-1", "emptyDir": {"sizeLimit": "100Mi"}}],
        },
    });
    let made = made(json!({"image": "typed", "driver": {
        "template": template, "labels": {"a": "typed"}, "serviceAccount": "sa", "priorityClassName": "high", "cores": 2,
        "nodeSelector": {"disk": "ssd"}, "env": [{"name": "A", "value": "typed"}], "podSecurityContext": {"fsGroup": 8},
        "tolerations": [{"key": "u", "operator": "Exists"}],
    }}));
    let driver = &made["driver"];
    let labels = &driver["metadata"]["labels"];
    assert_eq!(
        (&labels["a"], &labels["b"], &labels["onager.dev/role"]),
        (&json!("typed"), &json!("template"), &json!("driver"))
    );
    let spec = &driver["spec"];
    assert_eq!(spec["restartPolicy"], "Never");
    assert_eq!((&spec["serviceAccountName"], &spec["serviceAccount"]), (&json!("sa"), &Value::Null));
    assert_eq!((&spec["priorityClassName"], &spec["priority"]), (&json!("high"), &Value::Null));
    assert_eq!(spec["nodeSelector"], json!({"disk": "ssd", "zone": "z1"}));
    assert_eq!(spec["tolerations"].as_array().map(Vec::len), Some(2));
    assert_eq!((&spec["securityContext"]["fsGroup"], &spec["securityContext"]["runAsUser"]), (&json!(8), &json!(6)));
    assert_eq!(spec["containers"]["beside"]["image"], "b");
    let main = &spec["containers"]["spark-kubernetes-driver"];
    assert_eq!((&main["image"], &main["args"]), (&json!("typed"), &Value::Null));
    assert_eq!(main["command"], json!(["/opt/onager/onager-engine"]));
    assert_eq!(main["env"]["A"], json!({"name": "A", "value": "typed"}));
    assert!(main["env"]["ONAGER_DRIVER"]["value"].is_object(), "ours holds");
    assert_eq!(
        main["resources"]["requests"],
        json!({"cpu": "2000m", "memory": "1476395008", "ephemeral-storage": "1Gi"})
    );
    assert_eq!(main["livenessProbe"]["tcpSocket"]["port"], 1);
    assert_eq!(main["env"]["ONAGER_DRIVER"]["value"]["localDirs"], json!(["/mnt/disk1"]));
}

#[test]
fn on_its_nodes_network_a_pod_has_ports_of_its_own_and_services_lead_to_them() {
    let made = made(json!({"driver": {"hostNetwork": true}, "executor": {"hostNetwork": true}}));
    let ports = &made["driver"]["spec"]["containers"]["spark-kubernetes-driver"]["ports"];
    let told = &made["driver"]["spec"]["containers"]["spark-kubernetes-driver"]["env"]["ONAGER_DRIVER"]["value"];
    for (name, field) in [
        ("onager-sched", "schedulerPort"),
        ("onager-control", "controlPort"),
        ("spark-ui", "uiPort"),
        ("metrics", "metricsPort"),
    ] {
        let port = ports[name]["containerPort"].as_i64().expect("port");
        assert!((20_000..30_000).contains(&port), "{name}: {port}");
        assert_eq!(ports[name]["hostPort"], port, "the scheduler keeps others of this number away");
        assert_eq!(told[field], port);
    }
    assert_eq!(made["service"]["spec"]["ports"][0]["targetPort"], "onager-sched");
    assert_eq!(made["ui"]["etl-ui-svc"]["spec"]["ports"][0]["targetPort"], "spark-ui");
    let executor = &made["executor"]["spec"]["containers"]["spark-kubernetes-executor"];
    assert_eq!(
        executor["ports"]["onager-flight"]["containerPort"],
        executor["env"]["ONAGER_EXECUTOR"]["value"]["flightPort"]
    );
}

#[test]
fn users_find_pods_by_sparks_labels() {
    let made = made(json!({"sparkVersion": "4.0.4"}));
    let labels = &made["executor"]["metadata"]["labels"];
    for (label, value) in [
        ("spark-role", "executor"),
        ("spark-exec-id", "2"),
        ("spark-app-name", "etl"),
        ("spark-version", "4.0.4"),
        ("sparkoperator.k8s.io/app-name", "etl"),
        ("spark-app-selector", "spark-7d0c5f1e000040008000000000000000"),
    ] {
        assert_eq!(labels[label], value, "{label}");
    }
    assert_eq!(made["driver"]["metadata"]["labels"]["spark-role"], "driver");
}
