//! What Onager reports of an application. Bounded: counts of executors and the few that failed last, the first rows of a
//! result, never a map of everything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Where an application is in its life; the words are the Kubeflow operator's, and QUEUED. Which follows which is in
/// docs/lifecycle.md.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Not seen yet.
    #[default]
    #[serde(rename = "")]
    New,
    /// Waits for room or quota.
    Queued,
    /// Its objects are made; the driver does not run yet.
    Submitted,
    /// The driver runs.
    Running,
    /// The run ended well, and another follows: what is left of it is removed.
    Succeeding,
    /// Ended well. Final for this generation.
    Completed,
    /// The run ended badly, and another follows: what is left of it is removed.
    Failing,
    /// The driver did not come to run, and is tried again: what is left of it is removed.
    SubmissionFailed,
    /// Waits for the time of its next run.
    PendingRerun,
    /// Ended badly. Final for this generation.
    Failed,
    /// An edit makes another run of it: what is left of the one before is removed.
    Invalidating,
    /// `spec.suspend` was set: its pods are removed.
    Suspending,
    /// Held, without pods, until `spec.suspend` is unset.
    Suspended,
    /// `spec.suspend` was unset: it is about to be admitted again.
    Resuming,
    /// The driver's node does not answer.
    Unknown,
}

impl State {
    /// All of them, in the order in which docs tell of them.
    pub const ALL: [Self; 15] = [
        Self::New,
        Self::Queued,
        Self::Submitted,
        Self::Running,
        Self::Unknown,
        Self::Succeeding,
        Self::Failing,
        Self::SubmissionFailed,
        Self::PendingRerun,
        Self::Invalidating,
        Self::Suspending,
        Self::Suspended,
        Self::Resuming,
        Self::Completed,
        Self::Failed,
    ];

    /// Whether nothing follows in this generation.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Whether room is given to an application in this state.
    pub fn is_admitted(self) -> bool {
        matches!(self, Self::Submitted | Self::Running | Self::Unknown)
    }
}

/// The state, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationState {
    /// Where it is in its life.
    pub state: State,
    /// In one word why it waits or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// In a sentence why it waits or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// The driver's pod, and where its UI is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriverInfo {
    /// Its name.
    pub pod_name: String,
    /// Its UID, once it was seen at work: it is never made again after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// When it was first seen to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_since: Option<Time>,
    /// The Service of its UI.
    #[serde(default, rename = "webUIServiceName", skip_serializing_if = "Option::is_none")]
    pub web_ui_service_name: Option<String>,
    /// That Service's port.
    #[serde(default, rename = "webUIPort", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub web_ui_port: Option<i32>,
    /// Where the UI is reached within the cluster: address and port.
    #[serde(default, rename = "webUIAddress", skip_serializing_if = "Option::is_none")]
    pub web_ui_address: Option<String>,
    /// The Ingress of its UI.
    #[serde(default, rename = "webUIIngressName", skip_serializing_if = "Option::is_none")]
    pub web_ui_ingress_name: Option<String>,
    /// Where the UI is reached from outside: a URL.
    #[serde(default, rename = "webUIIngressAddress", skip_serializing_if = "Option::is_none")]
    pub web_ui_ingress_address: Option<String>,
}

/// An executor that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorFailure {
    /// Its pod.
    pub pod_name: String,
    /// Why, as the kubelet or the control plane says.
    pub reason: String,
}

/// The executors, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorStatus {
    /// How many are wanted.
    pub wanted: u32,
    /// How many run.
    pub running: u32,
    /// How many crashed in this run.
    pub failed: u32,
    /// The highest index ever given to one; none is given twice.
    pub highest_index: u32,
    /// `running/wanted`, for `kubectl get`; after the end as it was last.
    pub summary: String,
    /// The last few that were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_failures: Vec<ExecutorFailure>,
}

/// The first rows of a result, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResultPreview {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each with one text a column.
    pub rows: Vec<Vec<String>>,
}

/// What a run did, as its driver summed it up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultSummary {
    /// The result in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The first rows of the last query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<ResultPreview>,
    /// Rows of the last query.
    pub rows: u64,
    /// Statements that ran.
    pub statements: u32,
    /// Stages that ran.
    pub stages: u64,
    /// Tasks that ran.
    pub tasks: u64,
    /// Bytes written to shuffle files.
    pub shuffle_bytes: u64,
    /// Seconds from the first executor to the end.
    pub seconds: f64,
}

/// The queue that admits an application, and its place in line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuePlace {
    /// The Queue: its namespace and name.
    pub name: String,
    /// Its place in line, from 1; 0 once it is admitted. Rounded up to tens beyond 10 and to hundreds beyond 100: one that
    /// leaves a long line does not change the status of all behind it.
    #[serde(default)]
    pub position: u32,
}

/// What Onager reports of an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SparkApplicationStatus {
    /// The generation of the spec that this run was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state, and why.
    #[serde(default)]
    pub application_state: ApplicationState,
    /// The queue that admits it, and its place in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueuePlace>,
    /// What the pods are made of, of the spec that the last run was made from: a spec with another one makes another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_hash: Option<String>,
    /// The number that pods of today carry. It only grows: no two drivers ever had the same.
    #[serde(default)]
    pub attempt: u32,
    /// The number at which this run was admitted: pods of lower ones are left from earlier runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub admitted_attempt: u32,
    /// How often a driver came to run in this generation.
    #[serde(default)]
    pub execution_attempts: u32,
    /// How often a driver was submitted since one last came to run. What a quota undid does not count.
    #[serde(default)]
    pub submission_attempts: u32,
    /// How many runs failed in a row; one that worked for long before it failed is the first again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_attempts: u32,
    /// When the pods of this run were first made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_submission_attempt_time: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_time: Option<Time>,
    /// From submission to the end, such as `1m12s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// The driver's pod, and where its UI is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_info: Option<DriverInfo>,
    /// The executors, in numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executors: Option<ExecutorStatus>,
    /// What the run did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ResultSummary>,
    /// Admitted, Running, Succeeded, Failed, Suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
