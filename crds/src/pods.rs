//! What driver and executors ask of their pods. Fields that both have are one type, so that they mean the same.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, SecurityContext, Toleration, VolumeMount};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key of a Secret in the application's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Its key.
    pub key: String,
}

const MEMORY: &str =
    "self.matches('^[0-9]+([.][0-9]+)?([kKmMgGtT][bB]?|[KMGT]i)$') && !self.matches('^[0.]+[a-zA-Z]+$')";
const MEMORY_MESSAGE: &str =
    "must be an amount of memory with its unit, such as 512m, 4g (Spark's) or 512Mi, 4Gi (Kubernetes')";
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
    /// Memory on top of `memory`. By default a tenth of it, at least 384m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(MEMORY).message(MEMORY_MESSAGE))]
    #[schemars(length(max = 16))]
    pub memory_overhead: Option<String>,
    /// Memory limit. By default `memory` and `memoryOverhead` together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(MEMORY).message(MEMORY_MESSAGE))]
    #[schemars(length(max = 16))]
    pub memory_limit: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
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
    /// Volumes of `spec.volumes` to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
}

/// The driver's pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriverSpec {
    /// Its pod.
    #[serde(flatten)]
    pub pod: PodFields,
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
}

impl ExecutorSpec {
    /// How many executors are wanted.
    pub fn wanted(&self) -> u32 {
        u32::try_from(self.instances.unwrap_or(1)).unwrap_or(0)
    }
}
