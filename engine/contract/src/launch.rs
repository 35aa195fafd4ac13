//! What the operator tells a driver or an executor at its start, in one environment variable of JSON. Complete: neither
//! needs a Kubernetes token or any other file to begin.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The run a process belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The UID of its SparkApplication.
    pub uid: String,
    /// Which run of the application this is, from 1.
    pub attempt: u32,
}

/// What a driver runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Program {
    /// Statements of a script, in order.
    Sql {
        /// URI of the script: `local:///path`, `s3a://bucket/key` or `s3://bucket/key`.
        script: String,
    },
    /// The built-in job that estimates pi; its first argument is the number of partitions.
    Pi,
    /// The function given to `onager::main` of the binary that is running.
    Rust,
}

/// How many executors a driver waits for before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorDemand {
    /// How many the application asks for; with dynamic allocation, at its start.
    pub wanted: u32,
    /// With how many it begins. 0: it begins without, and gets some when there is work.
    pub minimum: u32,
    /// How many it may come to have; `wanted` where that is more, as without dynamic allocation. Work is cut for this many.
    #[serde(default)]
    pub maximum: u32,
    /// How long it waits for `minimum`, in seconds; then it ends with [`crate::ErrorClass::Platform`].
    pub wait_seconds: u64,
}

/// Files that are brought to the driver and to every executor before work begins, each by its URI: `local://`, `s3a://`,
/// `s3://`, `http://`, `https://`. They stand in [`crate::endpoint::FILES_DIR`], which is the working directory then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deps {
    /// Files, under the last part of their path, or under NAME of `uri#NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Python's files, treated as `files` are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub py_files: Vec<String>,
    /// Archives (`.zip`, `.tar`, `.tar.gz`, `.tgz`), unpacked into a folder of the archive's name, or of NAME of `uri#NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<String>,
}

impl Deps {
    /// Whether there is nothing to bring.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.py_files.is_empty() && self.archives.is_empty()
    }
}

/// What a driver is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriverSpec {
    /// The run it drives.
    pub application: Application,
    /// What it runs.
    pub program: Program,
    /// The application's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// `sparkConf`, and `hadoopConf` under the prefix `spark.hadoop.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conf: BTreeMap<String, String>,
    /// Its executors.
    pub executors: ExecutorDemand,
    /// Tasks one executor runs at once.
    pub executor_cores: u32,
    /// Memory of the driver's container, in bytes.
    pub memory_bytes: u64,
    /// What is brought to it before it begins.
    #[serde(default, skip_serializing_if = "Deps::is_empty")]
    pub deps: Deps,
    /// Where volumes for work and spill are mounted; [`crate::endpoint::WORK_DIR`] when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_dirs: Vec<String>,
    /// Where it serves metrics; [`crate::endpoint::METRICS_PORT`] when absent, nowhere when 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_port: Option<u16>,
    /// Where it serves its user interface; [`crate::endpoint::UI_PORT`] when absent, nowhere when 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_port: Option<u16>,
    /// Where its scheduler listens; [`crate::endpoint::SCHEDULER_PORT`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_port: Option<u16>,
    /// Where its control channel listens; [`crate::endpoint::CONTROL_PORT`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_port: Option<u16>,
    /// SHA-256 in hex of the token with which the operator dials its control channel: enough to know the operator by, and no
    /// secret. Absent, the channel answers nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_digest: Option<String>,
}

/// What an executor is told. The driver's host comes in [`crate::endpoint::ENV_DRIVER_HOST`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorSpec {
    /// The run it works for.
    pub application: Application,
    /// Its index within the application, from 1, never used twice; its pod's name ends with it.
    pub index: u32,
    /// Tasks it runs at once.
    pub cores: u32,
    /// Memory of the executor's container, in bytes.
    pub memory_bytes: u64,
    /// The same as [`DriverSpec::conf`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conf: BTreeMap<String, String>,
    /// The same as [`DriverSpec::deps`].
    #[serde(default, skip_serializing_if = "Deps::is_empty")]
    pub deps: Deps,
    /// The same as [`DriverSpec::local_dirs`], for the executor's pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_dirs: Vec<String>,
    /// Seconds from SIGTERM to the pod's end, `terminationGracePeriodSeconds`; absent means Kubernetes' default, 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    /// The same as [`DriverSpec::metrics_port`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_port: Option<u16>,
    /// Where its shuffle files are read; [`crate::endpoint::FLIGHT_PORT`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flight_port: Option<u16>,
    /// Where it takes tasks; [`crate::endpoint::EXECUTOR_PORT`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_port: Option<u16>,
}
