//! Finds out why a pod does not start where its status does not say: a ConfigMap or Secret that is not there leaves it
//! `ContainerCreating`, and only the kubelet's events name it. They are read once for all such pods of a namespace, and not
//! before a pod had time to start. Decides nothing; what is found stands beside the pod until it starts.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{Timestamp, ToSpan};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use onager_core::Trouble;
use tokio::time::sleep;

use crate::{cache::Silent, context::Context};

/// A pod whose status says nothing for so long has its events read; a mount that fails does so within a second.
const PATIENCE: i64 = 8;
/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(10);
/// The most events that are read of a namespace at once.
const MOST_EVENTS: u32 = 500;
/// The kubelet's last word on a mount, which does not say what is wrong.
const VAGUE: &str = "Unable to attach or mount volumes";

/// Looks at silent pods, as long as there are some.
pub async fn look(context: Arc<Context>) {
    loop {
        context.cache.silence.notified().await;
        loop {
            sleep(INTERVAL).await;
            let silent = context.cache.pods().silent();
            if silent.is_empty() {
                break;
            }
            let old = Timestamp::now() - PATIENCE.seconds();
            let mut namespaces: HashMap<String, Vec<Silent>> = HashMap::new();
            for pod in silent.into_iter().filter(|pod| pod.since <= old) {
                namespaces.entry(pod.namespace.clone()).or_default().push(pod);
            }
            for (namespace, pods) in namespaces {
                explain(&context, &namespace, &pods).await;
            }
        }
    }
}

async fn explain(context: &Context, namespace: &str, pods: &[Silent]) {
    let events: Api<Event> = Api::namespaced(context.client.clone(), namespace);
    let fields = "regarding.kind=Pod,type=Warning,reason!=FailedScheduling";
    let told = match events.list(&ListParams::default().fields(fields).limit(MOST_EVENTS)).await {
        Ok(told) => told.items,
        Err(error) => {
            tracing::warn!(namespace, %error, "cannot read why pods do not start");
            return;
        }
    };
    for pod in pods {
        let news = context.cache.pods().explain(namespace, &pod.name, &pod.uid, reason(&told, &pod.uid));
        if news {
            context.triggers.wake(namespace, &pod.app);
        }
    }
}

/// What events say of a pod: the last of those that say most.
fn reason(events: &[Event], uid: &str) -> Option<Trouble> {
    let about = |event: &&Event| event.regarding.as_ref().and_then(|object| object.uid.as_deref()) == Some(uid);
    let failed =
        events.iter().filter(about).filter(|event| event.reason.as_deref().unwrap_or_default().starts_with("Failed"));
    let last =
        failed.max_by_key(|event| (!event.note.as_deref().unwrap_or_default().starts_with(VAGUE), time(event)))?;
    Some(Trouble {
        reason: last.reason.clone().unwrap_or_default(),
        message: last.note.clone().unwrap_or_default().trim().to_string(),
    })
}

/// When something was told last.
fn time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().map(|series| series.last_observed_time.0);
    series
        .or(event.deprecated_last_timestamp.as_ref().map(|time| time.0))
        .or(event.event_time.as_ref().map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str, reason: &str, note: &str, second: u32) -> Event {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "x"}, "reason": reason, "note": note, "regarding": {"kind": "Pod", "uid": uid},
            "deprecatedLastTimestamp": format!("2026-01-01T00:00:{second:02}Z"),
        }))
        .expect("event")
    }

    #[test]
    fn the_last_sentence_that_names_what_is_missing_is_taken() {
        let missing = "MountVolume.SetUp failed for volume \"conf\" : configmap \"nothing\" not found";
        let events = [
            event("a", "FailedMount", "MountVolume.SetUp failed for volume \"conf\" : failed to sync", 1),
            event("a", "FailedMount", missing, 2),
            event("a", "FailedMount", "Unable to attach or mount volumes: timed out waiting for the condition", 3),
            event("a", "BackOff", "Back-off restarting", 4),
            event("b", "FailedMount", "of another pod", 5),
        ];
        let found = reason(&events, "a").expect("a reason");
        assert_eq!((found.reason.as_str(), found.message.as_str()), ("FailedMount", missing));
        assert_eq!(reason(&events[3..], "a"), None);
    }
}
