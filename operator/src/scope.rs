//! One scope of the operator: a namespace, or all of them. Watches the applications, what stands beside their pods, and the
//! quotas in it, and brings each application on, one step at a time. Decides nothing.

use std::{convert::Infallible, marker::PhantomData, sync::Arc};

use futures::{StreamExt, channel::mpsc::UnboundedReceiver, future};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{LimitRange, ResourceQuota},
};
use kube::{
    Api, Resource, ResourceExt,
    core::ObjectMeta,
    runtime::{
        applier,
        controller::{Config, Error},
        reflector,
        reflector::ObjectRef,
        watcher,
    },
};
use onager_crds::{Queue, ScheduledSparkApplication, SparkApplication};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::{
    apart::apart,
    cache::ingest,
    context::{Context, Named, Unread},
    reconcile, schedule, sides,
};

/// Serves a namespace, or all where it is `None`, until its queue is ended. Counts as unlisted from this call on, and works
/// once `synced`, its own caches and the applications of all scopes are complete.
pub fn serve(
    namespace: Option<String>,
    context: Arc<Context>,
    synced: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send {
    let scope = namespace.clone().unwrap_or_default();
    let queues = (context.triggers.open(&scope), context.triggers.open_schedules(&scope));
    context.unlisted.send_modify(|count| *count += 1);
    run(scope, namespace, context, synced, queues)
}

async fn run(
    scope: String,
    namespace: Option<String>,
    context: Arc<Context>,
    synced: watch::Receiver<bool>,
    (queue, schedules): (UnboundedReceiver<ObjectRef<Named>>, UnboundedReceiver<ObjectRef<ScheduledSparkApplication>>),
) {
    let mut first = true;
    let (quotas, quotas_ready) = watch::channel(false);
    let (apps, _) = watch::channel(false);
    let (reader, mut writer) = reflector::store();

    let watch_apps =
        ingest::follow(api::<SparkApplication>(&context, &namespace), watcher::Config::default(), apps, |event| {
            let event = trim(event);
            context.cache.apps().take_in(&scope, &event);
            schedule::take_in_runs(&context, &scope, &event);
            writer.apply_watcher_event(&named(&event));
            match &event {
                watcher::Event::Apply(app) => {
                    context.triggers.wake(&app.namespace().unwrap_or_default(), &app.name_any())
                }
                watcher::Event::InitDone => {
                    if std::mem::take(&mut first) {
                        context.unlisted.send_modify(|count| *count -= 1);
                    }
                    for app in writer.as_reader().state() {
                        context.triggers.wake(&app.namespace().unwrap_or_default(), &app.name_any());
                    }
                }
                _ => {}
            }
        });
    let (watch_sides, sides_ready) = sides::follow(&scope, &namespace, &context);
    let watch_quotas =
        ingest::follow(api::<ResourceQuota>(&context, &namespace), watcher::Config::default(), quotas, |event| {
            context.cache.quotas().take_in(&scope, &event, |quota| Some(quota.clone()));
            context.cache.room_moved();
        });
    let watch_queues = follow_for_desk::<Queue>(&context, &namespace, |event| {
        context.cache.queues().take_in(&scope, event, |queue| Some(trim_queue(queue)));
    });
    let watch_ranges = follow_for_desk::<LimitRange>(&context, &namespace, |event| {
        context.cache.ranges().take_in(&scope, event, |range| Some(range.clone()));
    });
    let schedules = schedule::serve(&scope, namespace.as_deref(), context.clone(), synced.clone(), schedules);
    let working = context.clone();
    let work = apart(async move {
        // Nothing is decided before all of the cluster was seen once.
        for mut ready in [synced, quotas_ready].into_iter().chain(sides_ready) {
            if ready.wait_for(|ready| *ready).await.is_err() {
                return;
            }
        }
        let mut unlisted = working.unlisted.subscribe();
        if unlisted.wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        let steps = applier(
            reconcile::reconcile,
            reconcile::on_error,
            working,
            reader,
            queue.map(Ok::<_, Infallible>),
            Config::default(),
        );
        steps
            .for_each(|step| {
                if let Err(error @ (Error::RunnerError(_) | Error::QueueError(_))) = step {
                    tracing::error!(%error, "the work queue broke");
                }
                future::ready(())
            })
            .await;
    });
    let watches = future::join5(watch_apps, watch_sides, watch_quotas, watch_queues, watch_ranges);
    // The schedules' work ends with the applications': one step under way is finished.
    let work = future::join(work, schedules);
    future::select(std::pin::pin!(work), std::pin::pin!(watches)).await;
    // Who is not served any more is promised no room.
    if first {
        context.unlisted.send_modify(|count| *count -= 1);
    }
    context.cache.apps().forget(&scope);
    context.cache.sides().forget(&scope);
    context.cache.quotas().forget(&scope);
    context.cache.queues().forget(&scope);
    context.cache.ranges().forget(&scope);
    context.desk.poke();
}

/// Follows what only the desk reads.
async fn follow_for_desk<K>(
    context: &Arc<Context>,
    namespace: &Option<String>,
    mut take_in: impl FnMut(&watcher::Event<K>),
) where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let mut first = Some(Unread::new(context));
    let (ready, _) = watch::channel(false);
    ingest::follow(api::<K>(context, namespace), watcher::Config::default(), ready, |event| {
        take_in(&event);
        if matches!(event, watcher::Event::InitDone) {
            first.take();
        }
        context.desk.poke();
    })
    .await;
}

fn trim_queue(queue: &Queue) -> Queue {
    let mut queue = queue.clone();
    queue.metadata.managed_fields = None;
    queue
}

/// Objects of a scope.
pub fn api<K>(context: &Context, namespace: &Option<String>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(context.client.clone(), namespace),
        None => Api::all(context.client.clone()),
    }
}

/// The same event of names alone.
fn named(event: &watcher::Event<SparkApplication>) -> watcher::Event<Named> {
    let name = |app: &SparkApplication| {
        let (name, namespace) = (app.metadata.name.clone(), app.metadata.namespace.clone());
        let metadata = ObjectMeta { name, namespace, ..ObjectMeta::default() };
        Named { types: None, metadata, _phantom: PhantomData }
    };
    match event {
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitApply(app) => watcher::Event::InitApply(name(app)),
        watcher::Event::InitDone => watcher::Event::InitDone,
        watcher::Event::Apply(app) => watcher::Event::Apply(name(app)),
        watcher::Event::Delete(app) => watcher::Event::Delete(name(app)),
    }
}

/// Drops what nobody reads, so that memory stays small.
fn trim(mut event: watcher::Event<SparkApplication>) -> watcher::Event<SparkApplication> {
    if let watcher::Event::Apply(app) | watcher::Event::InitApply(app) = &mut event {
        app.metadata.managed_fields = None;
        app.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    event
}
