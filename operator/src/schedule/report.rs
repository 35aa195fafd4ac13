//! Writes a schedule's status, over the version it was decided on: of two operators that both believe to lead one fails.

use std::sync::Arc;

use kube::{Api, ResourceExt, api::PostParams};
use onager_crds::{ScheduledSparkApplication, ScheduledSparkApplicationStatus};

use crate::{context::Context, error::ReconcileError};

/// Saves a status.
///
/// # Errors
/// [`ReconcileError::Conflict`] when the schedule has changed since it was read.
pub async fn save(
    context: &Context,
    schedule: &ScheduledSparkApplication,
    status: &ScheduledSparkApplicationStatus,
) -> Result<Arc<ScheduledSparkApplication>, ReconcileError> {
    let namespace = schedule.namespace().unwrap_or_default();
    let api: Api<ScheduledSparkApplication> = Api::namespaced(context.client.clone(), &namespace);
    let changed = ScheduledSparkApplication { status: Some(status.clone()), ..schedule.clone() };
    let answer = api.replace_status(&schedule.name_any(), &PostParams::default(), &changed).await;
    let mut saved = answer.map_err(|error| match error {
        kube::Error::Api(answer) if matches!(answer.reason.as_str(), "Conflict" | "NotFound") => {
            ReconcileError::Conflict
        }
        error => ReconcileError::Status(error),
    })?;
    tracing::info!(
        namespace,
        schedule = %schedule.name_any(),
        state = ?status.schedule_state,
        reason = status.reason.as_deref(),
        starting = status.starting_run_name.as_deref(),
        last = status.last_run_name.as_deref(),
        next = status.next_run.as_ref().map(|next| next.0.to_string()),
        "schedule saved"
    );
    saved.metadata.managed_fields = None;
    let saved = Arc::new(saved);
    context.schedules.written(saved.clone());
    Ok(saved)
}
