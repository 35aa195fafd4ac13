//! Every pod that ever was in a namespace, from a watch that begins before the first: rules about "ever" cannot be checked
//! by looking at what is there at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::team::ACCOUNT;
use crate::wait::until;

const MARKER: &str = "marker";

/// A pod that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its name.
    pub name: String,
    /// `driver` or `executor`; empty for others.
    pub role: String,
    /// Its application.
    pub app: String,
    /// The attempt it was made for.
    pub attempt: String,
}

/// What was in a namespace, by UID.
#[derive(Clone)]
pub struct History {
    pods: Api<Pod>,
    past: Arc<Mutex<BTreeMap<String, Past>>>,
    crowd: Arc<Mutex<Crowd>>,
}

/// Pods of applications that take room.
#[derive(Default)]
struct Crowd {
    there: BTreeSet<String>,
    most: usize,
}

impl Crowd {
    fn take_in(&mut self, event: &watcher::Event<Pod>) {
        match event {
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) if takes_room(pod) => {
                self.there.insert(pod.uid().unwrap_or_default());
            }
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) | watcher::Event::Delete(pod) => {
                self.there.remove(&pod.uid().unwrap_or_default());
            }
            watcher::Event::Init | watcher::Event::InitDone => {}
        }
        self.most = self.most.max(self.there.len());
    }
}

fn takes_room(pod: &Pod) -> bool {
    let ended = |phase: &str| matches!(phase, "Succeeded" | "Failed");
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !read(pod).role.is_empty() && !phase.is_some_and(ended)
}

impl History {
    /// Begins to follow a namespace.
    pub fn follow(client: Client, namespace: &str) -> Self {
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let past: Arc<Mutex<BTreeMap<String, Past>>> = Arc::default();
        let crowd: Arc<Mutex<Crowd>> = Arc::default();
        let events = watcher(pods.clone(), watcher::Config::default()).default_backoff();
        let (seen, counted) = (past.clone(), crowd.clone());
        tokio::spawn(events.for_each(move |event| {
            if let Ok(event) = event {
                counted.lock().unwrap_or_else(PoisonError::into_inner).take_in(&event);
                if let watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) | watcher::Event::Delete(pod) = event
                {
                    seen.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(pod.uid().unwrap_or_default(), read(&pod));
                }
            }
            std::future::ready(())
        }));
        Self { pods, past, crowd }
    }

    /// The most pods of applications that took room at once, up to now.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn most_at_once(&self) -> Result<usize> {
        self.catch_up().await?;
        Ok(self.crowd.lock().unwrap_or_else(PoisonError::into_inner).most)
    }

    /// All pods of applications up to now.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn all(&self) -> Result<Vec<Past>> {
        self.catch_up().await?;
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(past.values().filter(|pod| pod.name != MARKER).cloned().collect())
    }

    /// One driver ever, and no two pods of one name: names hold the role and the index.
    ///
    /// # Errors
    /// When there were more.
    pub async fn check(&self, app: &str) -> Result<()> {
        let all = self.all().await?;
        let mine: Vec<&Past> = all.iter().filter(|pod| pod.app == app).collect();
        let drivers = mine.iter().filter(|pod| pod.role == "driver").count();
        ensure!(drivers == 1, "{app} had {drivers} drivers: {mine:?}");
        for pod in &mine {
            let same = mine.iter().filter(|other| other.name == pod.name).count();
            ensure!(same == 1, "{} was made {same} times: {mine:?}", pod.name);
        }
        Ok(())
    }

    /// The attempts of an application's drivers. None had two, and no executor was made twice.
    ///
    /// # Errors
    /// When there were more.
    pub async fn attempts(&self, app: &str) -> Result<Vec<u32>> {
        let all = self.all().await?;
        let mine: Vec<&Past> = all.iter().filter(|pod| pod.app == app).collect();
        for pod in &mine {
            let same = mine.iter().filter(|other| (&other.name, &other.attempt) == (&pod.name, &pod.attempt)).count();
            ensure!(same == 1, "{} of attempt {} was made {same} times: {mine:?}", pod.name, pod.attempt);
        }
        let drivers = mine.iter().filter(|pod| pod.role == "driver");
        let mut attempts: Vec<u32> = drivers.filter_map(|pod| pod.attempt.parse().ok()).collect();
        attempts.sort_unstable();
        Ok(attempts)
    }

    /// A watch is in order: when a pod made now was seen, all before it were.
    async fn catch_up(&self) -> Result<()> {
        let marker = json!({
            "metadata": {"name": MARKER},
            "spec": {
                "serviceAccountName": ACCOUNT,
                "terminationGracePeriodSeconds": 0,
                "nodeSelector": {"onager.dev/no-such": "node"},
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": MARKER, "image": "onager-pause:1",
                    "resources": {
                        "requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"},
                    },
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                }],
            },
        });
        let marker: Pod = serde_json::from_value(marker)?;
        let made = until("the marker pod is made", async || {
            Ok(Some(self.pods.create(&PostParams::default(), &marker).await?))
        });
        let uid = made.await?.uid().unwrap_or_default();
        until("the marker pod is seen", async || {
            Ok(self.past.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&uid).then_some(()))
        })
        .await?;
        match self.pods.delete(MARKER, &DeleteParams::default().grace_period(0)).await {
            // A delete whose answer was lost is sent again.
            Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }
}

fn read(pod: &Pod) -> Past {
    let label = |name: &str| pod.labels().get(name).cloned().unwrap_or_default();
    Past {
        name: pod.name_any(),
        role: label("onager.dev/role"),
        app: label("onager.dev/app-name"),
        attempt: label("onager.dev/attempt"),
    }
}
