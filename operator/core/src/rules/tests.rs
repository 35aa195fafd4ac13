//! One application that is right, and for each rule the change that breaks it, with the field that is named.

use serde_json::{Value, json};

use super::{Kind, Verdict, check};

fn right() -> Value {
    json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
        "metadata": {"name": "etl", "namespace": "team-a"},
        "spec": {
            "type": "SQL", "mode": "cluster", "image": "team/app:1", "mainApplicationFile": "s3a://lake/etl.sql",
            "sparkConf": {"spark.sql.shuffle.partitions": "8", "spark.kubernetes.namespace": "team-a", "spark.driver.memory": "1g"},
            "hadoopConf": {"fs.s3a.endpoint": "http://minio:9000"},
            "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": 0}}, {"name": "conf", "configMap": {"name": "conf"}}],
            "restartPolicy": {"type": "OnFailure", "onFailureRetries": 3},
            "driver": {
                "cores": 1, "coreLimit": "1200m", "memory": "512m", "serviceAccount": "etl", "labels": {"team": "a"},
                "env": [{"name": "A", "value": "b"}], "envFrom": [{"secretRef": {"name": "store"}}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                "template": {"metadata": {"labels": {"b": "c"}}, "spec": {
                    "serviceAccountName": "etl", "nodeSelector": {"disk": "ssd"},
                    "containers": [{"name": "spark-kubernetes-driver", "image": "team/app:1", "volumeMounts": [{"name": "more", "mountPath": "/more"}]}],
                    "volumes": [{"name": "more", "emptyDir": {}}],
                }},
            },
            "executor": {
                "instances": 2, "cores": 1, "memory": "512m",
                "sidecars": [{"name": "shipper", "image": "team/shipper:1", "volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}],
                "initContainers": [{"name": "warm", "image": "team/warm:1"}],
            },
        },
    })
}

/// RFC 7386.
fn merge(target: &mut Value, change: Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, change) => *target = change,
    }
}

fn with(spec: Value) -> Value {
    let mut object = right();
    merge(&mut object["spec"], spec);
    object
}

fn judged(spec: Value) -> Verdict {
    check(&with(spec), Kind::SparkApplication, None)
}

#[test]
fn the_right_one_is_right() {
    assert_eq!(judged(json!({})), Verdict::default());
    let schedule =
        json!({"metadata": {"name": "nightly"}, "spec": {"schedule": "@daily", "template": right()["spec"]}});
    assert_eq!(check(&schedule, Kind::ScheduledSparkApplication, None), Verdict::default());
}

#[test]
fn a_schedule_is_judged_with_what_it_runs() {
    let mut schedule =
        json!({"metadata": {"name": "s"}, "spec": {"schedule": "61 * * * *", "template": right()["spec"]}});
    schedule["spec"]["template"]["driver"]["memory"] = "12potatoes".into();
    let paths = |schedule: &Value| {
        let faults = check(schedule, Kind::ScheduledSparkApplication, None).faults;
        faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>()
    };
    assert_eq!(paths(&schedule), ["spec.schedule", "spec.template.driver.memory"]);
    schedule["spec"]["schedule"] = "@daily".into();
    schedule["spec"]["timeZone"] = "Mars/Olympus".into();
    assert_eq!(paths(&schedule)[0], "spec.timeZone");
}

#[test]
fn each_fault_is_named_with_its_field_and_nothing_else_is() {
    let template = |spec: Value| json!({"driver": {"template": {"spec": spec}}});
    let conf = |key: &str, value: &str| json!({"sparkConf": {key: value}});
    let long = "a".repeat(40);
    let table: Vec<(&str, Value)> = vec![
        ("spec.driver.memory", json!({"driver": {"memory": "12potatoes"}})),
        ("spec.driver.memory", json!({"driver": {"memory": "99999999999999t"}})),
        ("spec.driver.cores", json!({"driver": {"cores": 0}})),
        ("spec.driver.cores", json!({"driver": {"cores": -1}})),
        ("spec.executor.instances", json!({"executor": {"instances": 0}})),
        ("spec.executor.instances", json!({"executor": {"instances": 1e9}})),
        ("spec.executor.instances", json!({"executor": {"instances": 1_000_000_000}})),
        ("spec.executor.instances", json!({"executor": {"instances": "two"}})),
        (
            "spec.sparkConf[spark.executor.instances]",
            json!({"executor": {"instances": null}, "sparkConf": {"spark.executor.instances": "two"}}),
        ),
        ("spec.driver.memoryLimit", json!({"driver": {"memoryLimit": "1m"}})),
        ("spec.driver.coreLimit", json!({"driver": {"coreLimit": "10m"}})),
        ("spec.mainApplicationFile", json!({"mainApplicationFile": null})),
        (
            "spec.sparkConf[spark.scheduler.minRegisteredResourcesRatio]",
            conf("spark.scheduler.minRegisteredResourcesRatio", "2"),
        ),
        ("spec.sparkConf[spark.master]", conf("spark.master", "local[*]")),
        ("spec.sparkConf[spark.submit.deployMode]", conf("spark.submit.deployMode", "client")),
        ("spec.sparkConf[spark.kubernetes.namespace]", conf("spark.kubernetes.namespace", "team-b")),
        (
            "spec.sparkConf[spark.kubernetes.authenticate.driver.serviceAccountName]",
            conf("spark.kubernetes.authenticate.driver.serviceAccountName", "admin"),
        ),
        ("spec.sparkConf[spark.kubernetes.container.image]", conf("spark.kubernetes.container.image", "other")),
        ("spec.sparkConf[spark.kubernetes.driver.pod.name]", conf("spark.kubernetes.driver.pod.name", "mine")),
        (
            "spec.sparkConf[spark.kubernetes.driver.podTemplateFile]",
            conf("spark.kubernetes.driver.podTemplateFile", "/t"),
        ),
        (
            "spec.sparkConf[spark.kubernetes.executor.volumes.hostPath.x.mount.path]",
            conf("spark.kubernetes.executor.volumes.hostPath.x.mount.path", "/"),
        ),
        (
            "spec.sparkConf[spark.kubernetes.authenticate.oauthToken]",
            conf("spark.kubernetes.authenticate.oauthToken", "x"),
        ),
        ("spec.driver.template.spec.serviceAccountName", template(json!({"serviceAccountName": "admin"}))),
        ("spec.driver.template.spec.hostPID", template(json!({"hostPID": true}))),
        ("spec.driver.template.spec.hostIPC", template(json!({"hostIPC": true}))),
        ("spec.driver.template.spec.nodeSelectr", template(json!({"nodeSelectr": {}}))),
        ("spec.driver.template.spec.image", template(json!({"image": "x"}))),
        (
            "spec.driver.template.spec.securityContext.capabilities",
            template(json!({"securityContext": {"capabilities": {}}})),
        ),
        ("spec.driver.template.spec.ephemeralContainers", template(json!({"ephemeralContainers": []}))),
        (
            "spec.driver.template.spec.containers[0].image",
            template(json!({"containers": [{"name": "spark-kubernetes-driver", "image": "other"}]})),
        ),
        (
            "spec.driver.template.spec.containers[0].command",
            template(json!({"containers": [{"name": "spark-kubernetes-driver", "command": ["sh"]}]})),
        ),
        (
            "spec.driver.template.metadata.finalizers",
            json!({"driver": {"template": {"metadata": {"finalizers": ["a/b"]}}}}),
        ),
        (
            "spec.driver.template.metadata.namespace",
            json!({"driver": {"template": {"metadata": {"namespace": "team-b"}}}}),
        ),
        (
            "spec.executor.sidecars[0].imagePulPolicy",
            json!({"executor": {"sidecars": [{"name": "a", "image": "b", "imagePulPolicy": "Always"}]}}),
        ),
        ("spec.executor.sidecars[0].name", json!({"executor": {"sidecars": [{"image": "b"}]}})),
        ("spec.executor.sidecars[0].name", json!({"executor": {"sidecars": [{"name": "warm", "image": "b"}]}})),
        (
            "spec.executor.sidecars[0].name",
            json!({"executor": {"sidecars": [{"name": "spark-kubernetes-executor", "image": "b"}]}}),
        ),
        ("spec.executor.initContainers[0].image", json!({"executor": {"initContainers": [{"name": "a"}]}})),
        (
            "spec.driver.volumeMounts[0].name",
            json!({"driver": {"volumeMounts": [{"name": "none", "mountPath": "/a"}]}}),
        ),
        (
            "spec.driver.volumeMounts[1]",
            json!({"driver": {"volumeMounts": [{"name": "conf", "mountPath": "/a"}, {"name": "scratch", "mountPath": "/a/"}]}}),
        ),
        (
            "spec.volumes[2]",
            json!({"volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "conf", "emptyDir": {}}, {"name": "conf", "emptyDir": {}}]}),
        ),
        ("spec.driver.labels[onager.dev/role]", json!({"driver": {"labels": {"onager.dev/role": "executor"}}})),
        ("spec.driver.labels[team]", json!({"driver": {"labels": {"team": "a b"}}})),
        ("spec.executor.annotations[a b]", json!({"executor": {"annotations": {"a b": "c"}}})),
        (
            "spec.driver.envFrom[0].secretRef.name",
            json!({"driver": {"envFrom": [{"secretRef": {"name": "team-b/store"}}]}}),
        ),
        ("spec.driver.serviceAccount", json!({"driver": {"serviceAccount": "team-b:etl", "template": null}})),
        ("spec.imagePullSecrets[0]", json!({"imagePullSecrets": ["kube-system/pull"]})),
        (
            "spec.executor.secrets[0].path",
            json!({"executor": {"secrets": [{"name": "s", "path": "keys", "secretType": "Generic"}]}}),
        ),
        ("spec.executor.envVars[A=B]", json!({"executor": {"envVars": {"A=B": "c"}}})),
        (
            "spec.dynamicAllocation.minExecutors",
            json!({"dynamicAllocation": {"enabled": true, "minExecutors": 5, "maxExecutors": 4}}),
        ),
        (
            "spec.driverIngressOptions[1].servicePort",
            json!({"driverIngressOptions": [{"servicePort": 80, "servicePortName": "a"}, {"servicePort": 80, "servicePortName": "b"}]}),
        ),
    ];
    for (path, change) in table {
        let verdict = judged(change.clone());
        let paths: Vec<&str> = verdict.faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, [path], "{change}\n{:#?}", verdict.faults);
    }
    let mut named = with(json!({"driverIngressOptions": [{"servicePort": 65535, "servicePortName": "a"}]}));
    named["metadata"]["name"] = format!("{long}{}", "b".repeat(12)).into();
    let verdict = check(&named, Kind::SparkApplication, None);
    assert_eq!(verdict.faults[0].path, "spec.driverIngressOptions[0].servicePort", "{:?}", verdict.faults);
    assert!(verdict.faults[0].message.contains("shorten metadata.name to 50"), "{:?}", verdict.faults);
}

#[test]
fn all_faults_are_told_at_once() {
    let verdict = judged(json!({
        "mainApplicationFile": null,
        "driver": {"memory": "12potatoes", "coreLimit": "10m", "serviceAccount": "a/b", "template": null},
        "executor": {"cores": 0, "memoryLimit": "1m"},
        "sparkConf": {"spark.master": "local"},
    }));
    let mut paths: Vec<&str> = verdict.faults.iter().map(|fault| fault.path.as_str()).collect();
    paths.sort_unstable();
    let expected = [
        "spec.driver.coreLimit",
        "spec.driver.memory",
        "spec.driver.serviceAccount",
        "spec.executor.cores",
        "spec.executor.memoryLimit",
        "spec.mainApplicationFile",
        "spec.sparkConf[spark.master]",
    ];
    assert_eq!(paths, expected, "{:#?}", verdict.faults);
}

#[test]
fn what_is_not_used_is_warned_about() {
    let template = |spec: Value| json!({"driver": {"template": {"spec": spec}}});
    let resources = json!({"limits": {"cpu": 1}});
    let table: Vec<(&str, Value)> = vec![
        ("spec.type: it will end FAILED", json!({"type": "Scala", "mainClass": "org.example.Main"})),
        ("spec.type: it will end FAILED", json!({"type": "Python"})),
        ("spec.executor.instances: ", json!({"dynamicAllocation": {"enabled": true, "maxExecutors": 1}})),
        ("spark.kubernetes.local.dirs.tmpfs", json!({"sparkConf": {"spark.kubernetes.local.dirs.tmpfs": "true"}})),
        ("spec.hadoopConf[spark.hadoop.a]: ", json!({"hadoopConf": {"spark.hadoop.a": "b"}})),
        (
            "spec.volumes[0].hostPath: ",
            json!({"volumes": [{"name": "scratch", "hostPath": {"path": "/x"}}, {"name": "conf", "emptyDir": {}}]}),
        ),
        ("spec.driver.securityContext.privileged: ", json!({"driver": {"securityContext": {"privileged": true}}})),
        ("spec.driver.template.spec.runtimeClassName: ", template(json!({"runtimeClassName": "gvisor"}))),
        ("spec.driver.template.spec.restartPolicy: ", template(json!({"restartPolicy": "Always"}))),
        (
            "spec.driver.template.spec.containers[0].resources.limits.cpu: ",
            template(json!({"containers": [{"name": "driver", "resources": resources}]})),
        ),
        ("spec.restartPolicy.onFailureRetries: ", json!({"restartPolicy": {"type": "Never"}})),
    ];
    for (words, change) in table {
        let verdict = judged(change.clone());
        assert_eq!(verdict.faults, [], "{change}");
        assert!(
            matches!(verdict.warnings.as_slice(), [one] if one.contains(words)),
            "{change}\n{:#?}",
            verdict.warnings
        );
    }
}

#[test]
fn keys_may_repeat_what_fields_say_and_speak_where_fields_are_silent() {
    let conf = json!({
        "spark.kubernetes.authenticate.driver.serviceAccountName": "etl",
        "spark.kubernetes.container.image": "team/app:1",
        "spark.submit.deployMode": "cluster",
        "spark.kubernetes.driver.label.team": "a",
        "spark.kubernetes.executor.request.cores": "500m",
        "spark.kubernetes.driverEnv.A": "b",
        "spark.app.name": "etl",
    });
    assert_eq!(judged(json!({"sparkConf": conf})), Verdict::default());
}

#[test]
fn an_update_is_judged_by_what_it_changes() {
    let old = with(json!({"driver": {"memoryLimit": "1m"}}));
    let mut labelled = old.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(check(&labelled, Kind::SparkApplication, Some(&old)), Verdict::default(), "the spec is the same");
    let mut suspended = old.clone();
    suspended["spec"]["suspend"] = true.into();
    assert_eq!(check(&suspended, Kind::SparkApplication, Some(&old)).faults, [], "the fault was there before");
    let mut worse = old.clone();
    worse["spec"]["executor"]["coreLimit"] = "10m".into();
    let faults = check(&worse, Kind::SparkApplication, Some(&old)).faults;
    assert!(matches!(faults.as_slice(), [one] if one.path == "spec.executor.coreLimit"), "{faults:?}");
}

/// The operator judges what is stored without the webhook, and has read it into types by then.
#[test]
fn an_application_that_was_stored_is_judged_as_it_was_written() {
    let more = json!({
        "deps": {"files": ["local:///a"]}, "dynamicAllocation": {"enabled": true, "maxExecutors": 4},
        "monitoring": {"exposeDriverMetrics": true, "prometheus": {"port": 9090}},
        "sparkUIOptions": {"serviceType": "NodePort", "ingressTLS": [{"hosts": ["a.example.org"], "secretName": "tls"}]},
        "driver": {
            "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}], "gpu": {"name": "a.com/gpu", "quantity": 1},
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
            ]}}},
            "securityContext": {"runAsUser": 1000}, "ports": [{"name": "a", "containerPort": 8888}],
        },
    });
    for change in [json!({}), more, json!({"driver": {"memoryLimit": "1m"}, "executor": {"coreLimit": "10m"}})] {
        let written = with(change);
        let read: onager_crds::SparkApplication = serde_json::from_value(written.clone()).expect("an application");
        let stored = serde_json::to_value(&read).expect("JSON");
        let faults = |object: &Value| check(object, Kind::SparkApplication, None).faults;
        assert_eq!(faults(&stored), faults(&written), "{written}");
    }
}

#[test]
fn an_answer_stays_short() {
    let labels: serde_json::Map<String, Value> =
        (0..4_000).map(|number| (format!("a{number}"), format!("{} b", "x".repeat(300)).into())).collect();
    let verdict = judged(json!({"driver": {"labels": labels}}));
    assert_eq!(verdict.faults.len(), super::MOST_FAULTS);
    let verdict = judged(json!({"arguments": vec!["x"; 3000]}));
    assert!(matches!(verdict.faults.as_slice(), [one] if one.path == "spec.arguments"), "{:?}", verdict.faults);
}
