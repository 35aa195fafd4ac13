//! What stands beside applications' pods: Services, Ingresses and PodDisruptionBudgets with our label, trimmed to what
//! decisions need, and found by the application that owns them. A relist replaces what its scope had of its kind alone; what is
//! known to be gone does not come back by late news, since a run may follow at once that makes another of the name.

use std::collections::{BTreeMap, HashMap, HashSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, runtime::watcher::Event};
use onager_core::SideKind;

use super::{facts, graves::Graves, watched};
use crate::build::names;

/// What is kept of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideRecord {
    /// UID of the application that owns it.
    pub owner: String,
    /// What it is.
    pub kind: SideKind,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// The ClusterIP of a Service that has one.
    pub ip: Option<String>,
}

impl SideRecord {
    /// What is kept of an object that an application owns, and that application's name.
    pub fn read(family: SideKind, meta: &ObjectMeta, ip: Option<String>) -> Option<(String, Self)> {
        let owner = facts::owner(meta)?;
        let role = meta.labels.as_ref().and_then(|labels| labels.get(names::ROLE));
        let kind = match family {
            SideKind::Service if role.is_some_and(|role| role == names::ROLE_UI) => SideKind::UiService,
            kind => kind,
        };
        let record = Self {
            owner: owner.uid.clone(),
            kind,
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            deleting: meta.deletion_timestamp.is_some(),
            ip: ip.filter(|ip| ip != "None"),
        };
        Some((owner.name.clone(), record))
    }
}

/// Namespace, application, kind, name.
type Place = (String, String, SideKind, String);

/// All of them.
#[derive(Default)]
pub struct Sides {
    items: BTreeMap<Place, SideRecord>,
    /// Places seen since the relist of a scope and kind began.
    listing: HashMap<(String, SideKind), HashSet<Place>>,
    graves: Graves,
}

/// Both kinds of Services come by one watch.
fn family(kind: SideKind) -> SideKind {
    if kind == SideKind::UiService { SideKind::Service } else { kind }
}

impl Sides {
    /// Takes in an event of the watch of `scope` (a namespace, or "" for all) and of a kind, both kinds of Services being
    /// one. Answers the applications that have lost something, by namespace and name.
    pub fn take_in<K: Resource>(
        &mut self,
        scope: &str,
        kind: SideKind,
        event: &Event<K>,
        ip: impl Fn(&K) -> Option<String>,
    ) -> Vec<watched::Key> {
        let listing = (scope.to_string(), kind);
        match event {
            Event::Init => {
                self.listing.insert(listing, HashSet::new());
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let (namespace, _) = watched::key(object);
                if let Some((app, record)) = SideRecord::read(kind, object.meta(), ip(object)) {
                    self.insert(&namespace, &app, record);
                }
            }
            Event::InitDone => {
                let seen = self.listing.remove(&listing).unwrap_or_default();
                let within = |place: &Place| family(place.2) == kind && (scope.is_empty() || place.0 == scope);
                let gone = self.items.extract_if(.., |place, _| within(place) && !seen.contains(place));
                return gone.map(|((namespace, app, ..), _)| (namespace, app)).collect();
            }
            Event::Delete(object) => {
                let (namespace, _) = watched::key(object);
                let Some((app, record)) = SideRecord::read(kind, object.meta(), None) else { return Vec::new() };
                if self.remove(&namespace, &app, record.kind, &record.name, &record.uid) {
                    return vec![(namespace, app)];
                }
            }
        }
        Vec::new()
    }

    /// Remembers an object as it was seen, or just written.
    pub fn insert(&mut self, namespace: &str, app: &str, record: SideRecord) {
        if self.graves.hold(&record.uid) {
            return;
        }
        let place = (namespace.to_string(), app.to_string(), record.kind, record.name.clone());
        for scope in [namespace, ""] {
            // A list that is under way cannot have what was made meanwhile.
            if let Some(seen) = self.listing.get_mut(&(scope.to_string(), family(record.kind))) {
                seen.insert(place.clone());
            }
        }
        self.items.insert(place, record);
    }

    /// Forgets an object that is gone, or whose deletion was accepted, unless another has its name by now. Answers whether it
    /// was known.
    pub fn remove(&mut self, namespace: &str, app: &str, kind: SideKind, name: &str, uid: &str) -> bool {
        self.graves.bury(uid);
        let place = (namespace.to_string(), app.to_string(), kind, name.to_string());
        let known = self.items.get(&place).is_some_and(|record| record.uid == uid);
        if known {
            self.items.remove(&place);
        }
        known
    }

    /// Forgets all of a scope that is not served any more.
    pub fn forget(&mut self, scope: &str) {
        self.items.retain(|place, _| !(scope.is_empty() || place.0 == scope));
    }

    /// What stands beside the pods of the application of this name.
    pub fn of<'a>(&'a self, namespace: &'a str, app: &'a str) -> impl Iterator<Item = &'a SideRecord> {
        let first = (namespace.to_string(), app.to_string(), SideKind::Service, String::new());
        self.items
            .range(first..)
            .take_while(move |(place, _)| place.0 == namespace && place.1 == app)
            .map(|(_, record)| record)
    }

    /// One of them.
    pub fn get(&self, namespace: &str, app: &str, kind: SideKind, name: &str) -> Option<&SideRecord> {
        self.items.get(&(namespace.to_string(), app.to_string(), kind, name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;

    use super::*;

    fn service(app: &str, name: &str, role: &str, uid: &str) -> Service {
        serde_json::from_value(serde_json::json!({
            "metadata": {
                "namespace": "alpha", "name": name, "uid": uid, "labels": {"onager.dev/role": role},
                "ownerReferences": [
                    {"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication", "name": app, "uid": format!("{app}-uid")}
                ],
            },
            "spec": {"clusterIP": "10.96.0.9"},
        }))
        .expect("Service")
    }

    fn take_in(sides: &mut Sides, kind: SideKind, event: Event<Service>) -> Vec<watched::Key> {
        sides.take_in("alpha", kind, &event, |service| service.spec.as_ref()?.cluster_ip.clone())
    }

    fn names(sides: &Sides, app: &str) -> Vec<String> {
        sides.of("alpha", app).map(|record| record.name.clone()).collect()
    }

    #[test]
    fn each_application_finds_its_own_and_both_kinds_of_services_apart() {
        let mut sides = Sides::default();
        for (app, name, role) in [("a", "a-driver", "driver"), ("a", "a-ui-svc", "ui"), ("a-b", "a-b-driver", "driver")]
        {
            take_in(&mut sides, SideKind::Service, Event::Apply(service(app, name, role, name)));
        }
        let kinds: Vec<SideKind> = sides.of("alpha", "a").map(|record| record.kind).collect();
        assert_eq!(kinds, [SideKind::Service, SideKind::UiService]);
        assert_eq!(names(&sides, "a-b"), ["a-b-driver"]);
        let ui = sides.get("alpha", "a", SideKind::UiService, "a-ui-svc").expect("UI Service");
        assert_eq!((ui.owner.as_str(), ui.ip.as_deref()), ("a-uid", Some("10.96.0.9")));
    }

    #[test]
    fn who_loses_something_is_told_but_not_of_an_own_deletion_nor_of_another_that_had_the_name() {
        let mut sides = Sides::default();
        let ui = |uid: &str| service("a", "a-ui-svc", "ui", uid);
        take_in(&mut sides, SideKind::Service, Event::Apply(ui("1")));
        assert_eq!(take_in(&mut sides, SideKind::Service, Event::Delete(ui("1"))), [("alpha".into(), "a".into())]);
        take_in(&mut sides, SideKind::Service, Event::Apply(ui("2")));
        assert_eq!(take_in(&mut sides, SideKind::Service, Event::Delete(ui("1"))), []);
        assert!(sides.remove("alpha", "a", SideKind::UiService, "a-ui-svc", "2"));
        take_in(&mut sides, SideKind::Service, Event::Apply(ui("2")));
        assert_eq!(names(&sides, "a"), Vec::<String>::new(), "late news of one that is gone");
        assert_eq!(take_in(&mut sides, SideKind::Service, Event::Delete(ui("2"))), []);
    }

    #[test]
    fn a_relist_takes_what_it_lacks_of_its_kind_and_leaves_what_was_made_meanwhile() {
        let mut sides = Sides::default();
        take_in(&mut sides, SideKind::Service, Event::Apply(service("a", "a-ui-svc", "ui", "1")));
        take_in(&mut sides, SideKind::Ingress, Event::Apply(service("a", "a-ui-ingress", "ui", "2")));
        take_in(&mut sides, SideKind::Service, Event::Init);
        let (app, made) = SideRecord::read(SideKind::Service, &service("b", "b-driver", "driver", "3").metadata, None)
            .expect("a record");
        sides.insert("alpha", &app, made);
        let lost = take_in(&mut sides, SideKind::Service, Event::InitDone);
        assert_eq!(lost, [("alpha".into(), "a".into())]);
        assert_eq!(names(&sides, "a"), ["a-ui-ingress"]);
        assert_eq!(names(&sides, "b"), ["b-driver"]);
    }
}
