//! What the operator remembers of the cluster, trimmed to what decisions need: pods and nodes of the whole cluster, quotas and
//! what stands beside applications' pods of the namespaces it serves. Fed by watches, and by the operator's own writes, which are visible at once;
//! it never writes.

mod apps;
pub mod facts;
mod graves;
pub mod ingest;
mod nodes;
mod pods;
mod sides;
mod watched;

use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::{
    core::v1::{LimitRange, ResourceQuota},
    scheduling::v1::PriorityClass,
};
use onager_crds::Queue;
use tokio::sync::Notify;

pub use apps::{Apps, state};
pub use graves::Graves;
pub use nodes::{Nodes, SILENCE};
pub use pods::{PodRecord, Pods, Silent};
pub use sides::{SideRecord, Sides};
pub use watched::{Key, Watched, key, version};

/// Everything remembered, each part behind a lock that is never held across an await.
#[derive(Default)]
pub struct Cache {
    apps: Mutex<Apps>,
    pods: Mutex<Pods>,
    nodes: Mutex<Nodes>,
    sides: Mutex<Sides>,
    quotas: Mutex<Watched<ResourceQuota>>,
    ranges: Mutex<Watched<LimitRange>>,
    classes: Mutex<Watched<PriorityClass>>,
    queues: Mutex<Watched<Queue>>,
    /// Told when what takes room, or the room there is, has changed.
    pub room: Notify,
    /// Told when a pod has a node and may come to not start without a word.
    pub silence: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// What takes room, or the room there is, has changed.
    pub fn room_moved(&self) {
        self.room.notify_one();
    }

    /// Applications of all scopes.
    pub fn apps(&self) -> MutexGuard<'_, Apps> {
        lock(&self.apps)
    }

    /// Pods of the cluster.
    pub fn pods(&self) -> MutexGuard<'_, Pods> {
        lock(&self.pods)
    }

    /// Nodes of the cluster.
    pub fn nodes(&self) -> MutexGuard<'_, Nodes> {
        lock(&self.nodes)
    }

    /// What stands beside applications' pods.
    pub fn sides(&self) -> MutexGuard<'_, Sides> {
        lock(&self.sides)
    }

    /// What namespaces make of containers that say nothing, by namespace and name.
    pub fn ranges(&self) -> MutexGuard<'_, Watched<LimitRange>> {
        lock(&self.ranges)
    }

    /// Priority classes.
    pub fn classes(&self) -> MutexGuard<'_, Watched<PriorityClass>> {
        lock(&self.classes)
    }

    /// Queues, by namespace and name.
    pub fn queues(&self) -> MutexGuard<'_, Watched<Queue>> {
        lock(&self.queues)
    }

    /// Takes in a Queue as the API server answered a write; the watch may have been faster.
    pub fn queue_written(&self, queue: Queue) {
        let (namespace, name) = key(&queue);
        let mut queues = self.queues();
        let older = |there: &Queue| {
            there.metadata.uid == queue.metadata.uid && version(&there.metadata) <= version(&queue.metadata)
        };
        // What is newer stays, and what is gone stays gone.
        if queues.get(&namespace, &name).is_some_and(older) {
            queues.insert(&namespace, &name, queue.metadata.uid.clone(), queue);
        }
    }

    /// Quotas, by namespace and name.
    pub fn quotas(&self) -> MutexGuard<'_, Watched<ResourceQuota>> {
        lock(&self.quotas)
    }
}
