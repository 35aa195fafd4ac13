//! The driver's control channel: HTTP with JSON bodies and the application's bearer token. The operator dials, the driver
//! answers.

use serde::{Deserialize, Serialize};

/// `GET`: answers [`Progress`].
pub const PROGRESS: &str = "/v1/progress";
/// `POST` [`ExecutorLost`]: the executor's tasks are given to others at once. 204 also when it is unknown.
pub const EXECUTOR_LOST: &str = "/v1/executor-lost";
/// `POST` [`Drain`]: the executor gets no more tasks. 204 when it may go, also when it is unknown; 409 when it has work, or
/// files that are still needed, and goes on as before.
pub const DRAIN: &str = "/v1/drain";

/// How far a driver has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Waits for its minimum of executors.
    WaitingForExecutors,
    /// Runs the application.
    Running,
    /// Stops its executors and writes its summary.
    Ending,
}

/// What a driver says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// How far it has come.
    pub phase: Phase,
    /// Executors registered and alive.
    pub executors: u32,
    /// Tasks that wait for a free core: so many more cores would be put to use.
    pub pending_tasks: u64,
    /// Tasks that run; one that works on several partitions at once counts for each core it holds.
    pub running_tasks: u64,
    /// Executors without a task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idle: Vec<Idle>,
}

/// An executor that has no task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Idle {
    /// Its index, see [`crate::ExecutorSpec::index`].
    pub index: u32,
    /// How long it has had none, in seconds.
    pub idle_seconds: u64,
    /// Whether it holds files that a running or later stage, or the reader of a result, still needs.
    pub holds_shuffle: bool,
}

/// An executor that is to get no more tasks, since its pod is going to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Its index.
    pub index: u32,
    /// Whether it may go although it holds files that are needed: they are made again then.
    #[serde(default)]
    pub with_shuffle: bool,
}

/// An executor whose pod is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorLost {
    /// Its index, see [`crate::ExecutorSpec::index`].
    pub index: u32,
    /// Why, for the driver's log.
    pub reason: String,
}
