//! Fields of the application, of the driver alone and of the executors alone.

use serde_json::json;

use super::{Case, case, case_with};

/// Their cases.
pub fn cases() -> Vec<Case> {
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
    ]
}
