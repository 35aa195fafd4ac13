//! The watches that all scopes share: pods and nodes of the cluster, and, where a selector is given, the namespaces to serve.
//! Wakes the applications that an event concerns, and those that wait for room.

use std::{collections::HashMap, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{
    Api, ResourceExt,
    runtime::watcher::{Config, Event},
};
use onager_crds::State;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{cache::ingest::follow, context::Context, scope};

/// Waiting applications are woken at most so often.
const WAKE_INTERVAL: Duration = Duration::from_millis(100);

/// Follows all pods.
pub async fn pods(context: Arc<Context>, ready: watch::Sender<bool>) {
    follow(Api::<Pod>::all(context.client.clone()), Config::default(), ready, |event| {
        for effect in context.cache.pods().take_in(&event) {
            if let Some((namespace, name)) = &effect.application {
                context.triggers.wake(namespace, name);
            }
            if effect.room {
                context.cache.room_changed.notify_one();
            }
        }
    })
    .await;
}

/// Follows all nodes.
pub async fn nodes(context: Arc<Context>, ready: watch::Sender<bool>) {
    follow(Api::<Node>::all(context.client.clone()), Config::default(), ready, |event| {
        let changed = context.cache.nodes().take_in(&event);
        if let Some(node) = changed {
            context.cache.room_changed.notify_one();
            for (namespace, name) in context.cache.pods().applications_on(&node) {
                context.triggers.wake(&namespace, &name);
            }
        }
    })
    .await;
}

/// Wakes waiting applications when room may have come free.
pub async fn room(context: Arc<Context>) {
    loop {
        context.cache.room_changed.notified().await;
        let waiting = context.cache.apps().in_state(&[State::Queued]);
        for app in waiting {
            context.triggers.wake(&app.namespace().unwrap_or_default(), &app.name_any());
        }
        sleep(WAKE_INTERVAL).await;
    }
}

/// Serves the namespaces that match a selector, as they come and go, until the operator stops.
pub async fn namespaces(context: Arc<Context>, selector: &str, synced: watch::Receiver<bool>) {
    let mut scopes: HashMap<String, JoinHandle<()>> = HashMap::new();
    let (ready, _) = watch::channel(false);
    let config = Config::default().labels(selector);
    let mut listed: Option<Vec<String>> = None;
    let watching = follow(Api::<Namespace>::all(context.client.clone()), config, ready, |event| {
        let mut begin = |name: String| {
            scopes
                .entry(name.clone())
                .or_insert_with(|| tokio::spawn(scope::serve(Some(name), context.clone(), synced.clone())));
        };
        match event {
            Event::Init => listed = Some(Vec::new()),
            Event::InitApply(namespace) => {
                listed.get_or_insert_default().push(namespace.name_any());
                begin(namespace.name_any());
            }
            Event::Apply(namespace) => begin(namespace.name_any()),
            Event::InitDone => {
                let listed = listed.take().unwrap_or_default();
                scopes.retain(|name, scope| listed.contains(name) || end(scope));
            }
            Event::Delete(namespace) => {
                if let Some(scope) = scopes.remove(&namespace.name_any()) {
                    end(&scope);
                }
            }
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

fn end(scope: &JoinHandle<()>) -> bool {
    scope.abort();
    false
}
