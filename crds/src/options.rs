//! Groups of options of an application: repetition, dependencies, metrics, batch scheduling, dynamic allocation, and how its
//! UI and ports are reached. Only their shape and the ranges of their numbers are said here.

use std::collections::BTreeMap;

use k8s_openapi::{api::networking::v1::IngressTLS, apimachinery::pkg::api::resource::Quantity};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::raw::quantity_map;

/// When an application is run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestartPolicyType {
    /// It runs once.
    #[default]
    Never,
    /// When it failed, as often as the retries allow.
    OnFailure,
    /// Whenever it has ended.
    Always,
}

/// When and how often an application is run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartPolicy {
    /// `Never` (the default), `OnFailure` or `Always`.
    #[serde(rename = "type", default)]
    pub policy: RestartPolicyType,
    /// How often a run that failed is repeated with OnFailure. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub on_failure_retries: Option<i32>,
    /// Seconds before the first repetition of a run; it doubles with each, up to 5 minutes. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub on_failure_retry_interval: Option<i64>,
    /// How often a submission that failed is repeated with OnFailure. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub on_submission_failure_retries: Option<i32>,
    /// Seconds before the first repetition of a submission; it doubles with each, up to 5 minutes. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub on_submission_failure_retry_interval: Option<i64>,
}

/// Files an application needs beside its main one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependencies {
    /// Jars. Accepted and not used: there is no JVM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jars: Vec<String>,
    /// Files, fetched into the working directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Python files, fetched into the working directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub py_files: Vec<String>,
    /// Maven coordinates. Accepted and not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Maven coordinates to leave out. Accepted and not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_packages: Vec<String>,
    /// Maven repositories. Accepted and not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Archives, extracted into the working directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<String>,
}

/// Which metrics are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// Whether the driver's metrics are shown.
    #[serde(default)]
    pub expose_driver_metrics: bool,
    /// Whether the executors' metrics are shown.
    #[serde(default)]
    pub expose_executor_metrics: bool,
    /// Spark's metrics.properties. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_properties: Option<String>,
    /// Path of Spark's metrics.properties in the image. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_properties_file: Option<String>,
    /// How Prometheus finds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
}

/// How Prometheus finds the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Prometheus {
    /// The JMX exporter's jar. Accepted and not used: driver and executors export metrics themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jmx_exporter_jar: Option<String>,
    /// Port of the metrics. Default 8090.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 49151))]
    pub port: Option<i32>,
    /// Name of the metrics' port. Default `jmx-exporter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15))]
    pub port_name: Option<String>,
    /// The JMX exporter's configuration file. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
    /// The JMX exporter's configuration. Accepted and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

/// What a batch scheduler is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchSchedulerOptions {
    /// The same as `spec.queue`, which wins where both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub queue: Option<String>,
    /// Priority class of pods that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,
    /// Resources the whole application asks for, where they are more than its pods ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "quantity_map")]
    pub resources: BTreeMap<String, Quantity>,
}

/// A number of executors that follows the work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.minExecutors) || !has(self.maxExecutors) || self.minExecutors <= self.maxExecutors").message("minExecutors must not be more than maxExecutors"),
)]
pub struct DynamicAllocation {
    /// Whether the number of executors follows the work.
    #[serde(default)]
    pub enabled: bool,
    /// Executors to begin with; `executor.instances`, where that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub initial_executors: Option<i32>,
    /// The fewest executors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub min_executors: Option<i32>,
    /// The most executors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_executors: Option<i32>,
    /// Whether executors with shuffle data that is still needed stay. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle_tracking_enabled: Option<bool>,
    /// Milliseconds after which an idle executor leaves although it holds shuffle data. By default it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000_000_i64))]
    pub shuffle_tracking_timeout: Option<i64>,
}

/// Type of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Reached within the cluster.
    #[default]
    ClusterIP,
    /// Reached on a port of each node.
    NodePort,
    /// Reached through a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// How the driver's UI is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SparkUiOptions {
    /// Port of the Service. Default 4040.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub service_port: Option<i32>,
    /// Name of that port. Default `spark-driver-ui-port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub service_port_name: Option<String>,
    /// Type of the Service. Default `ClusterIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// Annotations of the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_annotations: BTreeMap<String, String>,
    /// Labels of the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_labels: BTreeMap<String, String>,
    /// Annotations of the Ingress.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ingress_annotations: BTreeMap<String, String>,
    /// TLS hosts and Secrets of the Ingress.
    #[serde(default, rename = "ingressTLS", skip_serializing_if = "Vec::is_empty")]
    pub ingress_tls: Vec<IngressTLS>,
}

/// How a port of the driver is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriverIngress {
    /// Port of the driver and of the Service.
    #[schemars(range(min = 1, max = 65535))]
    pub service_port: i32,
    /// Name of that port.
    #[schemars(length(min = 1, max = 63))]
    pub service_port_name: String,
    /// Type of the Service. Default `ClusterIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// Annotations of the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_annotations: BTreeMap<String, String>,
    /// Labels of the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_labels: BTreeMap<String, String>,
    /// URL of the Ingress, such as `{{$appName}}.example.org`. Without it there is a Service alone.
    #[serde(default, rename = "ingressURLFormat", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub ingress_url_format: Option<String>,
    /// Annotations of the Ingress.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ingress_annotations: BTreeMap<String, String>,
    /// TLS hosts and Secrets of the Ingress.
    #[serde(default, rename = "ingressTLS", skip_serializing_if = "Vec::is_empty")]
    pub ingress_tls: Vec<IngressTLS>,
}
