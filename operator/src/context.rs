//! What every part of the operator shares: the client, the cache, the settings. Holds no decisions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::channel::mpsc;
use kube::{Client, Resource, core::PartialObjectMeta, runtime::reflector::ObjectRef};
use onager_core::Settings;
use onager_crds::{ScheduledSparkApplication, SparkApplication};

use crate::{
    build::{EngineImage, UiSettings},
    cache::Cache,
    control::Control,
    desk::Desk,
    events::Events,
    metrics::Metrics,
    pause::Pauses,
    progress::Followed,
    schedule::Schedules,
    sides::Refusals,
    turns::Turns,
};

/// Shared by all workers.
pub struct Context {
    /// Speaks with the API server.
    pub client: Client,
    /// What is remembered of the cluster.
    pub cache: Arc<Cache>,
    /// What is remembered of schedules.
    pub schedules: Schedules,
    /// The administrator's settings.
    pub settings: Settings,
    /// The engine's image.
    pub engine: EngineImage,
    /// How UIs are reached from outside.
    pub ui: UiSettings,
    /// Speaks with drivers.
    pub control: Control,
    /// Applications whose executors follow the work.
    pub followed: Arc<Followed>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Bounds how many applications are worked on at once, over all namespaces.
    pub turns: Turns,
    /// Bounds how many pods are created at once.
    pub creates: tokio::sync::Semaphore,
    /// Who starts, grows and gives way.
    pub desk: Desk,
    /// How many first lists of what is decided on beside applications, pods and nodes are not complete.
    pub unread: tokio::sync::watch::Sender<usize>,
    /// Tells users.
    pub events: Events,
    /// Who is left alone for a while.
    pub pauses: Pauses,
    /// Who could not get all that stands beside its pods.
    pub refusals: Refusals,
    /// How many first lists of applications, or of namespaces to serve, are not complete: nobody is admitted before all are.
    pub unlisted: tokio::sync::watch::Sender<usize>,
    /// Wakes applications.
    pub triggers: Triggers,
    /// True once the operator stops.
    pub stopping: tokio::sync::watch::Sender<bool>,
}

impl Context {
    /// Whether all of the cluster was seen that admission is decided on.
    pub fn desk_ready(&self) -> bool {
        *self.unlisted.borrow() == 0 && *self.unread.borrow() == 0
    }
}

/// A first list that is not complete; while there is one, nobody is admitted.
pub struct Unread(tokio::sync::watch::Sender<usize>);

impl Unread {
    /// One more.
    pub fn new(context: &Context) -> Self {
        context.unread.send_modify(|count| *count += 1);
        Self(context.unread.clone())
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// One queue of applications and one of schedules to be looked at for each scope: a namespace, or "" for all.
#[derive(Default)]
pub struct Triggers {
    applications: Queues<Named>,
    schedules: Queues<ScheduledSparkApplication>,
}

/// What the work queue remembers of an application; all of it is in the cache.
pub type Named = PartialObjectMeta<SparkApplication>;

type Queue<K> = mpsc::UnboundedSender<ObjectRef<K>>;

struct Queues<K: Resource<DynamicType = ()>>(Mutex<HashMap<String, Queue<K>>>);

impl<K: Resource<DynamicType = ()>> Default for Queues<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Resource<DynamicType = ()>> Queues<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, scope: &str) -> mpsc::UnboundedReceiver<ObjectRef<K>> {
        let (sender, receiver) = mpsc::unbounded();
        self.lock().insert(scope.to_string(), sender);
        receiver
    }

    fn wake(&self, namespace: &str, name: &str) {
        let scopes = self.lock();
        if let Some(queue) = scopes.get(namespace).or_else(|| scopes.get("")) {
            // A scope that has ended needs no news.
            let _ = queue.unbounded_send(ObjectRef::new(name).within(namespace));
        }
    }
}

impl Triggers {
    /// The queue of applications of a scope that begins.
    pub fn open(&self, scope: &str) -> mpsc::UnboundedReceiver<ObjectRef<Named>> {
        self.applications.open(scope)
    }

    /// The queue of schedules of a scope that begins.
    pub fn open_schedules(&self, scope: &str) -> mpsc::UnboundedReceiver<ObjectRef<ScheduledSparkApplication>> {
        self.schedules.open(scope)
    }

    /// Has an application looked at, if its namespace is served.
    pub fn wake(&self, namespace: &str, name: &str) {
        self.applications.wake(namespace, name);
    }

    /// Has a schedule looked at, if its namespace is served.
    pub fn wake_schedule(&self, namespace: &str, name: &str) {
        self.schedules.wake(namespace, name);
    }

    /// Ends the queues of one scope, and with them its workers, each after the step it is at.
    pub fn end(&self, scope: &str) {
        self.applications.lock().remove(scope);
        self.schedules.lock().remove(scope);
    }

    /// Ends all queues, and with them the workers, each after the step it is at.
    pub fn close(&self) {
        self.applications.lock().clear();
        self.schedules.lock().clear();
    }
}
