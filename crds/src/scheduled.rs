//! The `ScheduledSparkApplication`: a template of applications, and when they run. Field names and meaning are those of the
//! Kubeflow operator's `v1beta2`. Whether a schedule can be read is checked by the webhook: a pattern here tells a typing
//! error from a schedule, no more.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SparkApplicationSpec, status::Condition};

/// What happens when a run is due while an earlier one has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// Both run.
    #[default]
    Allow,
    /// The one that is due is skipped.
    Forbid,
    /// The earlier one is deleted; the one that is due starts when it is gone.
    Replace,
}

/// Where a schedule is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScheduleState {
    /// Not seen yet.
    #[default]
    #[serde(rename = "")]
    New,
    /// Never set by Onager; read where another operator left it.
    Validating,
    /// It can be read, and runs start at its times unless it is suspended.
    Scheduled,
    /// It cannot be read; `reason` says why. It recovers when the spec is corrected.
    FailedValidation,
}

/// When applications run, and what they are.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "onager.dev",
    version = "v1alpha1",
    kind = "ScheduledSparkApplication",
    plural = "scheduledsparkapplications",
    shortname = "scheduledsparkapp",
    category = "all",
    namespaced,
    status = "ScheduledSparkApplicationStatus",
    derive = "PartialEq",
    doc = "SparkApplications that are made from a template at the times of a schedule.",
    printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.schedule"),
    printcolumn(name = "TimeZone", type_ = "string", json_path = ".spec.timeZone"),
    printcolumn(name = "Suspend", type_ = "boolean", json_path = ".spec.suspend"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.scheduleState"),
    printcolumn(name = "Last Run", type_ = "date", json_path = ".status.lastRun"),
    printcolumn(name = "Last Run Name", type_ = "string", json_path = ".status.lastRunName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Next Run", type_ = "string", json_path = ".status.nextRun", priority = "1"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason", priority = "1"),
    validation = Rule::new("size(self.metadata.name) <= 41").message("metadata.name must be no more than 41 characters: a run is named after it and the second it is due, and the run's pods after the run"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must be a DNS label that begins with a letter (a-z, 0-9, '-'): Services of its runs are named after it"),
)]
pub struct ScheduledSparkApplicationSpec {
    /// When runs are due: five cron fields (minute, hour, day of month, month, day of week), `@hourly` and the like, or
    /// `@every 1h30m`.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = Rule::new(SCHEDULE).message(SCHEDULE_MESSAGE))]
    pub schedule: String,
    /// Time zone of the schedule, such as `Europe/Berlin`. Default `Local`, the operator's, which is UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub time_zone: Option<String>,
    /// What runs: the `spec` of a SparkApplication.
    pub template: SparkApplicationSpec,
    /// Whether no run starts. Runs that were due meanwhile are not made up for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// What happens when a run is due while an earlier one has not ended.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,
    /// How many successful runs are kept. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub successful_run_history_limit: Option<i32>,
    /// How many failed runs are kept. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub failed_run_history_limit: Option<i32>,
    /// A run that could not start within so many seconds of its time is skipped. Without it, the latest of those missed
    /// starts as soon as it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub starting_deadline_seconds: Option<i64>,
}

const SCHEDULE: &str = r"self.matches('^((CRON_)?TZ=\\S+\\s+)?(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every\\s+\\S+|[^\\s@]\\S*(\\s+\\S+){4})\\s*$')";
const SCHEDULE_MESSAGE: &str = "must be five cron fields such as '*/15 6-18 * * mon-fri' (minute, hour, day of month, month, day of week), '@hourly', '@daily', '@weekly', '@monthly', '@yearly', or '@every 1h30m'";

impl ScheduledSparkApplicationSpec {
    /// Whether no run starts.
    pub fn is_suspended(&self) -> bool {
        self.suspend.unwrap_or(false)
    }

    /// How many successful and how many failed runs are kept.
    pub fn history(&self) -> (usize, usize) {
        let limit = |wanted: Option<i32>| usize::try_from(wanted.unwrap_or(1)).unwrap_or(0);
        (limit(self.successful_run_history_limit), limit(self.failed_run_history_limit))
    }
}

/// What Onager reports of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledSparkApplicationStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the schedule is.
    #[serde(default)]
    pub schedule_state: ScheduleState,
    /// In a sentence why it is there, or why no run starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the last run started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Time>,
    /// The SparkApplication of the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_name: Option<String>,
    /// When the next run is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Time>,
    /// The SparkApplication that is being made for `nextRun`: on record before it is made, until it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_run_name: Option<String>,
    /// The successful runs that are kept, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_successful_run_names: Vec<String>,
    /// The failed runs that are kept, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_failed_run_names: Vec<String>,
    /// `Scheduled`: whether runs start at their times, and if not, why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
