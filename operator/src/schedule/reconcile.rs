//! One step of one schedule: observe, decide, save, act, tell. A run's name is on record before the run is made, and nothing
//! is made if it was not saved.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action as Next};
use onager_core::{
    Trouble,
    schedule::{self, Plan},
};
use onager_crds::ScheduledSparkApplication;

use super::{act, observe, report};
use crate::{
    apart::apart,
    context::Context,
    error::{ActError, ReconcileError},
    report::tell,
};

/// How long to wait after an error, before the watch may bring news.
const RETRY: Duration = Duration::from_secs(1);
/// How long one step may take.
const STEP_LIMIT: Duration = Duration::from_secs(60);

/// Brings a schedule one step on.
///
/// # Errors
/// See [`ReconcileError`]; the step is repeated.
pub fn reconcile(
    watched: Arc<ScheduledSparkApplication>,
    context: Arc<Context>,
) -> BoxFuture<'static, Result<Next, ReconcileError>> {
    apart(async move {
        let Some(_turn) = context.turns.take(true).await else { return Ok(Next::await_change()) };
        let newest = context.schedules.get(&watched.namespace().unwrap_or_default(), &watched.name_any());
        let Some(object) = newest else { return Ok(Next::await_change()) };
        let step = tokio::time::timeout(STEP_LIMIT, step(&object, &context)).await;
        let again = step.unwrap_or(Err(ReconcileError::TooSlow))?;
        Ok(again.map_or_else(Next::await_change, Next::requeue))
    })
    .boxed()
}

/// What follows an error.
pub fn on_error(object: Arc<ScheduledSparkApplication>, error: &ReconcileError, context: Arc<Context>) -> Next {
    context.metrics.reconcile_errors.inc();
    let (namespace, schedule) = (object.namespace(), object.name_any());
    match error {
        ReconcileError::Conflict => tracing::debug!(namespace, %schedule, "the schedule changed in between"),
        error => tracing::warn!(namespace, %schedule, %error, "will try again"),
    }
    Next::requeue(RETRY)
}

async fn step(object: &Arc<ScheduledSparkApplication>, context: &Context) -> Result<Option<Duration>, ReconcileError> {
    let now = Timestamp::now();
    let plan = schedule::plan(&observe::seen(context, object, now), now);
    let saved = save(object, &plan, context).await?;
    let done = act::all(context, &saved, &plan.actions).await;
    tell(&saved, &plan.events, context).await;
    let uid = object.uid().unwrap_or_default();
    let Err(error) = done else {
        if plan.actions.is_empty() {
            return Ok(plan.again);
        }
        context.pauses.succeeded(&uid);
        // What was made goes on record at once.
        return Ok(Some(Duration::ZERO));
    };
    context.metrics.reconcile_errors.inc();
    tracing::warn!(namespace = object.namespace(), schedule = %object.name_any(), %error, "will try again");
    let trouble = |reason: &str| Some(Trouble { reason: reason.into(), message: error.to_string() });
    let left = match &error {
        ActError::QuotaExceeded(_) => context.pauses.refused(&uid, trouble("QuotaExceeded"), true),
        ActError::Forbidden(_) => context.pauses.refused(&uid, trouble("Forbidden"), false),
        ActError::NameInUse(_) => context.pauses.refused(&uid, trouble("RunNameInUse"), false),
        ActError::NamespaceTerminating(_) => context.pauses.refused(&uid, trouble("NamespaceTerminating"), true),
        ActError::TooSlow | ActError::Kube(_) => context.pauses.refused(&uid, None, false),
        ActError::Rejected(refusal) => {
            let now = Timestamp::now();
            let plan = schedule::reject(&observe::seen(context, &saved, now), refusal, now);
            let saved = save(&saved, &plan, context).await?;
            tell(&saved, &plan.events, context).await;
            return Ok(plan.again);
        }
    };
    Ok(Some(left))
}

async fn save(
    object: &Arc<ScheduledSparkApplication>,
    plan: &Plan,
    context: &Context,
) -> Result<Arc<ScheduledSparkApplication>, ReconcileError> {
    match &plan.status {
        Some(status) => report::save(context, object, status).await,
        None => Ok(object.clone()),
    }
}
