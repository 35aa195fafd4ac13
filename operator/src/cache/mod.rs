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

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use k8s_openapi::api::core::v1::ResourceQuota;
use tokio::sync::Notify;

pub use apps::{Apps, state};
pub use graves::Graves;
pub use nodes::{Nodes, SILENCE};
pub use pods::{Pods, Silent};
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
    /// Grows whenever what takes room, or the room there is, changes.
    room_version: AtomicU64,
    /// Told when room may have come free: a pod ended, a node or a quota changed.
    pub room_changed: Notify,
    /// Told when a pod has a node and may come to not start without a word.
    pub silence: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// Another number than before whenever what takes room, or the room there is, has changed.
    pub fn room_version(&self) -> u64 {
        self.room_version.load(Ordering::Acquire)
    }

    /// What takes room, or the room there is, has changed.
    pub fn room_moved(&self) {
        self.room_version.fetch_add(1, Ordering::AcqRel);
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

    /// Quotas, by namespace and name.
    pub fn quotas(&self) -> MutexGuard<'_, Watched<ResourceQuota>> {
        lock(&self.quotas)
    }
}
