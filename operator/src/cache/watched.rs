//! A map from namespace and name to what is kept of an object, filled by a watch of one scope: a relist replaces what that
//! scope had, and nothing of other scopes.

use std::collections::{HashMap, HashSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, runtime::watcher::Event};

/// Namespace and name.
pub type Key = (String, String);

/// Objects of one kind.
#[derive(Debug)]
pub struct Watched<T> {
    items: HashMap<Key, Item<T>>,
    /// Keys seen since each scope's relist began.
    listing: HashMap<String, HashSet<Key>>,
}

#[derive(Debug)]
struct Item<T> {
    uid: Option<String>,
    value: T,
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self { items: HashMap::new(), listing: HashMap::new() }
    }
}

/// Resource versions of one resource compare as numbers (KEP-5504).
pub fn version(meta: &ObjectMeta) -> u128 {
    meta.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The key of an object.
pub fn key<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

impl<T> Watched<T> {
    /// Takes in an event of the watch of `scope` (a namespace, or "" for all).
    pub fn take_in<K: Resource>(&mut self, scope: &str, event: &Event<K>, keep: impl Fn(&K) -> Option<T>) {
        match event {
            Event::Init => {
                self.listing.insert(scope.to_string(), HashSet::new());
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let key = key(object);
                if let (Event::InitApply(_), Some(seen)) = (event, self.listing.get_mut(scope)) {
                    seen.insert(key.clone());
                }
                match keep(object) {
                    Some(value) => self.items.insert(key, Item { uid: object.meta().uid.clone(), value }),
                    None => self.items.remove(&key),
                };
            }
            Event::InitDone => {
                let seen = self.listing.remove(scope).unwrap_or_default();
                self.items.retain(|key, _| seen.contains(key) || !(scope.is_empty() || key.0 == scope));
            }
            Event::Delete(object) => {
                let key = key(object);
                // Another object may have the name by now.
                if self.items.get(&key).is_some_and(|item| item.uid == object.meta().uid) {
                    self.items.remove(&key);
                }
            }
        }
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.items.get(&(namespace.to_string(), name.to_string())).map(|item| &item.value)
    }

    /// Remembers an object that was just written.
    pub fn insert(&mut self, namespace: &str, name: &str, uid: Option<String>, value: T) {
        let key = (namespace.to_string(), name.to_string());
        for scope in [namespace, ""] {
            // A list that is under way cannot have it.
            self.listing.get_mut(scope).map(|seen| seen.insert(key.clone()));
        }
        self.items.insert(key, Item { uid, value });
    }

    /// Forgets all of a scope that is not served any more.
    pub fn forget(&mut self, scope: &str) {
        self.items.retain(|key, _| !(scope.is_empty() || key.0 == scope));
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.items.values().map(|item| &item.value)
    }

    /// All of a namespace.
    pub fn of_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a str, &'a T)> {
        self.items.iter().filter(move |(key, _)| key.0 == namespace).map(|(key, item)| (key.1.as_str(), &item.value))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;

    use super::*;

    fn object(namespace: &str, name: &str) -> ConfigMap {
        let metadata =
            ObjectMeta { namespace: Some(namespace.into()), name: Some(name.into()), ..ObjectMeta::default() };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    fn take_in(watched: &mut Watched<String>, scope: &str, event: Event<ConfigMap>) {
        watched.take_in(scope, &event, |object| object.metadata.name.clone());
    }

    #[test]
    fn a_relist_replaces_what_its_scope_had_and_nothing_else() {
        let mut watched = Watched::default();
        for (namespace, name) in [("alpha", "old"), ("alpha", "kept"), ("beta", "other")] {
            take_in(&mut watched, namespace, Event::Apply(object(namespace, name)));
        }
        take_in(&mut watched, "alpha", Event::Init);
        take_in(&mut watched, "alpha", Event::InitApply(object("alpha", "kept")));
        assert!(watched.get("alpha", "old").is_some(), "until the list is complete, what was known holds");
        take_in(&mut watched, "alpha", Event::InitDone);
        assert!(watched.get("alpha", "old").is_none());
        assert!(watched.get("alpha", "kept").is_some() && watched.get("beta", "other").is_some());
    }

    #[test]
    fn a_relist_of_all_namespaces_replaces_everything() {
        let mut watched = Watched::default();
        take_in(&mut watched, "", Event::Apply(object("alpha", "old")));
        take_in(&mut watched, "", Event::Init);
        take_in(&mut watched, "", Event::InitDone);
        assert_eq!(watched.all().count(), 0);
    }
}
