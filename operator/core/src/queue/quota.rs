//! A namespace's ResourceQuota, as gangs and executors count against it: requests, limits, pods and the objects that an
//! application has beside its pods. What others use of it is a fact from outside; what the snapshot's applications use is
//! added up here.

use std::collections::BTreeMap;

use super::{
    App, Kind, Kinds, Shape, Snapshot,
    amounts::{CPU, MEMORY, PODS},
    ground::View,
};

/// What of an application a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Requests of a resource.
    Requests(Kind),
    /// Limits of a resource.
    Limits(Kind),
    /// Objects of which each application has so many while it is admitted.
    Objects(u64),
}

/// One limit of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaLimit {
    /// As the quota calls it, such as `requests.cpu`.
    pub resource: String,
    /// What it counts.
    pub counts: Counted,
    /// Of which priority classes pods count: all of these must hold. With any, objects do not count.
    pub classes: Vec<OfClass>,
    /// The limit.
    pub hard: u64,
    /// What others than the snapshot's applications use.
    pub foreign: u64,
}

/// A quota's scope by the priority class of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfClass {
    /// One of these.
    In(Vec<String>),
    /// None of these; pods without a class count.
    NotIn(Vec<String>),
    /// Any, or else none.
    Some(bool),
}

impl OfClass {
    /// Whether a pod of a class counts.
    pub fn counts(&self, class: Option<&str>) -> bool {
        let among = |names: &[String]| class.is_some_and(|class| names.iter().any(|name| name == class));
        match self {
            Self::In(names) => among(names),
            Self::NotIn(names) => !among(names),
            Self::Some(any) => class.is_some() == *any,
        }
    }
}

/// A ResourceQuota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceQuota {
    /// Its name.
    pub name: String,
    /// Its limits; those that pods and objects of applications do not count against are left out.
    pub limits: Vec<QuotaLimit>,
}

impl QuotaLimit {
    /// Reads the name of a resource in a quota; `None` where applications do not count against it.
    pub fn counts(resource: &str, kinds: &mut Kinds) -> Option<Counted> {
        let limits = resource.strip_prefix("limits.");
        let requests = resource.strip_prefix("requests.").unwrap_or(resource);
        Some(match (resource, limits) {
            ("pods" | "count/pods", _) => Counted::Requests(PODS),
            // An application's own: its driver's Service, and the Secret with its token.
            ("services" | "count/services" | "secrets" | "count/secrets", _) => Counted::Objects(1),
            (_, Some("cpu")) => Counted::Limits(CPU),
            (_, Some("memory")) => Counted::Limits(MEMORY),
            (_, Some(_)) => return None,
            _ => match requests {
                "cpu" => Counted::Requests(CPU),
                "memory" => Counted::Requests(MEMORY),
                name if is_of_pods(name) => Counted::Requests(kinds.intern(name)),
                _ => return None,
            },
        })
    }

    /// An amount of it, as a quota's status writes it.
    pub fn read(&self, text: &str) -> Option<u64> {
        match self.counts {
            Counted::Requests(CPU) | Counted::Limits(CPU) => crate::quantity::milli(text),
            _ => crate::quantity::whole(text),
        }
    }

    /// The resource in whose unit amounts are.
    pub fn unit(&self) -> Kind {
        match self.counts {
            Counted::Requests(kind) | Counted::Limits(kind) => kind,
            Counted::Objects(_) => PODS,
        }
    }

    fn of_pod(&self, shape: &Shape) -> u64 {
        let class = shape.class.as_deref();
        match self.counts {
            _ if !self.classes.iter().all(|one| one.counts(class)) => 0,
            Counted::Requests(kind) => shape.requests.get(kind),
            Counted::Limits(kind) => shape.limits.get(kind),
            Counted::Objects(_) => 0,
        }
    }

    /// What pods of an application take; with the driver its objects too.
    pub fn taken(&self, snapshot: &Snapshot, app: &App, driver: bool, executors: u32) -> u64 {
        let executors = self.of_pod(snapshot.shapes.get(app.executor)).saturating_mul(executors.into());
        let objects = match self.counts {
            Counted::Objects(each) if self.classes.is_empty() => each,
            _ => 0,
        };
        let driver = if driver { self.of_pod(snapshot.shapes.get(app.driver)).saturating_add(objects) } else { 0 };
        driver.saturating_add(executors)
    }
}

/// Extended resources and what nodes have beside CPU and memory; not what claims ask of storage.
fn is_of_pods(name: &str) -> bool {
    name == "ephemeral-storage" || name.contains('/') && !name.starts_with("count/") || name.starts_with("hugepages-")
}

/// What a quota has too little of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverQuota {
    /// The quota's name.
    pub quota: String,
    /// The resource as the quota calls it.
    pub resource: String,
    /// In whose unit the amounts are.
    pub unit: Kind,
    /// How much is needed.
    pub needed: u64,
    /// How much is left.
    pub left: u64,
    /// The limit.
    pub hard: u64,
}

/// What is used of all quotas.
pub struct Quotas<'a> {
    snapshot: &'a Snapshot,
    used: BTreeMap<&'a str, Vec<[u64; 2]>>,
}

impl<'a> Quotas<'a> {
    /// All quotas with what others use.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let used = snapshot.quotas.iter().map(|(namespace, quotas)| {
            let foreign = quotas.iter().flat_map(|quota| &quota.limits).map(|limit| [limit.foreign; 2]);
            (namespace.as_str(), foreign.collect())
        });
        Self { snapshot, used: used.collect() }
    }

    /// Counts pods of an application.
    pub fn take(&mut self, app: &App, driver: bool, executors: u32, views: &[View]) {
        self.change(app, driver, executors, views, u64::saturating_add);
    }

    /// Counts them no more.
    pub fn give(&mut self, app: &App, driver: bool, executors: u32, views: &[View]) {
        self.change(app, driver, executors, views, u64::saturating_sub);
    }

    /// The first limit that these pods would break.
    pub fn short(&self, app: &App, driver: bool, executors: u32, view: View) -> Option<OverQuota> {
        let used = self.used.get(app.name.namespace.as_str())?;
        let quotas = &self.snapshot.quotas[&app.name.namespace];
        let limits = quotas.iter().flat_map(|quota| quota.limits.iter().map(move |limit| (quota, limit)));
        limits.zip(used).find_map(|((quota, limit), used)| {
            let needed = limit.taken(self.snapshot, app, driver, executors);
            let used = match view {
                View::Now => used[0].max(used[1]),
                View::Soon => used[1],
            };
            let left = limit.hard.saturating_sub(used);
            (needed > left).then(|| OverQuota {
                quota: quota.name.clone(),
                resource: limit.resource.clone(),
                unit: limit.unit(),
                needed,
                left,
                hard: limit.hard,
            })
        })
    }

    fn change(&mut self, app: &App, driver: bool, executors: u32, views: &[View], how: fn(u64, u64) -> u64) {
        let Some(used) = self.used.get_mut(app.name.namespace.as_str()) else { return };
        let limits = self.snapshot.quotas[&app.name.namespace].iter().flat_map(|quota| &quota.limits);
        for (limit, used) in limits.zip(used) {
            let taken = limit.taken(self.snapshot, app, driver, executors);
            for view in views {
                used[*view as usize] = how(used[*view as usize], taken);
            }
        }
    }
}
