//! The watches that all scopes share: pods and nodes of the cluster, and, where a selector is given, the namespaces to serve.
//! Wakes the applications that an event concerns, and those that wait for room.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::{
    core::v1::{Namespace, Node, Pod},
    scheduling::v1::PriorityClass,
};
use kube::{
    Api, ResourceExt,
    runtime::watcher::{Config, Event},
};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{
    cache::{SILENCE, ingest::follow},
    context::{Context, Unread},
    schedule, scope,
};

/// Follows all pods.
pub async fn pods(context: Arc<Context>, ready: watch::Sender<bool>) {
    follow(Api::<Pod>::all(context.client.clone()), Config::default(), ready, |event| {
        let effects = context.cache.pods().take_in(&event);
        for effect in effects {
            if let Some((namespace, name)) = &effect.application {
                context.triggers.wake(namespace, name);
            }
            if let (Some(well), Some((namespace, name))) = (effect.executor_ended, &effect.application) {
                let app = context.cache.apps().get(namespace, name);
                context.metrics.peer.executor_ended(namespace, app.as_deref(), well);
            }
            if effect.silent {
                context.cache.silence.notify_one();
            }
            if effect.moved {
                context.cache.room_moved();
            }
            if let (true, Some((namespace, name))) = (effect.room, &effect.application) {
                schedule::wake_for_run(&context, namespace, name);
            }
        }
    })
    .await;
}

/// Follows all priority classes.
pub async fn classes(context: Arc<Context>) {
    let (ready, _) = watch::channel(false);
    let first = Unread::new(&context);
    let mut first = Some(first);
    follow(Api::<PriorityClass>::all(context.client.clone()), Config::default(), ready, |event| {
        context.cache.classes().take_in("", &event, |class| Some(class.clone()));
        if matches!(event, Event::InitDone) {
            first.take();
        }
        context.desk.poke();
    })
    .await;
}

/// Follows all nodes.
pub async fn nodes(context: Arc<Context>, ready: watch::Sender<bool>) {
    follow(Api::<Node>::all(context.client.clone()), Config::default(), ready, |event| {
        let changed = context.cache.nodes().take_in(&event);
        if matches!(event, Event::InitDone) {
            context.cache.room_moved();
        }
        if let Some(node) = changed {
            context.cache.room_moved();
            wake_applications_on(&context, &node);
            // Once more when its silence, if it has just begun, has lasted.
            let context = context.clone();
            tokio::spawn(async move {
                sleep(SILENCE + Duration::from_secs(1)).await;
                wake_applications_on(&context, &node);
            });
        }
    })
    .await;
}

fn wake_applications_on(context: &Context, node: &str) {
    for (namespace, name) in context.cache.pods().applications_on(node) {
        context.triggers.wake(&namespace, &name);
    }
}

/// Has the desk look anew when room has changed.
pub async fn room(context: Arc<Context>) {
    loop {
        context.cache.room.notified().await;
        context.desk.poke();
    }
}

/// Serves the namespaces that match a selector, as they come and go, until the operator stops.
pub async fn namespaces(context: Arc<Context>, selector: &str, synced: watch::Receiver<bool>) {
    let mut scopes: HashMap<String, JoinHandle<()>> = HashMap::new();
    let (ready, _) = watch::channel(false);
    let mut listed = HashSet::new();
    let mut first = true;
    context.unlisted.send_modify(|count| *count += 1);
    let watching =
        follow(Api::<Namespace>::all(context.client.clone()), Config::default().labels(selector), ready, |event| {
            let mut begin = |name: String| {
                let ended = scopes.get(&name).is_none_or(JoinHandle::is_finished);
                if ended {
                    let scope = tokio::spawn(scope::serve(Some(name.clone()), context.clone(), synced.clone()));
                    scopes.insert(name, scope);
                }
            };
            match event {
                Event::Init => listed.clear(),
                Event::InitApply(namespace) => {
                    listed.insert(namespace.name_any());
                    begin(namespace.name_any());
                }
                Event::Apply(namespace) => begin(namespace.name_any()),
                Event::InitDone => {
                    let gone = scopes.keys().filter(|name| !listed.contains(*name));
                    gone.for_each(|name| context.triggers.end(name));
                    if std::mem::take(&mut first) {
                        context.unlisted.send_modify(|count| *count -= 1);
                    }
                }
                // Its applications are looked at no more; the step under way is finished.
                Event::Delete(namespace) => context.triggers.end(&namespace.name_any()),
            }
        });
    let mut stopping = context.stopping.subscribe();
    tokio::select! {
        () = watching => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    // Steps under way are finished.
    for scope in scopes.into_values() {
        let _ = scope.await;
    }
}
