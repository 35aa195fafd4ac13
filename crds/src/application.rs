//! The `SparkApplication`: what a team writes. Field names and meaning are those of the Kubeflow operator's `v1beta2`
//! wherever it has the field. Rules here are those the API server checks on its own, before anything else runs.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, Volume};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BatchSchedulerOptions, Dependencies, DriverIngress, DriverSpec, DynamicAllocation, ExecutorSpec, Monitoring,
    RestartPolicy, SparkApplicationStatus, SparkUiOptions, raw::with_quantities,
};

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
    /// Where the application was submitted. Not supported, and refused with that reason.
    #[serde(rename = "client")]
    Client,
}

/// Who decides where and when the pods run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    /// Onager: all pods of an application or none.
    Onager,
    /// The cluster's scheduler, pod by pod.
    Default,
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
    printcolumn(name = "Runs", type_ = "integer", json_path = ".status.executionAttempts", priority = "1", description = "How often a driver came to run in this generation"),
    printcolumn(name = "Result", type_ = "string", json_path = ".status.summary.result", priority = "1"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.applicationState.errorMessage", priority = "1"),
    validation = Rule::new("size(self.metadata.name) <= 52").message("metadata.name must be no more than 52 characters: names of pods are made from it"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must be a DNS label that begins with a letter (a-z, 0-9, '-'): the driver's Service is named after it"),
    validation = Rule::new("has(self.spec.driver.podName) == has(oldSelf.spec.driver.podName) && (!has(self.spec.driver.podName) || self.spec.driver.podName == oldSelf.spec.driver.podName)").message("spec.driver.podName cannot be changed: an application has one driver, and its name is how that is kept. Make a new application"),
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
    /// Whether it is held: no pods are made, and those it has are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Where the driver runs: `cluster`, in a pod of its own.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self != 'client'").message("must be cluster: the driver runs in a pod of its own, never where the application was submitted"))]
    pub mode: DeployMode,
    /// Version of Spark the application was written for. It becomes a label of the pods, and changes nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark_version: Option<String>,
    /// User to act as in Hadoop. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_user: Option<String>,
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
    /// ConfigMap of Spark's configuration files, mounted; SPARK_CONF_DIR points to it, and spark-defaults.conf is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub spark_config_map: Option<String>,
    /// ConfigMap of Hadoop's configuration files, mounted; HADOOP_CONF_DIR points to it, and core-site.xml is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub hadoop_config_map: Option<String>,
    /// Files it needs beside its main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deps: Option<Dependencies>,
    /// Volumes that driver and executors may mount. Those named `spark-local-dir-...` are where work and spill go.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "with_quantities")]
    pub volumes: Vec<Volume>,
    /// The driver's pod.
    #[serde(default)]
    pub driver: DriverSpec,
    /// The executors' pods.
    #[serde(default)]
    pub executor: ExecutorSpec,
    /// Labels a node must have, for driver and executors; theirs come on top.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Memory on top of `memory`, as a part of it. Default 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+([.][0-9]*)?|[.][0-9]+)$')").message("must be a number such as 0.1 or 0.4"))]
    #[schemars(length(min = 1, max = 16))]
    pub memory_overhead_factor: Option<String>,
    /// Major version of Python. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in ['2', '3']").message("must be \"2\" or \"3\""))]
    #[schemars(length(max = 8))]
    pub python_version: Option<String>,
    /// A number of executors that follows the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_allocation: Option<DynamicAllocation>,
    /// The queue it waits in: a name, or a namespace and a name, `team-alpha/etl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("must be the name of a Queue, or its namespace and name, such as team-alpha/etl"))]
    #[schemars(length(min = 1, max = 317))]
    pub queue: Option<String>,
    /// Who decides where and when the pods run: `onager` (the default with a queue) or `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<Scheduler>,
    /// A batch scheduler of the Kubeflow operator's. None is called: an application starts whole or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub batch_scheduler: Option<String>,
    /// What a batch scheduler is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_scheduler_options: Option<BatchSchedulerOptions>,
    /// When it is run again. By default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Old form of `restartPolicy.onFailureRetries`. Accepted and not used, as in the Kubeflow operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub failure_retries: Option<i32>,
    /// Old form of `restartPolicy.onSubmissionFailureRetryInterval`. Accepted and not used, as in the Kubeflow operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub retry_interval: Option<i64>,
    /// Which metrics are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
    /// How the driver's UI is reached.
    #[serde(default, rename = "sparkUIOptions", skip_serializing_if = "Option::is_none")]
    pub spark_ui_options: Option<SparkUiOptions>,
    /// How more ports of the driver are reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub driver_ingress_options: Vec<DriverIngress>,
    /// Whether a PodDisruptionBudget keeps the driver while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_pod_disruption_budget: Option<bool>,
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
