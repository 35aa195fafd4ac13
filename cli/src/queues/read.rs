//! Reads Queues with a user's rights: what may not be read is left out, and said. Decides nothing.

use std::collections::BTreeMap;

use anyhow::Result;
use kube::{Api, ResourceExt, api::ListParams};
use onager_crds::Queue;

use crate::cluster::{Cluster, explain};

/// Queues by namespace and name, and what could not be read.
#[derive(Default)]
pub struct Found {
    /// By `namespace/name`.
    pub queues: BTreeMap<String, Queue>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// `namespace/name` of what is written in a namespace as `name` or `namespace/name`.
pub fn full_name(written: &str, namespace: &str) -> String {
    if written.contains('/') { written.to_string() } else { format!("{namespace}/{written}") }
}

/// `namespace/name` of a queue.
pub fn name_of(queue: &Queue) -> String {
    format!("{}/{}", queue.namespace().unwrap_or_default(), queue.name_any())
}

/// The queue above a queue.
pub fn parent_of(queue: &Queue) -> Option<String> {
    let written = queue.spec.parent.as_ref().filter(|parent| !parent.is_empty())?;
    Some(full_name(written, &queue.namespace().unwrap_or_default()))
}

impl Found {
    /// The queues of all namespaces; where only those of the cluster's namespace may be read, those and the ones above them.
    ///
    /// # Errors
    /// When not even those may be read.
    pub async fn all(cluster: &Cluster) -> Result<Self> {
        match Api::<Queue>::all(cluster.client.clone()).list(&ListParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 403 => {
                let mut found = Self::in_namespace(cluster).await?;
                let only = format!(
                    "queues of all namespaces may not be listed: these are those of namespace {}, and above them",
                    cluster.namespace
                );
                found.notes.insert(0, only);
                Ok(found)
            }
            answer => Ok(Self { queues: by_name(answer.map_err(explain)?.items), notes: Vec::new() }),
        }
    }

    /// The queues of one namespace, and the ones above them.
    ///
    /// # Errors
    /// When they may not be read.
    pub async fn in_namespace(cluster: &Cluster) -> Result<Self> {
        let own = cluster.api::<Queue>().list(&ListParams::default()).await.map_err(explain)?.items;
        let mut found = Self { queues: by_name(own), notes: Vec::new() };
        let starts: Vec<String> = found.queues.values().filter_map(parent_of).collect();
        for start in starts {
            found.upwards(cluster, &start).await?;
        }
        Ok(found)
    }

    /// Reads a queue and those above it, as far as they may be read and are not known.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn upwards(&mut self, cluster: &Cluster, start: &str) -> Result<()> {
        let mut next = Some(start.to_string());
        while let Some(name) = next.filter(|name| !self.queues.contains_key(name)) {
            let (namespace, short) = name.split_once('/').unwrap_or((&cluster.namespace, &name));
            let queue = match Api::<Queue>::namespaced(cluster.client.clone(), namespace).get(short).await {
                Ok(queue) => queue,
                Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
                    let why = if status.code == 403 { "may not be read" } else { "does not exist" };
                    let note = format!("queue {name} {why}: it and what is above it is left out");
                    if !self.notes.contains(&note) {
                        self.notes.push(note);
                    }
                    return Ok(());
                }
                Err(error) => return Err(explain(error)),
            };
            next = parent_of(&queue);
            self.queues.insert(name, queue);
        }
        Ok(())
    }
}

fn by_name(queues: Vec<Queue>) -> BTreeMap<String, Queue> {
    queues.into_iter().map(|queue| (name_of(&queue), queue)).collect()
}
