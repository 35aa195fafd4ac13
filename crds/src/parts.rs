//! Small things that pods name: keys of Secrets, objects with a path to mount them at, GPUs, ports.

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

/// A ConfigMap and where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamePath {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Where its keys appear as files.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
}

/// What is in a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SecretType {
    /// A service account's `key.json`; GOOGLE_APPLICATION_CREDENTIALS points to it.
    GCPServiceAccount,
    /// A `hadoop.token`; HADOOP_TOKEN_FILE_LOCATION points to it.
    HadoopDelegationToken,
    /// Anything.
    Generic,
}

/// A Secret and where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretInfo {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Where its keys appear as files.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// What is in it.
    pub secret_type: SecretType,
}

/// GPUs of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    /// Name of the resource, such as `nvidia.com/gpu`.
    #[schemars(length(min = 1, max = 317))]
    pub name: String,
    /// How many; 0 is none.
    #[schemars(range(min = 0, max = 1024))]
    pub quantity: i64,
}

/// Protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// A port of the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Its name.
    #[schemars(length(min = 1, max = 15))]
    pub name: String,
    /// Its protocol. Default TCP.
    #[serde(default)]
    pub protocol: Protocol,
    /// Its number.
    #[schemars(range(min = 1, max = 65535))]
    pub container_port: i32,
}
