//! Puts the guard of a Queue in use on, and takes it off, as `core` decides: a finalizer, written by a patch that names the
//! version it was decided on. Whether a namespace ends is asked of the API server, and only when a Queue in it is held.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use onager_core::queue::{
    Name, QueueReport,
    guard::{FINALIZER, Guard, Standing, decide},
};
use onager_crds::Queue;
use serde_json::json;

/// A Queue is looked at no more often where something would be asked or written.
const INTERVAL: Duration = Duration::from_secs(1);

/// Remembers when something was last asked or written of each.
#[derive(Default)]
pub struct Guards(HashMap<Name, Instant>);

impl Guards {
    /// Forgets Queues that are gone.
    pub fn forget(&mut self, there: &BTreeMap<Name, Queue>) {
        self.0.retain(|name, _| there.contains_key(name));
    }

    /// Does what is to be done; answers the Queue where it was changed.
    pub async fn keep(&mut self, client: &Client, name: &Name, queue: &Queue, seen: Standing) -> Option<Queue> {
        if self.0.get(name).is_some_and(|last| last.elapsed() < INTERVAL) {
            return None;
        }
        self.0.insert(name.clone(), Instant::now());
        let namespace_ends = is_held(&seen) && ends(client, &name.namespace).await;
        let mut finalizers = queue.finalizers().to_vec();
        match decide(&Standing { namespace_ends, ..seen }) {
            Guard::PutOn => finalizers.push(FINALIZER.into()),
            Guard::TakeOff => finalizers.retain(|one| one != FINALIZER),
            Guard::Leave => return None,
        }
        let change = json!({"metadata": {"finalizers": finalizers, "resourceVersion": queue.resource_version()}});
        let api: Api<Queue> = Api::namespaced(client.clone(), &name.namespace);
        match api.patch(&name.name, &PatchParams::default(), &Patch::Merge(change)).await {
            Ok(saved) => Some(saved),
            Err(error) => {
                tracing::debug!(queue = %name, %error, "its guard is changed later");
                None
            }
        }
    }
}

/// Whether a Queue is to be looked at: something is to be written, or what holds it back may have ended.
pub fn is_due(seen: &Standing) -> bool {
    is_held(seen) || decide(seen) != Guard::Leave
}

fn is_held(seen: &Standing) -> bool {
    seen.leaving && seen.guarded
}

/// How a Queue stands; what its pods use counts until they are gone.
pub fn standing(queue: &Queue, report: &QueueReport, children: u32) -> Standing {
    Standing {
        applications: report.waiting + report.admitted + u32::from(!report.used.is_empty()),
        children,
        leaving: queue.metadata.deletion_timestamp.is_some(),
        namespace_ends: false,
        guarded: queue.finalizers().iter().any(|one| one == FINALIZER),
    }
}

/// How many children each queue has that has any; one that is its own parent has none for that.
pub fn children(there: &BTreeMap<Name, Queue>) -> HashMap<Name, u32> {
    let mut children = HashMap::new();
    for (name, queue) in there {
        let parent = queue.spec.parent.as_ref().map(|parent| Name::read(parent, &name.namespace));
        if let Some(parent) = parent.filter(|parent| parent != name) {
            *children.entry(parent).or_default() += 1;
        }
    }
    children
}

/// Whether a namespace is being deleted, or is gone. Who is not told holds the Queue back, and asks again.
async fn ends(client: &Client, namespace: &str) -> bool {
    match Api::<Namespace>::all(client.clone()).get_opt(namespace).await {
        Ok(found) => found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()),
        Err(error) => {
            tracing::debug!(namespace, %error, "whether it ends is not known");
            false
        }
    }
}
