//! Writes a status, and tells users by events. A status is only written over the version it was decided on, so that of two
//! operators that both believe to lead one fails.

use std::sync::Arc;

use jiff::Timestamp;
use kube::{
    Api, Resource, ResourceExt,
    api::PostParams,
    runtime::events::{Event as KubeEvent, EventType},
};
use onager_core::{Event, EventKind};
use onager_crds::{SparkApplication, SparkApplicationStatus};
use tokio::time::timeout;

use crate::{act::SILENCE, context::Context, error::ReconcileError};

/// The longest text of an event, as the API server has it, in bytes.
const NOTE_LIMIT: usize = 1_000;

/// Saves a status.
///
/// # Errors
/// [`ReconcileError::Conflict`] when the application has changed since it was read, [`ReconcileError::TooSlow`] when nothing
/// is answered for [`SILENCE`].
pub async fn save(
    app: &SparkApplication,
    status: &SparkApplicationStatus,
    context: &Context,
) -> Result<Arc<SparkApplication>, ReconcileError> {
    let api: Api<SparkApplication> = Api::namespaced(context.client.clone(), &app.namespace().unwrap_or_default());
    let changed = SparkApplication { status: Some(status.clone()), ..app.clone() };
    let (name, how) = (app.name_any(), PostParams::default());
    let answer = timeout(SILENCE, api.replace_status(&name, &how, &changed)).await;
    let saved = answer.map_err(|_| ReconcileError::TooSlow)?.map_err(|error| match error {
        kube::Error::Api(answer) if matches!(answer.reason.as_str(), "Conflict" | "NotFound") => {
            ReconcileError::Conflict
        }
        error => ReconcileError::Status(error),
    })?;
    let state = &status.application_state;
    tracing::info!(
        namespace = app.namespace(),
        app = %app.name_any(),
        state = ?state.state,
        reason = state.reason.as_deref(),
        message = state.error_message.as_deref(),
        executors = status.executors.as_ref().map(|executors| executors.summary.as_str()),
        "status saved"
    );
    let mut saved = saved;
    saved.metadata.managed_fields = None;
    let saved = Arc::new(saved);
    context.cache.apps().written(saved.clone());
    context.metrics.saved(app.status.as_ref(), &saved, Timestamp::now());
    Ok(saved)
}

/// Tells users, in the background.
pub async fn tell<K: Resource<DynamicType = ()>>(object: &Arc<K>, events: &[Event], context: &Context) {
    for event in events {
        let event = KubeEvent {
            type_: match event.kind {
                EventKind::Normal => EventType::Normal,
                EventKind::Warning => EventType::Warning,
            },
            reason: event.reason.to_string(),
            note: Some(cut(&event.message).to_string()),
            action: "Reconcile".into(),
            secondary: None,
        };
        context.events.tell(event, object.object_ref(&()));
    }
}

/// At most [`NOTE_LIMIT`] bytes, whole characters.
fn cut(text: &str) -> &str {
    let end = (0..=NOTE_LIMIT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ü".repeat(NOTE_LIMIT);
        assert_eq!(cut(&format!("a{long}")).len(), NOTE_LIMIT - 1);
    }
}
