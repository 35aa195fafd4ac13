//! One step of one application: observe, decide, save, act, tell. The order is the whole point: the status is saved before
//! anything is made, and nothing is made if it was not saved.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action as Next};
use onager_core::{Action, Plan, Seen, Trouble, conf, lifecycle};
use onager_crds::{SparkApplication, State};

use crate::{
    act::Act,
    apart::apart,
    cache::state,
    context::{Context, Named},
    desk::Answer,
    error::{ActError, ReconcileError},
    observe,
    progress::on_record,
    report, sides,
};

/// How long to wait after an error, before the watch may bring news.
const RETRY: Duration = Duration::from_secs(1);

/// Brings an application one step on.
///
/// # Errors
/// See [`ReconcileError`]; the step is repeated.
pub fn reconcile(watched: Arc<Named>, context: Arc<Context>) -> BoxFuture<'static, Result<Next, ReconcileError>> {
    apart(async move {
        let (namespace, name) = (watched.namespace().unwrap_or_default(), watched.name_any());
        let newest = || context.cache.apps().get(&namespace, &name);
        context.metrics.queue.inc();
        let turn = context.turns.take(newest().is_none_or(|app| follows(&app, &context))).await;
        context.metrics.queue.dec();
        let (Some(_turn), Some(app)) = (turn, newest()) else { return Ok(Next::await_change()) };
        let timer = context.metrics.reconcile_seconds.start_timer();
        let again = step(&app, &context).await;
        timer.observe_duration();
        again.map(|again| again.map_or_else(Next::await_change, Next::requeue))
    })
    .boxed()
}

/// Whether nothing of an application starts, or its driver is there: what is left to do is not as urgent as to start another.
fn follows(app: &SparkApplication, context: &Context) -> bool {
    let namespace = app.metadata.namespace.as_deref().unwrap_or_default();
    let submits = lifecycle::asks_for_room(state(app)) || state(app) == State::Submitted;
    !submits || context.cache.pods().get(namespace, &lifecycle::driver_pod_name(app)).is_some()
}

/// What follows an error.
pub fn on_error(app: Arc<Named>, error: &ReconcileError, context: Arc<Context>) -> Next {
    context.metrics.reconcile_errors.inc();
    match error {
        ReconcileError::Conflict => tracing::debug!(app = %app.name_any(), "the application changed in between"),
        error => tracing::warn!(namespace = app.namespace(), app = %app.name_any(), %error, "will try again"),
    }
    Next::requeue(RETRY)
}

async fn step(app: &Arc<SparkApplication>, context: &Context) -> Result<Option<Duration>, ReconcileError> {
    let (plan, saved) = if lifecycle::asks_for_room(state(app)) {
        admit(app, context).await?
    } else {
        let mut seen = observe::seen(context, app);
        if state(app).is_admitted() {
            keep_to_allowance(&mut seen, context);
        }
        let mut plan = lifecycle::plan(&seen, &context.settings, Timestamp::now());
        let uid = app.metadata.uid.as_deref().unwrap_or_default();
        if let Some(left) = context.pauses.counts_wait(uid).filter(|_| plan.only_counts(app)) {
            return Ok(Some(plan.again.map_or(left, |again| again.min(left))));
        }
        // The status that says that the driver runs says where its UI is, too.
        if let Some(at) = plan.actions.iter().position(|action| *action == Action::CreateSides) {
            let sides = plan.actions.remove(at);
            Act::new(context, app).all(&[sides]).await?;
        }
        let saved = save(app, &plan, context).await?;
        (plan, saved)
    };
    let undone = undone(&plan).filter(|_| state(app).is_admitted());
    let again = carry_out(&saved, plan, context).await?;
    if let Some(trouble) = undone {
        context.pauses.undone(app.metadata.uid.as_deref().unwrap_or_default(), trouble);
    }
    Ok(again)
}

/// Limits what an admitted application has to what the desk allows; what it wants beyond that it asks for.
fn keep_to_allowance(seen: &mut Seen<'_>, context: &Context) {
    let wanted = seen.target.unwrap_or_else(|| conf::executors(&seen.app.spec));
    let allowance = context.desk.allowance(seen.app, wanted);
    if seen.target.is_some() || wanted > allowance.executors {
        seen.target = Some(wanted.min(allowance.executors));
    }
    seen.drained.extend(allowance.retired);
    seen.evicted = allowance.evicted;
}

/// What may be admitted asks the desk, and starts or waits as that answers.
async fn admit(
    app: &Arc<SparkApplication>,
    context: &Context,
) -> Result<(Plan, Arc<SparkApplication>), ReconcileError> {
    let uid = app.metadata.uid.as_deref().unwrap_or_default();
    let mut seen = observe::seen(context, app);
    let mut plan = lifecycle::plan(&seen, &context.settings, Timestamp::now());
    if admits(&plan) {
        match context.desk.ask(app) {
            Answer::Later => {
                return Ok((Plan { again: Some(context.settings.queue_interval), ..Plan::default() }, app.clone()));
            }
            Answer::Wait(verdict) => (seen.shortage, seen.place) = (Some(verdict.trouble), verdict.place),
            Answer::Start(executors) => seen.target = Some(executors),
        }
        plan = lifecycle::plan(&seen, &context.settings, Timestamp::now());
    } else {
        context.desk.leave(uid);
    }
    let saved = save(app, &plan, context).await?;
    if plan.status.is_some() {
        context.pauses.told(uid);
    }
    Ok((plan, saved))
}

/// Why a gang is undone, if the plan does that.
fn undone(plan: &Plan) -> Option<Trouble> {
    let state = &plan.status.as_ref()?.application_state;
    let (reason, message) = (state.reason.clone()?, state.error_message.clone()?);
    (reason == lifecycle::GANG_TIMEOUT).then_some(Trouble { reason, message })
}

fn admits(plan: &Plan) -> bool {
    plan.status.as_ref().is_some_and(|status| status.application_state.state.is_admitted())
}

async fn save(
    app: &Arc<SparkApplication>,
    plan: &Plan,
    context: &Context,
) -> Result<Arc<SparkApplication>, ReconcileError> {
    let Some(status) = &plan.status else { return Ok(app.clone()) };
    let saved = report::save(app, &sides::show(app, status, context), context).await?;
    context.pauses.saved(app.metadata.uid.as_deref().unwrap_or_default());
    if state(app).is_admitted() != state(&saved).is_admitted() || on_record(&saved) != on_record(app) {
        context.cache.room_moved();
    }
    Ok(saved)
}

async fn carry_out(
    app: &Arc<SparkApplication>,
    plan: Plan,
    context: &Context,
) -> Result<Option<Duration>, ReconcileError> {
    let uid = app.uid().unwrap_or_default();
    let seats = context.desk.seat(&uid, &plan.actions);
    let done = Act::new(context, app).seated(seats).all(&plan.actions).await;
    report::tell(app, &plan.events, context).await;
    let Err(error) = done else {
        if !plan.actions.is_empty() {
            context.pauses.succeeded(&uid);
        }
        if state(app).is_terminal() {
            context.desk.leave(&uid);
            context.pauses.forget(&uid);
            context.refusals.forget(&uid);
        }
        return Ok(plan.again.into_iter().chain(context.refusals.left(&uid)).min());
    };
    context.metrics.reconcile_errors.inc();
    tracing::warn!(namespace = app.namespace(), app = %app.name_any(), %error, "will try again");
    let trouble = |reason: &str| Some(Trouble { reason: reason.into(), message: error.to_string() });
    let left = match &error {
        ActError::QuotaExceeded(_) => context.pauses.refused(&uid, trouble("QuotaExceeded"), true),
        ActError::Forbidden(_) => context.pauses.refused(&uid, trouble("Forbidden"), false),
        ActError::Rejected(_) => context.pauses.refused(&uid, trouble("PodRejected"), true),
        ActError::NamespaceTerminating(_) => context.pauses.refused(&uid, trouble("NamespaceTerminating"), true),
        ActError::NameInUse(_) => context.pauses.refused(&uid, trouble("DriverNameInUse"), false),
        ActError::TooSlow | ActError::Kube(_) => context.pauses.refused(&uid, None, false),
    };
    // A final answer to what a finished run leaves behind changes nothing about it.
    if state(app).is_terminal() {
        return Ok(Some(left));
    }
    let seen = observe::seen(context, app);
    let follow_up = match &error {
        ActError::QuotaExceeded(message) => {
            lifecycle::undo_admission(&seen, &context.settings, message, Timestamp::now())
        }
        ActError::Rejected(message) => lifecycle::reject(&seen, ("PodRejected", message), Timestamp::now()),
        // A namespace does not come back from there.
        ActError::NamespaceTerminating(message) => {
            lifecycle::reject(&seen, ("NamespaceTerminating", message), Timestamp::now())
        }
        _ => return Ok(Some(left)),
    };
    let saved = save(app, &follow_up, context).await?;
    let undone = Act::new(context, &saved).all(&follow_up.actions).await;
    report::tell(&saved, &follow_up.events, context).await;
    undone?;
    Ok(Some(follow_up.again.map_or(left, |again| again.min(left))))
}
