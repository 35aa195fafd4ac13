//! Manifests of the Kubeflow operator's v1beta2 are read whole: nothing they say is lost, and odd notations are taken.

use onager_crds::{SparkApplicationSpec, crd};
use serde_json::{Value, json};

/// Every JSON field of the Kubeflow operator's `SparkApplicationSpec` and of the structs in it that are its own, as of August
/// 2026.
const SPEC: &str = "arguments batchScheduler batchSchedulerOptions deps driver driverIngressOptions \
    driverPodDisruptionBudget dynamicAllocation executor failureRetries hadoopConf hadoopConfigMap image imagePullPolicy \
    imagePullSecrets mainApplicationFile mainClass memoryOverheadFactor mode monitoring nodeSelector proxyUser \
    pythonVersion restartPolicy retryInterval sparkConf sparkConfigMap sparkUIOptions sparkVersion suspend \
    timeToLiveSeconds type volumes";
const POD: &str = "affinity annotations configMaps coreLimit coreRequest cores dnsConfig env envFrom envSecretKeyRefs \
    envVars gpu hostAliases hostNetwork image initContainers javaOptions labels lifecycle memory memoryLimit \
    memoryOverhead nodeSelector podSecurityContext ports priorityClassName schedulerName secrets securityContext \
    serviceAccount shareProcessNamespace sidecars template terminationGracePeriodSeconds tolerations volumeMounts";
const GROUPS: [(&str, &str); 16] = [
    ("", SPEC),
    ("driver", POD),
    ("driver", "kubernetesMaster podName serviceAnnotations serviceLabels"),
    ("executor", POD),
    ("executor", "deleteOnTermination instances"),
    ("deps", "archives excludePackages files jars packages pyFiles repositories"),
    (
        "restartPolicy",
        "onFailureRetries onFailureRetryInterval onSubmissionFailureRetries onSubmissionFailureRetryInterval type",
    ),
    ("monitoring", "exposeDriverMetrics exposeExecutorMetrics metricsProperties metricsPropertiesFile prometheus"),
    ("monitoring.prometheus", "configFile configuration jmxExporterJar port portName"),
    ("batchSchedulerOptions", "priorityClassName queue resources"),
    (
        "dynamicAllocation",
        "enabled initialExecutors maxExecutors minExecutors shuffleTrackingEnabled shuffleTrackingTimeout",
    ),
    (
        "sparkUIOptions",
        "ingressAnnotations ingressTLS serviceAnnotations serviceLabels servicePort servicePortName serviceType",
    ),
    (
        "driverIngressOptions",
        "ingressAnnotations ingressTLS ingressURLFormat serviceAnnotations serviceLabels servicePort servicePortName \
         serviceType",
    ),
    ("executor.secrets", "name path secretType"),
    ("executor.ports", "containerPort name protocol"),
    ("executor.gpu", "name quantity"),
];

#[test]
fn no_field_of_theirs_is_missing() {
    let all = crd::all().expect("CRDs");
    let spec = &all[0].crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for (group, fields) in GROUPS {
        let schema = group.split('.').filter(|name| !name.is_empty()).fold(spec, |schema, name| {
            let property = &schema["properties"][name];
            if property["items"].is_object() { &property["items"] } else { property }
        });
        for field in fields.split_whitespace() {
            assert!(schema["properties"][field].is_object(), "spec.{group}.{field} is missing");
        }
    }
}

#[test]
fn odd_notations_are_taken_and_nothing_is_lost() {
    let written = json!({
        "type": "Scala",
        "mode": "cluster",
        "image": null,
        "mainClass": "org.apache.spark.examples.SparkPi",
        "mainApplicationFile": "local:///opt/spark/examples/jars/spark-examples.jar",
        "volumes": [{"name": "spark-local-dir-1", "emptyDir": {"medium": "Memory", "sizeLimit": 1073741824}}],
        "batchSchedulerOptions": {"queue": "root.default", "resources": {"cpu": 2, "memory": "4Gi"}},
        "driver": {
            "cores": 1,
            "memoryOverhead": "512",
            "env": [{"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": 1}}}],
            "template": {"spec": {"containers": [{"name": "x", "resources": {"limits": {"cpu": 1}}}]}},
            "sidecars": [{"name": "log", "image": "log", "unheard": "of"}],
        },
        "executor": {"gpu": {"name": "nvidia.com/gpu", "quantity": 0}},
    });
    let spec: SparkApplicationSpec = serde_json::from_value(written.clone()).expect("read");
    let read = serde_json::to_value(&spec).expect("JSON");
    for path in ["/driver/template", "/driver/sidecars", "/executor/gpu", "/driver/memoryOverhead"] {
        assert_eq!(read.pointer(path), written.pointer(path), "{path}");
    }
    assert_eq!(read["batchSchedulerOptions"]["resources"], json!({"cpu": "2", "memory": "4Gi"}));
    assert_eq!(read.pointer("/volumes/0/emptyDir/sizeLimit"), Some(&Value::from("1073741824")));
    assert_eq!(read.pointer("/driver/env/0/valueFrom/resourceFieldRef/divisor"), Some(&Value::from("1")));
}

/// An instance of a schema in which everything there can be is there: with `most`, numbers are as large as they may be and
/// what is a number or a text is a number; else as small, and a text.
fn instance(schema: &Value, most: bool) -> Value {
    if schema["x-kubernetes-int-or-string"] == true {
        let largest = schema["maximum"].as_i64().unwrap_or(i64::MAX);
        return if most { largest.into() } else { "1".into() };
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return json!({"unheard": {"of": [1.5, null]}});
    }
    if let Some(values) = schema["enum"].as_array() {
        return if most { values.last() } else { values.first() }.expect("a value").clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let mut object: serde_json::Map<String, Value> =
                fields.map(|(name, field)| (name.clone(), instance(field, most))).collect();
            if schema["additionalProperties"].is_object() {
                object.insert("key".into(), instance(&schema["additionalProperties"], most));
            }
            object.into()
        }
        Some("array") => json!([instance(&schema["items"], most)]),
        Some("string") => "text".into(),
        Some("boolean") => most.into(),
        Some("integer") => {
            let (bound, otherwise) = if most { ("maximum", i64::MAX) } else { ("minimum", i64::MIN) };
            schema[bound].as_f64().map_or(otherwise, |bound| bound as i64).into()
        }
        Some("number") => 1.5.into(),
        other => panic!("{other:?} in a schema: {schema}"),
    }
}

#[test]
fn what_the_schema_lets_in_is_read() {
    let all = crd::all().expect("CRDs");
    let spec = &all[0].crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for most in [false, true] {
        let read: Result<SparkApplicationSpec, _> = serde_json::from_value(instance(spec, most));
        // One object that cannot be read would stop the watch of all.
        assert!(read.is_ok(), "{}", read.expect_err("unread"));
    }
}

#[test]
fn no_field_of_their_schedules_is_missing() {
    let all = crd::all().expect("CRDs");
    let scheduled = all.iter().find(|generated| generated.file.starts_with("scheduled")).expect("the CRD of schedules");
    let schema = &scheduled.crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    for (part, fields) in [
        (
            "spec",
            "concurrencyPolicy failedRunHistoryLimit schedule successfulRunHistoryLimit suspend template timeZone",
        ),
        ("status", "lastRun lastRunName nextRun pastFailedRunNames pastSuccessfulRunNames reason scheduleState"),
    ] {
        for field in fields.split_whitespace() {
            assert!(schema[part]["properties"][field].is_object(), "{part}.{field} is missing");
        }
    }
}
