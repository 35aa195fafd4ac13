//! The `SparkApplication`: what a team writes. Field names and meaning are those of the Kubeflow operator's `v1beta2`
//! wherever it has the field. Rules here are those the API server checks on its own, before anything else runs.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, Volume};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DriverSpec, ExecutorSpec, SparkApplicationStatus};

/// Language of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApplicationType {
    /// A script of SQL statements.
    #[serde(rename = "SQL")]
    Sql,
    /// A binary linked with Onager's engine library.
    Rust,
    /// A PySpark script. Not supported yet: such an application ends FAILED with reason UnsupportedType.
    Python,
    /// Only the built-in `org.apache.spark.examples.SparkPi` runs.
    Scala,
    /// Only the built-in `org.apache.spark.examples.SparkPi` runs.
    Java,
    /// Not supported: such an application ends FAILED with reason UnsupportedType.
    R,
}

/// Where the driver runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeployMode {
    /// In a pod of its own.
    #[default]
    #[serde(rename = "cluster")]
    Cluster,
}

/// When an application is run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestartPolicyType {
    /// It runs once.
    #[default]
    Never,
}

/// When and how often an application is run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartPolicy {
    /// `Never`; runs are not repeated yet.
    #[serde(rename = "type", default)]
    pub policy: RestartPolicyType,
}

/// What an application is and what it needs.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "onager.dev",
    version = "v1alpha1",
    kind = "SparkApplication",
    plural = "sparkapplications",
    shortname = "sparkapp",
    category = "all",
    namespaced,
    status = "SparkApplicationStatus",
    derive = "PartialEq",
    doc = "A Spark-style application: a driver, its executors, and what they run.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.applicationState.state"),
    printcolumn(name = "Executors", type_ = "string", json_path = ".status.executors.summary", description = "Executors running / wanted"),
    printcolumn(name = "Duration", type_ = "string", json_path = ".status.duration", description = "From submission to the end"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.applicationState.reason", description = "Why it waits or failed"),
    printcolumn(name = "Result", type_ = "string", json_path = ".status.summary.result", priority = "1"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.applicationState.errorMessage", priority = "1"),
    validation = Rule::new("size(self.metadata.name) <= 52").message("metadata.name must be no more than 52 characters: names of pods are made from it"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must be a DNS label that begins with a letter (a-z, 0-9, '-'): the driver's Service is named after it"),
)]
#[x_kube(
    validation = Rule::new("!(self.type in ['SQL', 'Rust', 'Python']) || has(self.mainApplicationFile)").message("spec.mainApplicationFile is required: what is to be run?"),
    validation = Rule::new("self.type != 'SQL' || !has(self.mainApplicationFile) || self.mainApplicationFile.matches('^(local://|s3a?://)')").message("spec.mainApplicationFile of an SQL application must begin with local://, s3a:// or s3://"),
    validation = Rule::new("self.type != 'Rust' || has(self.image)").message("spec.image is required for type Rust: the image that holds the application's binary"),
    validation = Rule::new("self.type != 'Rust' || !has(self.mainApplicationFile) || self.mainApplicationFile.startsWith('local:///')").message("spec.mainApplicationFile of a Rust application must be a path in its image: local:///path"),
)]
pub struct SparkApplicationSpec {
    /// Language of the application.
    #[serde(rename = "type")]
    pub application_type: ApplicationType,
    /// Where the driver runs.
    #[serde(default)]
    pub mode: DeployMode,
    /// Version of Spark the application was written for. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark_version: Option<String>,
    /// Image of driver and executors; without it the engine's own image runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// When the image is pulled: Always, IfNotPresent or Never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in ['Always', 'IfNotPresent', 'Never']").message("must be Always, IfNotPresent or Never"))]
    pub image_pull_policy: Option<String>,
    /// Names of Secrets to pull images with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<String>,
    /// Main class of a Scala or Java application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
    /// URI of what is run: `local:///path` in the image, `s3a://bucket/key` or `s3://bucket/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub main_application_file: Option<String>,
    /// Arguments of the application.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Spark configuration, as `spark-submit --conf` takes it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spark_conf: BTreeMap<String, String>,
    /// Hadoop configuration; the same as `sparkConf` under the prefix `spark.hadoop.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hadoop_conf: BTreeMap<String, String>,
    /// Volumes that driver and executors may mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// The driver's pod.
    #[serde(default)]
    pub driver: DriverSpec,
    /// The executors' pods.
    #[serde(default)]
    pub executor: ExecutorSpec,
    /// When it is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Seconds after its end at which the application is deleted. Without it, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub time_to_live_seconds: Option<i64>,
}

impl SparkApplicationSpec {
    /// `imagePullSecrets` as a pod has them.
    pub fn pull_secrets(&self) -> Vec<LocalObjectReference> {
        self.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect()
    }

    /// `sparkConf`, and `hadoopConf` under `spark.hadoop.`; where both set a key, `sparkConf` holds.
    pub fn conf(&self) -> BTreeMap<String, String> {
        let hadoop = self.hadoop_conf.iter().map(|(key, value)| (format!("spark.hadoop.{key}"), value.clone()));
        hadoop.chain(self.spark_conf.clone()).collect()
    }
}
