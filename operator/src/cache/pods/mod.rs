//! All pods of the cluster, trimmed: what each takes, and for ours what decisions need. Own writes are taken in at once,
//! so that the next decision sees them; a pod that is known to be gone does not come back by a late answer.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use onager_core::{
    Phase, PodSeen, Role, Size, Trouble,
    requests::{self, Others},
};

use super::{
    facts,
    graves::Graves,
    watched::{Key, key, version},
};
use crate::control::Address;

/// What is kept of a pod.
#[derive(Clone, Debug)]
pub struct PodRecord {
    /// Its node, if it has one.
    pub node: Option<String>,
    /// Its requests.
    pub requests: Size,
    /// Its requests of resources beside CPU and memory.
    pub others: Others,
    /// Ports it holds on its node.
    pub host_ports: Vec<u16>,
    /// Whether its containers ended, so that it takes no room.
    pub ended: bool,
    /// Whether no node was found for it.
    pub unschedulable: bool,
    /// For pods of applications.
    pub ours: Option<Ours>,
    uid: String,
    version: u128,
}

impl PodRecord {
    /// All of it that counts when room is counted.
    fn room(&self) -> (Option<String>, Size, Others, bool, bool, bool) {
        let deleting = self.ours.as_ref().is_some_and(|ours| ours.seen.deleting);
        (self.node.clone(), self.requests, self.others.clone(), self.ended, self.unschedulable, deleting)
    }
}

/// What is kept of a pod of an application.
#[derive(Clone, Debug)]
pub struct Ours {
    /// Name of the application.
    pub app: String,
    /// Its facts.
    pub seen: PodSeen,
    /// Its queue: namespace and name.
    pub queue: Option<String>,
    /// Its IP.
    pub ip: Option<String>,
    /// Where its control channel listens, if it is a driver.
    pub control_port: u16,
    /// Since when it is there, while it does not start and its status does not say why.
    silent_since: Option<Timestamp>,
}

/// A pod that does not start and does not say why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Name of its application.
    pub app: String,
    /// Since when it is there.
    pub since: Timestamp,
}

/// All pods.
#[derive(Default)]
pub struct Pods {
    items: HashMap<Key, PodRecord>,
    by_owner: HashMap<String, HashSet<Key>>,
    silent: HashSet<Key>,
    listing: Option<HashSet<Key>>,
    graves: Graves,
}

/// What an event of the watch means for others.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Whether the pod does not start and does not say why.
    pub silent: bool,
    /// Namespace and name of the application to look at.
    pub application: Option<Key>,
    /// Whether room may have come free.
    pub room: bool,
    /// Whether what takes room has changed at all.
    pub moved: bool,
    /// Whether an executor that was known before has ended by itself, and whether it did well.
    pub executor_ended: Option<bool>,
}

impl Pods {
    /// Takes in an event of the cluster-wide watch.
    pub fn take_in(&mut self, event: &Event<Pod>) -> Vec<Effect> {
        match event {
            Event::Init => self.listing = Some(HashSet::new()),
            Event::InitApply(pod) => {
                let key = key(pod);
                if let Some(listing) = &mut self.listing {
                    listing.insert(key);
                }
                return vec![self.insert(pod)];
            }
            Event::Apply(pod) => return vec![self.insert(pod)],
            Event::InitDone => {
                let seen = self.listing.take().unwrap_or_default();
                let gone: Vec<Key> = self.items.keys().filter(|key| !seen.contains(*key)).cloned().collect();
                return gone.iter().map(|key| self.remove(key)).collect();
            }
            Event::Delete(pod) => {
                let (key, uid) = (key(pod), pod.metadata.uid.as_deref().unwrap_or_default());
                self.graves.bury(uid);
                // Another pod may have the name by now.
                let same = self.items.get(&key).is_some_and(|record| record.uid == uid);
                return if same { vec![self.remove(&key)] } else { Vec::new() };
            }
        }
        Vec::new()
    }

    /// Ports that pods hold on their nodes.
    pub fn host_ports(&self) -> BTreeSet<u16> {
        let held = self.items.values().filter(|record| !record.ended);
        held.flat_map(|record| record.host_ports.iter().copied()).collect()
    }

    /// Takes in a pod as the API server answered.
    pub fn insert(&mut self, pod: &Pod) -> Effect {
        let key = key(pod);
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let version = version(&pod.metadata);
        let newer = self.items.get(&key).is_some_and(|record| record.uid == uid && record.version > version);
        if newer || self.graves.hold(&uid) {
            return Effect::default();
        }
        if let Some(listing) = &mut self.listing {
            // Made while a list was under way that cannot have it.
            listing.insert(key.clone());
        }
        let label = |name: &str| pod.metadata.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
        let app = label(crate::build::names::APP);
        let silent_since = facts::silent_since(pod);
        let mut seen = facts::pod_seen(pod);
        let known = self.items.get(&key).filter(|record| record.uid == uid).and_then(|record| record.ours.as_ref());
        if let Some(seen) = &mut seen {
            seen.dismissed = known.is_some_and(|ours| ours.seen.dismissed);
            if silent_since.is_some() {
                // What events said of it holds until its status says something.
                let silent = known.filter(|ours| ours.silent_since.is_some());
                seen.trouble = silent.and_then(|ours| ours.seen.trouble.clone());
            }
        }
        let ours = app.zip(seen).map(|(app, seen)| Ours {
            app,
            seen,
            queue: pod.metadata.annotations.as_ref().and_then(|marks| marks.get(crate::build::names::QUEUE)).cloned(),
            ip: pod.status.as_ref().and_then(|status| status.pod_ip.clone()),
            control_port: pod.spec.as_ref().map_or(0, facts::control_port),
            silent_since,
        });
        if ours.is_some() && silent_since.is_some() {
            self.silent.insert(key.clone());
        } else {
            self.silent.remove(&key);
        }
        let ended = facts::is_over(pod);
        let (requests, others) = pod.spec.as_ref().map(requests::requests).unwrap_or_default();
        let record = PodRecord {
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            requests,
            others,
            host_ports: pod.spec.as_ref().map(facts::host_ports).unwrap_or_default(),
            ended,
            unschedulable: facts::is_unschedulable(pod),
            ours,
            uid,
            version,
        };
        let application = record.ours.as_ref().map(|ours| (key.0.clone(), ours.app.clone()));
        if let Some(owner) = record.ours.as_ref().and_then(|ours| ours.seen.owner.clone()) {
            self.by_owner.entry(owner).or_default().insert(key.clone());
        }
        let new = record.room();
        let executor = record.ours.as_ref().map(|ours| &ours.seen);
        let executor_ended = executor
            .filter(|seen| matches!(seen.role, Role::Executor(_)) && seen.ended() && !seen.deleting)
            .map(|seen| seen.phase == Phase::Succeeded);
        let old = self.items.insert(key, record);
        let moved = old.as_ref().is_none_or(|old| old.room() != new);
        let executor_ended = executor_ended.filter(|_| old.as_ref().is_some_and(|old| !old.ended));
        let room = ended && old.is_none_or(|old| !old.ended);
        Effect { silent: silent_since.is_some() && application.is_some(), application, room, moved, executor_ended }
    }

    fn remove(&mut self, key: &Key) -> Effect {
        let Some(record) = self.items.remove(key) else { return Effect::default() };
        self.silent.remove(key);
        if let Some(owner) = record.ours.as_ref().and_then(|ours| ours.seen.owner.as_ref())
            && let Some(keys) = self.by_owner.get_mut(owner)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.by_owner.remove(owner);
            }
        }
        if record.ours.is_some() {
            self.graves.bury(&record.uid);
        }
        Effect {
            silent: false,
            application: record.ours.map(|ours| (key.0.clone(), ours.app)),
            room: true,
            moved: true,
            executor_ended: None,
        }
    }

    /// Marks a pod whose deletion was accepted.
    pub fn mark_deleting(&mut self, namespace: &str, name: &str, uid: &str) {
        let record = self.items.get_mut(&(namespace.to_string(), name.to_string()));
        if let Some(ours) = record.filter(|record| record.uid == uid).and_then(|record| record.ours.as_mut()) {
            ours.seen.deleting = true;
            ours.seen.dismissed = !ours.seen.ended();
        }
    }

    /// Pods of applications that do not start and do not say why.
    pub fn silent(&self) -> Vec<Silent> {
        let silent = self.silent.iter().filter_map(|key| {
            let record = self.items.get(key)?;
            let ours = record.ours.as_ref()?;
            let (namespace, name) = key.clone();
            Some(Silent { namespace, name, uid: record.uid.clone(), app: ours.app.clone(), since: ours.silent_since? })
        });
        silent.collect()
    }

    /// Takes in what events say of a silent pod. Answers whether that is news.
    pub fn explain(&mut self, namespace: &str, name: &str, uid: &str, trouble: Option<Trouble>) -> bool {
        let record = self.items.get_mut(&(namespace.to_string(), name.to_string()));
        let ours = record.filter(|record| record.uid == uid).and_then(|record| record.ours.as_mut());
        let Some(ours) = ours.filter(|ours| ours.silent_since.is_some() && ours.seen.trouble != trouble) else {
            return false;
        };
        ours.seen.trouble = trouble;
        true
    }

    /// Pods that an application owns.
    pub fn of_owner<'a>(&'a self, uid: &str) -> impl Iterator<Item = &'a Ours> {
        let keys = self.by_owner.get(uid).into_iter().flatten();
        keys.filter_map(|key| self.items.get(key)?.ours.as_ref())
    }

    /// Pods of applications of a namespace.
    pub fn of_namespace<'a>(&'a self, namespace: &str) -> impl Iterator<Item = &'a Ours> {
        self.items.iter().filter(move |(key, _)| key.0 == namespace).filter_map(|(_, record)| record.ours.as_ref())
    }

    /// One pod.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&PodRecord> {
        self.items.get(&(namespace.to_string(), name.to_string()))
    }

    /// Where the control channel of a driver's pod listens, once it has an address.
    pub fn control_of(&self, namespace: &str, driver: &str) -> Option<Address> {
        let ours = self.get(namespace, driver)?.ours.as_ref()?;
        Some(Address { ip: ours.ip.clone()?, port: ours.control_port })
    }

    /// How many executors run, by namespace and name of the application.
    pub fn running_executors(&self) -> HashMap<Key, i64> {
        let mut counts = HashMap::new();
        for (key, record) in &self.items {
            let Some(ours) = &record.ours else { continue };
            if matches!(ours.seen.role, Role::Executor(_)) && ours.seen.phase == Phase::Running {
                *counts.entry((key.0.clone(), ours.app.clone())).or_default() += 1;
            }
        }
        counts
    }

    /// All pods that take room, with namespace and name.
    pub fn taking_room(&self) -> impl Iterator<Item = (&Key, &PodRecord)> {
        self.items.iter().filter(|(_, record)| !record.ended)
    }

    /// Namespaces and names of the applications that have pods on a node.
    pub fn applications_on(&self, node: &str) -> HashSet<Key> {
        let on = self.items.iter().filter(|(_, record)| record.node.as_deref() == Some(node));
        on.filter_map(|(key, record)| Some((key.0.clone(), record.ours.as_ref()?.app.clone()))).collect()
    }
}

#[cfg(test)]
mod tests;
