//! What driver and executors ask of their pods. Fields that both have are one type, so that they mean the same.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Container, EnvFromSource, EnvVar, HostAlias, Lifecycle, PodDNSConfig, PodSecurityContext,
    PodTemplateSpec, SecurityContext, Toleration, VolumeMount,
};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{Gpu, NamePath, Port, Raw, SecretInfo, SecretKey, raw::with_quantities};

const MEMORY: &str = "self.matches('^[0-9]+([.][0-9]+)?([kKmMgGtTpP]?[bB]|[kKmMgGtTpP]|[KMGTP]i)$') && !self.matches('^[0.]+[a-zA-Z]+$')";
const MEMORY_MESSAGE: &str =
    "must be an amount of memory with its unit, such as 512m, 4g (Spark's) or 512Mi, 4Gi (Kubernetes')";
const OVERHEAD: &str = "self.matches('^[0-9]+([.][0-9]+)?([kKmMgGtTpP]?[bB]|[kKmMgGtTpP]|[KMGTP]i)?$') && !self.matches('^[0.]+[a-zA-Z]*$')";
const OVERHEAD_MESSAGE: &str = "must be an amount of memory, such as 512m, 512Mi, or 512, which is in mebibytes";
const CPU: &str = "self.matches('^([0-9]+m|[0-9]+([.][0-9]{1,3})?)$') && !self.matches('^[0.]+m?$')";
const CPU_MESSAGE: &str = "must be an amount of CPU above zero, such as 500m, 1 or 1.5";

/// What driver and executor pods have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodFields {
    /// Cores: tasks that run at once, and the CPU request where `coreRequest` is not given. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub cores: Option<i32>,
    /// CPU request, such as `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(CPU).message(CPU_MESSAGE))]
    #[schemars(length(max = 16))]
    pub core_request: Option<String>,
    /// CPU limit, such as `1200m`. Where the namespace's quota limits `limits.cpu`, `cores` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(CPU).message(CPU_MESSAGE))]
    #[schemars(length(max = 16))]
    pub core_limit: Option<String>,
    /// Memory, such as `512m`, `4g` or `4Gi`. Default `1g`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(MEMORY).message(MEMORY_MESSAGE))]
    #[schemars(length(max = 16))]
    pub memory: Option<String>,
    /// Memory on top of `memory`, in mebibytes where it has no unit. By default `memoryOverheadFactor` of it, at least 384m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(OVERHEAD).message(OVERHEAD_MESSAGE))]
    #[schemars(length(max = 16))]
    pub memory_overhead: Option<String>,
    /// Memory limit. By default `memory` and `memoryOverhead` together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(MEMORY).message(MEMORY_MESSAGE))]
    #[schemars(length(max = 16))]
    pub memory_limit: Option<String>,
    /// GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// Image of these pods alone, in place of `spec.image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// ConfigMaps to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<NamePath>,
    /// Secrets to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretInfo>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "with_quantities")]
    pub env: Vec<EnvVar>,
    /// Environment variables by name; `env` can do more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env_vars: BTreeMap<String, String>,
    /// Environment variables from whole ConfigMaps or Secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_from: Vec<EnvFromSource>,
    /// Environment variables from keys of Secrets, by name of the variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env_secret_key_refs: BTreeMap<String, SecretKey>,
    /// Labels of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Service account of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Security context of the container. What it leaves out meets the `restricted` Pod Security Standard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
    /// Security context of the pod. What it leaves out meets the `restricted` Pod Security Standard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_context: Option<PodSecurityContext>,
    /// Volumes of `spec.volumes` to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Which nodes and which neighbours the pods want.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Scheduler that binds the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub scheduler_name: Option<String>,
    /// Priority class of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,
    /// Containers that run beside the application's, each as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub sidecars: Vec<Raw<Container>>,
    /// Containers that run before the application's, each as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub init_containers: Vec<Raw<Container>>,
    /// Whether the pods use their node's network. Ports are then chosen free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_network: Option<bool>,
    /// DNS settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<PodDNSConfig>,
    /// Entries of /etc/hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_aliases: Vec<HostAlias>,
    /// Seconds the pods have to end after a SIGTERM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Whether the containers of a pod see each other's processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_process_namespace: Option<bool>,
    /// What runs after the container's start and before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// More ports of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub ports: Vec<Port>,
    /// Options of a Java virtual machine. Accepted and not used: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_options: Option<String>,
    /// A pod to begin with: the other fields are put over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Raw<PodTemplateSpec>>,
}

/// The driver's pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriverSpec {
    /// Its pod.
    #[serde(flatten)]
    pub pod: PodFields,
    /// Name of the pod. Default `<application>-driver`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')").message("must be the name of a pod: a-z, 0-9, '-' and '.', such as etl-driver"))]
    #[schemars(length(min = 1, max = 253))]
    pub pod_name: Option<String>,
    /// URL of the Kubernetes API. Accepted and not used: the driver does not call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_master: Option<String>,
    /// Annotations of the Service at which executors find the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_annotations: BTreeMap<String, String>,
    /// Labels of the Service at which executors find the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_labels: BTreeMap<String, String>,
}

/// The executors' pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorSpec {
    /// Their pods.
    #[serde(flatten)]
    pub pod: PodFields,
    /// How many. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub instances: Option<i32>,
    /// Whether the pods are deleted when they have ended. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}
