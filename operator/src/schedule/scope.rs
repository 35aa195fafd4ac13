//! The schedules of one scope of the operator: watches them and brings each on, one step at a time, as `crate::scope` does
//! for applications. Decides nothing.

use std::{convert::Infallible, sync::Arc};

use futures::{StreamExt, channel::mpsc::UnboundedReceiver, future};
use kube::{
    Api, ResourceExt,
    runtime::{applier, controller, reflector, reflector::ObjectRef, watcher},
};
use onager_core::schedule::of_run;
use onager_crds::{ScheduledSparkApplication, SparkApplication};
use tokio::sync::watch;

use super::{cache, reconcile};
use crate::{cache::ingest, context::Context};

/// Serves the schedules of a scope until its queue is ended. Works once `synced` and the applications of all scopes are
/// complete: a run that is not seen would be made again.
pub async fn serve(
    scope: &str,
    namespace: Option<&str>,
    context: Arc<Context>,
    mut synced: watch::Receiver<bool>,
    queue: UnboundedReceiver<ObjectRef<ScheduledSparkApplication>>,
) {
    let (listed, mut is_listed) = watch::channel(false);
    let (reader, mut writer) = reflector::store();
    let api = match namespace {
        Some(namespace) => Api::namespaced(context.client.clone(), namespace),
        None => Api::all(context.client.clone()),
    };
    let watching = ingest::follow(api, watcher::Config::default(), listed, |event| {
        let event = trim(event);
        context.schedules.take_in(scope, &event);
        writer.apply_watcher_event(&event);
        match &event {
            watcher::Event::Apply(object) => wake(&context, object),
            watcher::Event::InitDone => wake_all(&context, scope),
            watcher::Event::Delete(object) => context.pauses.forget(&object.uid().unwrap_or_default()),
            _ => {}
        }
    });
    let work = async {
        let mut unlisted = context.unlisted.subscribe();
        let seen = synced.wait_for(|ready| *ready).await.is_ok() && is_listed.wait_for(|ready| *ready).await.is_ok();
        if !seen || unlisted.wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        let queue = queue.map(Ok::<_, Infallible>);
        let config = controller::Config::default();
        let steps = applier(reconcile::reconcile, reconcile::on_error, context.clone(), reader, queue, config);
        steps
            .for_each(|step| {
                if let Err(error @ (controller::Error::RunnerError(_) | controller::Error::QueueError(_))) = step {
                    tracing::error!(%error, "the work queue of schedules broke");
                }
                future::ready(())
            })
            .await;
    };
    future::select(std::pin::pin!(work), std::pin::pin!(watching)).await;
    context.schedules.forget(scope);
}

/// Takes in an event of the watch of applications, and has the schedule looked at that a run belongs to.
pub fn take_in_runs(context: &Context, scope: &str, event: &watcher::Event<SparkApplication>) {
    context.schedules.take_in_runs(scope, event);
    match event {
        watcher::Event::Apply(app) | watcher::Event::Delete(app) => {
            if let Some(owner) = cache::owner(&app.metadata) {
                context.triggers.wake_schedule(&app.namespace().unwrap_or_default(), &owner.name);
            }
        }
        watcher::Event::InitDone => wake_all(context, scope),
        _ => {}
    }
}

/// A pod of this application has ended or is gone: a schedule may wait for that.
pub fn wake_for_run(context: &Context, namespace: &str, app: &str) {
    if let Some((schedule, _)) = of_run(app) {
        context.triggers.wake_schedule(namespace, schedule);
    }
}

fn wake(context: &Context, object: &ScheduledSparkApplication) {
    context.triggers.wake_schedule(&object.namespace().unwrap_or_default(), &object.name_any());
}

fn wake_all(context: &Context, scope: &str) {
    for (namespace, name) in context.schedules.of_scope(scope) {
        context.triggers.wake_schedule(&namespace, &name);
    }
}

/// Drops what nobody reads, so that memory stays small.
fn trim(mut event: watcher::Event<ScheduledSparkApplication>) -> watcher::Event<ScheduledSparkApplication> {
    if let watcher::Event::Apply(object) | watcher::Event::InitApply(object) = &mut event {
        object.metadata.managed_fields = None;
        object.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    event
}
