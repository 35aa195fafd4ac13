//! The driver's control channel: HTTP with JSON bodies and the application's bearer token. The operator dials, the driver
//! answers.

use serde::{Deserialize, Serialize};

/// `GET`: answers [`Progress`].
pub const PROGRESS: &str = "/v1/progress";
/// `POST` [`ExecutorLost`]: the executor's tasks are given to others at once. 204 also when it is unknown.
pub const EXECUTOR_LOST: &str = "/v1/executor-lost";

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
    /// Tasks that wait for a free core.
    pub pending_tasks: u64,
    /// Tasks that run.
    pub running_tasks: u64,
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
