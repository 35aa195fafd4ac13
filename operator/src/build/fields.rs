//! Every field that concerns pods, and what the pod, Service or Ingress then has. A case fails too when the object has the
//! same without the field.

use std::{collections::BTreeSet, time::Duration};

use onager_core::{
    Settings, Workload,
    fields::{Fate, all},
};
use serde_json::{Map, Value, json};

use super::{
    EngineImage, Site, UiSettings, driver_pod, executor_pod, golden, golden::application, ingresses, service,
    ui_services,
};

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

/// Fields that driver and executor share, `MAIN` standing for the main container and `POD` for the pod's spec.
fn shared() -> Vec<Case> {
    let secret = |kind: &str| json!([{"name": "keys", "path": "/keys", "secretType": kind}]);
    vec![
        case("cores", json!(3), "MAIN/resources/requests/cpu", json!("3000m")),
        case("coreRequest", json!("250m"), "MAIN/resources/requests/cpu", json!("250m")),
        case("coreLimit", json!("2"), "MAIN/resources/limits/cpu", json!("2000m")),
        case(
            "memory",
            json!("8g"),
            "MAIN/resources/requests/memory",
            json!(((8_u64 << 30) as f64 * 1.1) as u64).to_string().into(),
        ),
        case("memoryOverhead", json!("1g"), "MAIN/resources/requests/memory", json!((2_u64 << 30).to_string())),
        case("memoryLimit", json!("16g"), "MAIN/resources/limits/memory", json!((16_u64 << 30).to_string())),
        case(
            "gpu",
            json!({"name": "nvidia.com/gpu", "quantity": 2}),
            "MAIN/resources/limits/nvidia.com~1gpu",
            json!("2"),
        ),
        case("image", json!("team/own:1"), "MAIN/image", json!("team/own:1")),
        case(
            "configMaps",
            json!([{"name": "conf", "path": "/conf"}]),
            "POD/volumes/conf-vol/configMap/name",
            json!("conf"),
        ),
        case(
            "configMaps",
            json!([{"name": "conf", "path": "/conf"}]),
            "MAIN/volumeMounts/~1conf/name",
            json!("conf-vol"),
        ),
        case("secrets", secret("Generic"), "POD/volumes/keys-volume/secret/secretName", json!("keys")),
        case("secrets", secret("Generic"), "MAIN/volumeMounts/~1keys/readOnly", json!(true)),
        case(
            "secrets",
            secret("GCPServiceAccount"),
            "MAIN/env/GOOGLE_APPLICATION_CREDENTIALS/value",
            json!("/keys/key.json"),
        ),
        case(
            "secrets",
            secret("HadoopDelegationToken"),
            "MAIN/env/HADOOP_TOKEN_FILE_LOCATION/value",
            json!("/keys/hadoop.token"),
        ),
        case("env", json!([{"name": "A", "value": "1"}]), "MAIN/env/A/value", json!("1")),
        case("envVars", json!({"A": "1"}), "MAIN/env/A/value", json!("1")),
        case("envFrom", json!([{"secretRef": {"name": "s"}}]), "MAIN/envFrom/0/secretRef/name", json!("s")),
        case(
            "envSecretKeyRefs",
            json!({"P": {"name": "db", "key": "p"}}),
            "MAIN/env/P/valueFrom/secretKeyRef/key",
            json!("p"),
        ),
        case("labels", json!({"cost": "a"}), "META/labels/cost", json!("a")),
        case("annotations", json!({"note": "a"}), "META/annotations/note", json!("a")),
        case("serviceAccount", json!("sa"), "POD/serviceAccountName", json!("sa")),
        case("nodeSelector", json!({"disk": "ssd"}), "POD/nodeSelector/disk", json!("ssd")),
        case("tolerations", json!([{"key": "spot", "operator": "Exists"}]), "POD/tolerations/0/key", json!("spot")),
        case("securityContext", json!({"runAsUser": 185}), "MAIN/securityContext/runAsUser", json!(185)),
        case("podSecurityContext", json!({"fsGroup": 7}), "POD/securityContext/fsGroup", json!(7)),
        case(
            "volumeMounts",
            json!([{"name": VOLUMES, "mountPath": "/s"}]),
            "MAIN/volumeMounts/~1s/name",
            json!(VOLUMES),
        ),
        case("volumeMounts", json!([{"name": VOLUMES, "mountPath": "/s"}]), "POD/volumes/scratch/emptyDir", json!({})),
        case("affinity", json!({"nodeAffinity": {}}), "POD/affinity", json!({"nodeAffinity": {}})),
        case("schedulerName", json!("mine"), "POD/schedulerName", json!("mine")),
        case("priorityClassName", json!("high"), "POD/priorityClassName", json!("high")),
        case(
            "sidecars",
            json!([{"name": "log", "image": "i"}]),
            "POD/initContainers/log/restartPolicy",
            json!("Always"),
        ),
        case(
            "initContainers",
            json!([{"name": "prepare", "image": "i"}]),
            "POD/initContainers/prepare/image",
            json!("i"),
        ),
        case("hostNetwork", json!(true), "POD/hostNetwork", json!(true)),
        case("hostNetwork", json!(true), "POD/dnsPolicy", json!("ClusterFirstWithHostNet")),
        case("dnsConfig", json!({"searches": ["a"]}), "POD/dnsConfig/searches/0", json!("a")),
        case("hostAliases", json!([{"ip": "10.0.0.1", "hostnames": ["a"]}]), "POD/hostAliases/0/ip", json!("10.0.0.1")),
        case("terminationGracePeriodSeconds", json!(77), "POD/terminationGracePeriodSeconds", json!(77)),
        case("shareProcessNamespace", json!(true), "POD/shareProcessNamespace", json!(true)),
        case(
            "lifecycle",
            json!({"preStop": {"sleep": {"seconds": 1}}}),
            "MAIN/lifecycle/preStop/sleep/seconds",
            json!(1),
        ),
        case(
            "ports",
            json!([{"name": "debug", "protocol": "UDP", "containerPort": 99}]),
            "MAIN/ports/debug/protocol",
            json!("UDP"),
        ),
        case("template", json!({"spec": {"runtimeClassName": "gvisor"}}), "POD/runtimeClassName", json!("gvisor")),
    ]
}

/// Fields of the application, of the driver alone and of the executors alone.
fn own() -> Vec<Case> {
    let ui = |value: Value| json!({"sparkUIOptions": value})["sparkUIOptions"].clone();
    let ingress = |more: Value| {
        let mut ingress = json!({"servicePort": 8888, "servicePortName": "nb", "ingressURLFormat": "{{$appName}}.org"});
        merge(&mut ingress, more);
        json!([ingress])
    };
    let driver = "/driver/spec/containers/spark-kubernetes-driver";
    let executor = "/executor/spec/containers/spark-kubernetes-executor";
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    vec![
        case("image", json!("team/tools:3"), &at(driver, "/image"), json!("team/tools:3")),
        case("imagePullPolicy", json!("Always"), &at(executor, "/imagePullPolicy"), json!("Always")),
        case("imagePullSecrets", json!(["pull"]), "/driver/spec/imagePullSecrets/0/name", json!("pull")),
        case("sparkConfigMap", json!("spark"), &at(driver, "/env/SPARK_CONF_DIR/value"), json!("/etc/spark/conf")),
        case(
            "sparkConfigMap",
            json!("spark"),
            "/executor/spec/volumes/spark-configmap-volume/configMap/name",
            json!("spark"),
        ),
        case(
            "hadoopConfigMap",
            json!("hadoop"),
            &at(executor, "/env/HADOOP_CONF_DIR/value"),
            json!("/etc/hadoop/conf"),
        ),
        case(
            "hadoopConfigMap",
            json!("hadoop"),
            &at(driver, "/volumeMounts/~1etc~1hadoop~1conf/name"),
            json!("hadoop-configmap-volume"),
        ),
        case("nodeSelector", json!({"disk": "ssd"}), "/executor/spec/nodeSelector/disk", json!("ssd")),
        case(
            "memoryOverheadFactor",
            json!("1.0"),
            &at(driver, "/resources/requests/memory"),
            json!((2_u64 << 30).to_string()),
        ),
        case("batchSchedulerOptions.priorityClassName", json!("high"), "/driver/spec/priorityClassName", json!("high")),
        case(
            "monitoring.exposeDriverMetrics",
            json!(true),
            "/driver/metadata/annotations/prometheus.io~1scrape",
            json!("true"),
        ),
        case(
            "monitoring.exposeExecutorMetrics",
            json!(true),
            "/executor/metadata/annotations/prometheus.io~1path",
            json!("/metrics"),
        ),
        case_with(
            "monitoring.prometheus.port",
            json!({"monitoring": {"exposeDriverMetrics": true, "prometheus": {"port": 9999}}}),
            "/driver/metadata/annotations/prometheus.io~1port",
            json!("9999"),
        ),
        case_with(
            "monitoring.prometheus.port",
            json!({"monitoring": {"exposeDriverMetrics": true, "prometheus": {"port": 9999}}}),
            &at(driver, "/env/ONAGER_DRIVER/value/metricsPort"),
            json!(9999),
        ),
        case_with(
            "monitoring.prometheus.portName",
            json!({"monitoring": {"exposeExecutorMetrics": true, "prometheus": {"portName": "prom"}}}),
            &at(executor, "/ports/prom/containerPort"),
            json!(8090),
        ),
        case(
            "mainApplicationFile",
            json!("local:///b.sql"),
            &at(driver, "/env/ONAGER_DRIVER/value/program/script"),
            json!("local:///b.sql"),
        ),
        case_with(
            "type",
            json!({"type": "Rust", "image": "team/app:1", "mainApplicationFile": "local:///app"}),
            &at(executor, "/command/0"),
            json!("/app"),
        ),
        case_with(
            "mainClass",
            json!({"type": "Scala", "mainClass": "org.apache.spark.examples.SparkPi"}),
            &at(driver, "/env/ONAGER_DRIVER/value/program/kind"),
            json!("pi"),
        ),
        case_with(
            "volumes",
            json!({"volumes": [{"name": "v", "emptyDir": {}}], "driver": {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}}),
            "/driver/spec/volumes/v/name",
            json!("v"),
        ),
        case("sparkVersion", json!("4.0.4"), "/driver/metadata/labels/spark-version", json!("4.0.4")),
        case("arguments", json!(["a"]), &at(driver, "/env/ONAGER_DRIVER/value/arguments/0"), json!("a")),
        case("sparkConf", json!({"spark.ui.port": "4141"}), &at(driver, "/ports/spark-ui/containerPort"), json!(4141)),
        case("sparkConf", json!({"spark.driver.cores": "2"}), &at(driver, "/resources/requests/cpu"), json!("2000m")),
        case(
            "hadoopConf",
            json!({"fs.s3a.endpoint": "http://s"}),
            &at(executor, "/env/ONAGER_EXECUTOR/value/conf/spark.hadoop.fs.s3a.endpoint"),
            json!("http://s"),
        ),
        case(
            "deps.files",
            json!(["s3a://a/b"]),
            &at(driver, "/env/ONAGER_DRIVER/value/deps/files/0"),
            json!("s3a://a/b"),
        ),
        case(
            "deps.pyFiles",
            json!(["s3a://a/b"]),
            &at(executor, "/env/ONAGER_EXECUTOR/value/deps/pyFiles/0"),
            json!("s3a://a/b"),
        ),
        case(
            "deps.archives",
            json!(["s3a://a/b"]),
            &at(driver, "/env/ONAGER_DRIVER/value/deps/archives/0"),
            json!("s3a://a/b"),
        ),
        case("driver.podName", json!("mine"), "/driver/metadata/name", json!("mine")),
        case("driver.serviceAnnotations", json!({"a": "b"}), "/service/metadata/annotations/a", json!("b")),
        case("driver.serviceLabels", json!({"a": "b"}), "/service/metadata/labels/a", json!("b")),
        case("executor.instances", json!(7), &at(driver, "/env/ONAGER_DRIVER/value/executors/wanted"), json!(7)),
        case("sparkUIOptions.servicePort", ui(json!(80)), "/ui/etl-ui-svc/spec/ports/0/port", json!(80)),
        case("sparkUIOptions.servicePortName", ui(json!("http")), "/ui/etl-ui-svc/spec/ports/0/name", json!("http")),
        case("sparkUIOptions.serviceType", ui(json!("NodePort")), "/ui/etl-ui-svc/spec/type", json!("NodePort")),
        case(
            "sparkUIOptions.serviceAnnotations",
            ui(json!({"a": "b"})),
            "/ui/etl-ui-svc/metadata/annotations/a",
            json!("b"),
        ),
        case("sparkUIOptions.serviceLabels", ui(json!({"a": "b"})), "/ui/etl-ui-svc/metadata/labels/a", json!("b")),
        case(
            "sparkUIOptions.ingressAnnotations",
            ui(json!({"a": "b"})),
            "/ingresses/etl-ui-ingress/metadata/annotations/a",
            json!("b"),
        ),
        case(
            "sparkUIOptions.ingressTLS",
            ui(json!([{"secretName": "t"}])),
            "/ingresses/etl-ui-ingress/spec/tls/0/secretName",
            json!("t"),
        ),
        case(
            "driverIngressOptions[].servicePort",
            ingress(json!({})),
            "/ui/etl-driver-8888/spec/ports/0/targetPort",
            json!(8888),
        ),
        case(
            "driverIngressOptions[].servicePortName",
            ingress(json!({})),
            "/ui/etl-driver-8888/spec/ports/0/name",
            json!("nb"),
        ),
        case(
            "driverIngressOptions[].serviceType",
            ingress(json!({"serviceType": "LoadBalancer"})),
            "/ui/etl-driver-8888/spec/type",
            json!("LoadBalancer"),
        ),
        case(
            "driverIngressOptions[].serviceAnnotations",
            ingress(json!({"serviceAnnotations": {"a": "b"}})),
            "/ui/etl-driver-8888/metadata/annotations/a",
            json!("b"),
        ),
        case(
            "driverIngressOptions[].serviceLabels",
            ingress(json!({"serviceLabels": {"a": "b"}})),
            "/ui/etl-driver-8888/metadata/labels/a",
            json!("b"),
        ),
        case(
            "driverIngressOptions[].ingressURLFormat",
            ingress(json!({})),
            "/ingresses/etl-ing-8888/spec/rules/0/host",
            json!("etl.org"),
        ),
        case(
            "driverIngressOptions[].ingressAnnotations",
            ingress(json!({"ingressAnnotations": {"a": "b"}})),
            "/ingresses/etl-ing-8888/metadata/annotations/a",
            json!("b"),
        ),
        case(
            "driverIngressOptions[].ingressTLS",
            ingress(json!({"ingressTLS": [{"secretName": "t"}]})),
            "/ingresses/etl-ing-8888/spec/tls/0/secretName",
            json!("t"),
        ),
    ]
}

/// All cases, those of both roles for each.
fn cases() -> Vec<Case> {
    let both = ["driver", "executor"].into_iter().flat_map(|role| {
        shared().into_iter().map(move |case| Case {
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
    both.chain(own()).collect()
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

/// Everything that is made for an application, lists with names as maps.
fn made(patch: Value) -> Value {
    let mut spec = plain();
    merge(&mut spec, patch);
    let app = application("etl", spec);
    let workload = Workload::read(&app.spec).expect("workload");
    let engine = EngineImage { reference: "onager/engine:1".into(), pull_policy: "IfNotPresent".into() };
    let site = Site { engine: &engine, limit_cpu: false, taken_ports: BTreeSet::new() };
    let settings = Settings { start_limit: Duration::from_secs(300), ..Settings::default() };
    let ui = UiSettings { url_format: Some("ui.org".into()), ..UiSettings::default() };
    let mut made = json!({
        "driver": driver_pod(&app, &workload, 1, &site, &settings),
        "executor": executor_pod(&app, &workload, (1, 2), "10.96.0.7", &site),
        "service": service(&app),
        "ui": by(json!(ui_services(&app, &ui)), "/metadata/name"),
        "ingresses": by(json!(ingresses(&app, &ui)), "/metadata/name"),
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

/// Fields that concern no pod, Service or Ingress; what proves each is elsewhere.
const OTHERS: [&str; 8] = [
    "mode",
    "suspend",
    "timeToLiveSeconds",
    "restartPolicy.",
    "dynamicAllocation.",
    "scheduler",
    "driverPodDisruptionBudget",
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

/// All fields at once, seen as a whole in `golden/`.
#[test]
fn an_application_that_says_everything() {
    let mut spec = plain();
    // Of what is run there can only be one.
    for Case { change, .. } in cases().into_iter().filter(|case| !["type", "mainClass"].contains(&case.path.as_str())) {
        merge(&mut spec, change);
    }
    let app = application("etl", spec);
    let workload = Workload::read(&app.spec).expect("workload");
    let engine = EngineImage { reference: "onager/engine:1".into(), pull_policy: "IfNotPresent".into() };
    let site = Site { engine: &engine, limit_cpu: false, taken_ports: BTreeSet::new() };
    let settings = Settings { start_limit: Duration::from_secs(300), ..Settings::default() };
    let ui = UiSettings { url_format: Some("ui.org".into()), ..UiSettings::default() };
    golden::compare("everything-driver.yaml", &driver_pod(&app, &workload, 1, &site, &settings));
    golden::compare("everything-executor.yaml", &executor_pod(&app, &workload, (1, 2), "10.96.0.7", &site));
    golden::compare("everything-services.yaml", &ui_services(&app, &ui));
    golden::compare("everything-ingresses.yaml", &ingresses(&app, &ui));
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
    for (name, field) in
        [("onager-sched", "schedulerPort"), ("onager-control", "controlPort"), ("metrics", "metricsPort")]
    {
        let port = ports[name]["containerPort"].as_i64().expect("port");
        assert!((20_000..30_000).contains(&port), "{name}: {port}");
        assert_eq!(ports[name]["hostPort"], port, "the scheduler keeps others of this number away");
        assert_eq!(told[field], port);
    }
    let ui = ports["spark-ui"]["containerPort"].as_i64().expect("port");
    assert_eq!(told["conf"]["spark.ui.port"], ui.to_string());
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
