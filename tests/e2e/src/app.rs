//! Applications as sentences: `app("etl").sql("SELECT 1").executors(2)`. What is not said is small, so that many fit on a
//! small machine.

use serde_json::{Value, json};

use crate::team::{ACCOUNT, STORE};

const SCRIPT: &str = "script.sql";

/// An application to be.
#[derive(Clone, Debug)]
pub struct App {
    name: String,
    script: Option<String>,
    spec: Value,
}

/// An application of that name that estimates pi with one part and one executor.
pub fn app(name: &str) -> App {
    let pod = json!({
        "cores": 1, "coreRequest": "50m", "memory": "256m", "serviceAccount": ACCOUNT,
        "envFrom": [{"secretRef": {"name": STORE}}],
    });
    let mut executor = pod.clone();
    executor["instances"] = 1.into();
    let spec = json!({
        "type": "Scala",
        "mode": "cluster",
        "mainClass": "org.apache.spark.examples.SparkPi",
        "arguments": ["1"],
        "sparkConf": {
            "spark.hadoop.fs.s3a.endpoint": "http://minio.minio.svc:9000",
            "spark.hadoop.fs.s3a.path.style.access": "true",
        },
        "driver": pod,
        "executor": executor,
    });
    App { name: name.into(), script: None, spec }
}

impl App {
    /// Estimates pi with so many parts.
    pub fn pi(self, parts: u32) -> Self {
        self.with(json!({"arguments": [parts.to_string()]}))
    }

    /// Runs this script, which a ConfigMap brings into the driver.
    pub fn sql(mut self, script: &str) -> Self {
        self.script = Some(script.into());
        let map = format!("{}-script", self.name);
        self.script_at(&format!("local:///scripts/{SCRIPT}")).with(json!({
            "volumes": [{"name": "scripts", "configMap": {"name": map}}],
            "driver": {"volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}]},
        }))
    }

    /// Runs the script at this address.
    pub fn script_at(self, uri: &str) -> Self {
        self.with(json!({"type": "SQL", "mainClass": null, "arguments": null, "mainApplicationFile": uri}))
    }

    /// So many executors.
    pub fn executors(self, count: u32) -> Self {
        self.with(json!({"executor": {"instances": count}}))
    }

    /// Changes the spec: a JSON merge patch.
    pub fn with(mut self, change: Value) -> Self {
        merge(&mut self.spec, change);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its spec.
    pub fn spec(&self) -> &Value {
        &self.spec
    }

    /// What is applied.
    pub fn manifest(&self, namespace: &str) -> Value {
        let mut items = vec![json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {"name": self.name, "namespace": namespace}, "spec": self.spec,
        })];
        if let Some(script) = &self.script {
            items.insert(
                0,
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": format!("{}-script", self.name), "namespace": namespace},
                    "data": {SCRIPT: script},
                }),
            );
        }
        json!({"apiVersion": "v1", "kind": "List", "items": items})
    }
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
