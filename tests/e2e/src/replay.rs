//! The limit of what an operator could reach: a client without any decisions, which writes for each application what the
//! operator wrote for one that was recorded: the same Service, pods and events, and one status for each state.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use futures::{StreamExt, future};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use onager_crds::{SparkApplication, SparkApplicationStatus, State};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::fleet::{self, Fleet};
use crate::until;

/// Requests at once.
const AT_ONCE: usize = 32;
/// What an operator may make for an application, in the order in which it does.
fn kinds() -> [ApiResource; 6] {
    [
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<ConfigMap>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<Ingress>(&()),
        ApiResource::erase::<Pod>(&()),
        ApiResource::erase::<Event>(&()),
    ]
}

/// What was written for one application.
#[derive(Clone)]
pub struct Recording {
    name: String,
    uid: String,
    statuses: Vec<SparkApplicationStatus>,
    objects: Vec<Recorded>,
}

#[derive(Clone)]
struct Recorded {
    kind: ApiResource,
    uid: String,
    object: Value,
    deleted: bool,
}

impl Recording {
    /// Records one application from its create until nothing of it runs.
    ///
    /// # Errors
    /// When it does not complete.
    pub async fn of(fleet: &Fleet, name: &str) -> Result<Self> {
        let mut watches = Vec::new();
        for kind in kinds() {
            let api: Api<DynamicObject> = Api::namespaced_with(fleet.client.clone(), &fleet.namespace, &kind);
            let version = api.list_metadata(&Default::default()).await?.metadata.resource_version.unwrap_or_default();
            let events = api.watch(&WatchParams::default(), &version).await?;
            watches.push(events.map(move |event| (kind.clone(), event)).boxed());
        }
        let apps: Api<SparkApplication> = fleet.api();
        let version = apps.list_metadata(&Default::default()).await?.metadata.resource_version.unwrap_or_default();
        let mut news = apps.watch(&WatchParams::default(), &version).await?.boxed();
        let made = apps.create(&PostParams::default(), &fleet::application(name)?).await?;
        let mut recording =
            Self { name: name.into(), uid: made.uid().unwrap_or_default(), statuses: Vec::new(), objects: Vec::new() };
        let mut others = futures::stream::select_all(watches);
        loop {
            tokio::select! {
                Some((kind, event)) = others.next() => match event? {
                    WatchEvent::Added(object) => recording.add(kind, object)?,
                    WatchEvent::Deleted(object) => recording.mark_deleted(&object),
                    _ => {}
                },
                Some(event) = news.next() => {
                    if let WatchEvent::Modified(app) = event? && let Some(status) = app.status {
                        recording.take_status(status);
                    }
                }
            }
            if recording.is_over() {
                return Ok(recording);
            }
        }
    }

    fn add(&mut self, kind: ApiResource, object: DynamicObject) -> Result<()> {
        let uid = object.uid().unwrap_or_default();
        let text = serde_json::to_string(&object)?;
        // Others write about its pods, too: the scheduler, the controllers.
        let ours = object.data["reportingController"].as_str().is_none_or(|who| who == "onager-operator");
        if text.contains(&self.name) && ours && object.name_any() != "kube-root-ca.crt" {
            let object = strip(serde_json::to_value(&object)?);
            self.objects.push(Recorded { kind, uid, object, deleted: false });
        }
        Ok(())
    }

    fn mark_deleted(&mut self, object: &DynamicObject) {
        let uid = object.uid().unwrap_or_default();
        self.objects.iter_mut().filter(|recorded| recorded.uid == uid).for_each(|recorded| recorded.deleted = true);
    }

    /// The newest of each state: what a plan without any detour would write.
    fn take_status(&mut self, status: SparkApplicationStatus) {
        let state = status.application_state.state;
        match self.statuses.last_mut() {
            Some(last) if last.application_state.state == state => *last = status,
            _ => self.statuses.push(status),
        }
    }

    /// It has completed, its executor and what stood beside its pods are gone, and it is told of.
    fn is_over(&self) -> bool {
        let executor = self.objects.iter().find(|recorded| {
            recorded.kind.kind == "Pod" && recorded.object["metadata"]["labels"]["onager.dev/role"] == "executor"
        });
        let completed = self.statuses.last().is_some_and(|last| last.application_state.state == State::Completed);
        let told = self.objects.iter().any(|recorded| recorded.object["reason"] == "SparkApplicationCompleted");
        let beside =
            |recorded: &&Recorded| matches!(recorded.kind.kind.as_str(), "Service" | "Ingress" | "PodDisruptionBudget");
        let alone = self.objects.iter().filter(beside).all(|recorded| recorded.deleted);
        completed && told && alone && executor.is_some_and(|recorded| recorded.deleted)
    }

    /// How many requests the client makes for each application, without the create of the application itself.
    pub fn requests(&self) -> usize {
        self.objects.len() + things_to_delete(self).count() + self.statuses.len()
    }
}

/// Takes away what the API server has put there.
pub fn strip(mut object: Value) -> Value {
    let take = |object: &mut Value, keys: &[&str]| {
        if let Some(map) = object.as_object_mut() {
            keys.iter().for_each(|key| drop(map.remove(*key)));
        }
    };
    take(&mut object, &["status"]);
    take(&mut object["metadata"], &["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"]);
    if object["kind"] == "Service" {
        take(&mut object["spec"], &["clusterIP", "clusterIPs"]);
    }
    if object["kind"] == "Pod" {
        take(&mut object["spec"], &["nodeName"]);
    }
    object
}

/// Plays a recording for applications of these names.
///
/// # Errors
/// When a write is refused.
pub async fn play(fleet: &Fleet, recording: &Recording, names: impl Iterator<Item = String>) -> Result<()> {
    let player = Arc::new(Player {
        fleet: fleet.clone(),
        recording: recording.clone(),
        permits: Semaphore::new(AT_ONCE),
        phases: Phases::follow(fleet).await,
    });
    let mut plays = JoinSet::new();
    for name in names {
        let player = player.clone();
        plays.spawn(async move { player.one(&name).await.with_context(|| name.clone()) });
    }
    while let Some(played) = plays.join_next().await {
        played??;
    }
    Ok(())
}

/// Makes applications of these names as they are after their end: completed, with the pod of their driver and nothing else.
///
/// # Errors
/// When a write is refused.
pub async fn lay_down(fleet: &Fleet, recording: &Recording, names: impl Iterator<Item = String>) -> Result<()> {
    let player = Arc::new(Player {
        fleet: fleet.clone(),
        recording: recording.clone(),
        permits: Semaphore::new(AT_ONCE),
        phases: Phases(Arc::default()),
    });
    let mut plays = JoinSet::new();
    for name in names {
        let player = player.clone();
        plays.spawn(async move { player.at_rest(&name).await.with_context(|| name.clone()) });
    }
    while let Some(played) = plays.join_next().await {
        played??;
    }
    Ok(())
}

struct Player {
    fleet: Fleet,
    recording: Recording,
    permits: Semaphore,
    phases: Phases,
}

impl Player {
    async fn one(&self, name: &str) -> Result<()> {
        let apps: Api<SparkApplication> = self.fleet.api();
        let application = fleet::application(name)?;
        let mut app = self.ask(apps.create(&PostParams::default(), &application)).await?;
        let uid = app.uid().unwrap_or_default();
        let short = |uid: &str| uid.split('-').next().unwrap_or_default().to_string();
        let recording = &self.recording;
        let mut names = vec![
            (recording.uid.clone(), uid.clone()),
            (short(&recording.uid), short(&uid)),
            (recording.name.clone(), name.to_string()),
        ];
        let mut statuses = recording.statuses.iter();
        let mut driver_phase = self.phases.of(&format!("{name}-driver"));
        self.status(&mut app, statuses.next()).await?;
        let (events, things): (Vec<_>, Vec<_>) =
            recording.objects.iter().partition(|recorded| recorded.kind.kind == "Event");
        let (pods, first): (Vec<_>, Vec<_>) = things.into_iter().partition(|recorded| recorded.kind.kind == "Pod");
        for recorded in &first {
            let made = self.make(recorded, &names).await?;
            names.insert(0, (recorded.uid.clone(), made.uid().unwrap_or_default()));
        }
        future::try_join_all(pods.iter().map(|recorded| self.make(recorded, &names))).await?;
        let tell = future::try_join_all(events.iter().map(|recorded| self.make(recorded, &names)));
        let rest = async {
            for status in statuses {
                let phase = if status.application_state.state == State::Completed { "Succeeded" } else { "Running" };
                driver_phase.wait_for(|seen| seen == phase || seen == "Succeeded").await?;
                self.status(&mut app, Some(status)).await?;
            }
            let gone = things_to_delete(recording).map(|recorded| self.delete(recorded, &names));
            future::try_join_all(gone).await?;
            anyhow::Ok(())
        };
        future::try_join(tell, rest).await?;
        Ok(())
    }

    async fn at_rest(&self, name: &str) -> Result<()> {
        let (apps, pods): (Api<SparkApplication>, Api<Pod>) = (self.fleet.api(), self.fleet.api());
        let recording = &self.recording;
        let mut app = self.ask(apps.create(&PostParams::default(), &fleet::application(name)?)).await?;
        let names =
            [(recording.uid.clone(), app.uid().unwrap_or_default()), (recording.name.clone(), name.to_string())];
        let mut last = recording.statuses.last().cloned().context("a status was recorded")?;
        last.observed_generation = app.metadata.generation;
        let text = rename(&serde_json::to_string(&last)?, &names);
        self.status(&mut app, Some(&serde_json::from_str(&text)?)).await?;
        let driver = recording.objects.iter().find(|recorded| {
            recorded.kind.kind == "Pod" && recorded.object["metadata"]["labels"]["onager.dev/role"] == "driver"
        });
        let driver = driver.context("a driver was recorded")?;
        let mut pod: Pod = serde_json::from_str(&rename(&driver.object.to_string(), &names))?;
        pod.metadata.namespace = Some(self.fleet.namespace.clone());
        // No scheduler looks at it: it is over.
        pod.spec.get_or_insert_default().scheduler_name = Some("nobody".into());
        let mut made = self.ask(pods.create(&PostParams::default(), &pod)).await?;
        made.status.get_or_insert_default().phase = Some("Succeeded".into());
        self.ask(pods.replace_status(&made.name_any(), &PostParams::default(), &made)).await?;
        Ok(())
    }

    async fn ask<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T> {
        let _permit = self.permits.acquire().await?;
        Ok(request.await?)
    }

    async fn status(&self, app: &mut SparkApplication, status: Option<&SparkApplicationStatus>) -> Result<()> {
        let Some(status) = status else { return Ok(()) };
        app.status = Some(status.clone());
        let api: Api<SparkApplication> = self.fleet.api();
        *app = self.ask(api.replace_status(&app.name_any(), &PostParams::default(), app)).await?;
        Ok(())
    }

    async fn make(&self, recorded: &Recorded, names: &[(String, String)]) -> Result<DynamicObject> {
        let mut object: DynamicObject = serde_json::from_str(&rename(&recorded.object.to_string(), names))?;
        object.metadata.namespace = Some(self.fleet.namespace.clone());
        self.ask(self.api(recorded).create(&PostParams::default(), &object)).await
    }

    async fn delete(&self, recorded: &Recorded, names: &[(String, String)]) -> Result<()> {
        let name = rename(recorded.object["metadata"]["name"].as_str().unwrap_or_default(), names);
        self.ask(self.api(recorded).delete(&name, &DeleteParams::background())).await?;
        Ok(())
    }

    fn api(&self, recorded: &Recorded) -> Api<DynamicObject> {
        Api::namespaced_with(self.fleet.client.clone(), &self.fleet.namespace, &recorded.kind)
    }
}

/// What the operator deleted itself.
fn things_to_delete(recording: &Recording) -> impl Iterator<Item = &Recorded> {
    recording.objects.iter().filter(|recorded| recorded.deleted)
}

fn rename(text: &str, names: &[(String, String)]) -> String {
    names.iter().fold(text.to_string(), |text, (old, new)| text.replace(old, new))
}

/// The phase of each driver.
#[derive(Clone)]
struct Phases(Arc<Mutex<HashMap<String, watch::Sender<String>>>>);

impl Phases {
    async fn follow(fleet: &Fleet) -> Self {
        let phases = Self(Arc::default());
        let drivers = watcher(fleet.api::<Pod>(), watcher::Config::default().labels("onager.dev/role=driver"));
        let (began, writer) = (Arc::new(Notify::new()), phases.clone());
        let ready = began.clone();
        tokio::spawn(async move {
            let mut drivers = std::pin::pin!(drivers.default_backoff());
            while let Some(event) = drivers.next().await {
                match event {
                    Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => {
                        let phase = pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
                        writer.sender(&pod.name_any()).send_replace(phase);
                    }
                    Ok(watcher::Event::InitDone) => ready.notify_one(),
                    _ => {}
                }
            }
        });
        began.notified().await;
        phases
    }

    fn sender(&self, name: &str) -> watch::Sender<String> {
        let mut phases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        phases.entry(name.to_string()).or_insert_with(|| watch::channel(String::new()).0).clone()
    }

    fn of(&self, name: &str) -> watch::Receiver<String> {
        self.sender(name).subscribe()
    }
}

/// Waits until nothing is asked of the API server by the operator any more: what a fleet left behind is cleaned up.
///
/// # Errors
/// When that does not come.
pub async fn settles(fleet: &Fleet) -> Result<()> {
    let mut last = None;
    until("the operator has nothing left to do", async || {
        let now = crate::bench::requests(&fleet.client).await?;
        let same = last.as_ref() == Some(&now);
        last = Some(now);
        Ok(same.then_some(()))
    })
    .await
}
