//! What the operator remembers of the cluster, trimmed to what decisions need: pods and nodes of the whole cluster, Services
//! and quotas of the namespaces it serves. Fed by watches, and by the operator's own writes, which are visible at once;
//! it never writes.

mod apps;
pub mod facts;
pub mod ingest;
mod nodes;
mod pods;
mod watched;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use k8s_openapi::api::core::v1::{ResourceQuota, Service};
use tokio::sync::Notify;

pub use apps::{Apps, state};
pub use nodes::{Nodes, SILENCE};
pub use pods::Pods;
pub use watched::{Watched, version};

/// A cached Service of a driver.
#[derive(Clone, Debug)]
pub struct ServiceRecord {
    /// UID of the application that owns it.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its ClusterIP.
    pub ip: String,
}

/// Everything remembered, each part behind a lock that is never held across an await.
#[derive(Default)]
pub struct Cache {
    apps: Mutex<Apps>,
    pods: Mutex<Pods>,
    nodes: Mutex<Nodes>,
    services: Mutex<Watched<ServiceRecord>>,
    quotas: Mutex<Watched<ResourceQuota>>,
    /// Grows whenever what takes room, or the room there is, changes.
    room_version: AtomicU64,
    /// Told when room may have come free: a pod ended, a node or a quota changed.
    pub room_changed: Notify,
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

    /// Drivers' Services, by namespace and name.
    pub fn services(&self) -> MutexGuard<'_, Watched<ServiceRecord>> {
        lock(&self.services)
    }

    /// Quotas, by namespace and name.
    pub fn quotas(&self) -> MutexGuard<'_, Watched<ResourceQuota>> {
        lock(&self.quotas)
    }
}

impl ServiceRecord {
    /// What is kept of a Service that an application owns.
    pub fn read(service: &Service) -> Option<Self> {
        let owner = facts::owner(&service.metadata)?;
        Some(Self {
            owner: owner.uid.clone(),
            name: service.metadata.name.clone()?,
            uid: service.metadata.uid.clone()?,
            ip: service.spec.as_ref()?.cluster_ip.clone()?,
        })
    }
}
