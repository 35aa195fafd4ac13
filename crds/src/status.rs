//! What Onager reports of an application. Bounded: counts of executors and the few that failed last, the first rows of a
//! result, never a map of everything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Where an application is in its life; the words are the Kubeflow operator's, and QUEUED.
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
    /// Ended well. Final.
    Completed,
    /// Ended badly. Final.
    Failed,
}

impl State {
    /// Whether nothing follows in this generation.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
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
    /// How often a driver was to be made for this run: more than once when a quota undid it, or the operator was interrupted.
    #[serde(default)]
    pub submission_attempts: u32,
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
    /// Admitted, Running, Succeeded, Failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
