//! Reads the cache, and what the desk remembers, into one snapshot that `core` decides on: nodes with what others take of them,
//! queues, quotas, and each application with its pods, those that are promised included. Reads alone.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kube::ResourceExt;
use onager_core::{
    intake::{self, Unreadable},
    queue::{
        Amounts, App, Claim, Name, Shape, Site, Snapshot, Stage, ground::Placement, quota::NamespaceQuota,
        snapshot::NOWHERE,
    },
};
use onager_crds::{SparkApplication, State};

use super::{
    Memory,
    census::{Census, Left, Made},
    entry::Entry,
    facts::Readings,
    seats::{Unseated, promise},
};
use crate::{
    cache::{Cache, state},
    progress::{Followed, on_record},
};

/// The snapshot, and which application each of its numbers is.
#[derive(Default)]
pub struct Survey {
    /// What is decided on.
    pub snapshot: Snapshot,
    /// UID, namespace and name by number.
    pub apps: Vec<(String, Name)>,
    /// Executors by number, with their nodes: those that run last.
    pub executors: Vec<Vec<(u32, usize)>>,
    /// Those that cannot be read, and why: what they have counts until it is gone.
    pub faults: Vec<(String, Name, Unreadable)>,
    /// What was read, without the shapes that the snapshot has.
    pub readings: Readings,
    /// Whose pods are there, by namespace.
    there: BTreeMap<String, Vec<There>>,
}

/// How many pods of the application of a number are there, with those that leave.
struct There {
    number: usize,
    driver: bool,
    executors: u32,
}

impl Survey {
    fn push(&mut self, uid: String, app: App, made: Made) {
        let there = There { number: self.apps.len(), driver: made.driver_there(), executors: made.executors_there() };
        self.there.entry(app.name.namespace.clone()).or_default().push(there);
        self.apps.push((uid, app.name.clone()));
        let mut bound = made.bound;
        bound.sort_by_key(|(index, _, runs)| (*runs, Reverse(*index)));
        self.executors.push(bound.into_iter().map(|(index, node, _)| (index, node)).collect());
        self.snapshot.apps.push(app);
    }
}

impl Memory {
    /// Looks at everything.
    pub fn survey(&mut self, cache: &Cache, followed: &Followed) -> Survey {
        self.readings.refresh(cache);
        let mut all: Vec<(Arc<SparkApplication>, bool)> = cache
            .apps()
            .in_state(State::is_admitted)
            .into_iter()
            .filter(|app| app.metadata.deletion_timestamp.is_none())
            .map(|app| (app, true))
            .collect();
        self.settle(&all);
        let waiting = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.asks)
            .filter_map(|(uid, entry)| Some((uid.clone(), entry.name.clone()?)));
        for (uid, name) in waiting.collect::<Vec<_>>() {
            match cache.apps().get(&name.namespace, &name.name).filter(|app| app.uid().as_deref() == Some(&uid)) {
                Some(app) => all.push((app, false)),
                None => drop(self.entries.remove(&uid)),
            }
        }
        // Creation is told in whole seconds: between those of one second the name decides, and not chance.
        all.sort_by(|(a, _), (b, _)| full_name(a).cmp(&full_name(b)));
        all.dedup_by(|(a, _), (b, _)| a.metadata.uid == b.metadata.uid);

        let kinds = &mut self.readings.kinds;
        let mut nodes: Vec<Site> = cache.nodes().all().into_iter().map(|node| intake::site(node, kinds)).collect();
        let places: HashMap<String, usize> =
            nodes.iter().enumerate().map(|(number, site)| (site.node.name.clone(), number)).collect();
        let numbers: HashMap<&str, usize> = all
            .iter()
            .enumerate()
            .map(|(number, (app, _))| (app.metadata.uid.as_deref().unwrap_or_default(), number))
            .collect();
        let Census { made, mut left } = self.census(cache, &mut nodes, &places, &numbers);

        let (mut survey, mut unseated) = (Survey::default(), Vec::new());
        for ((app, is_admitted), made) in all.iter().zip(made) {
            let uid = app.metadata.uid.clone().unwrap_or_default();
            let mut read = match self.readings.app(cache, app) {
                Ok(read) => read,
                Err(fault) => {
                    let name = Name::new(&app.namespace().unwrap_or_default(), &app.name_any());
                    survey.faults.push((uid.clone(), name.clone(), fault));
                    left.insert(uid, Left { name, queue: intake::queue_of(app), made });
                    continue;
                }
            };
            self.as_made(&mut read, &made);
            let mut entry = self.entries.get_mut(&uid);
            if let Some(entry) = &mut entry {
                entry.retired.retain(|index| made.leaving.contains(index));
                entry.keep_seats(|node| places.contains_key(node));
            }
            let allowed = allowed(app, *is_admitted, entry.as_deref());
            let mut without = Unseated::default();
            (read.pods, without) = match allowed {
                Some(executors) => promise(executors, entry.as_deref_mut(), &made, &places),
                None => (made.leaving(), without),
            };
            // What was promised to one that gives way may be made any moment, until it is on record that it waits.
            let evicted = entry.as_ref().is_some_and(|entry| entry.evicted.is_some());
            if evicted {
                std::mem::take(&mut without).go_nowhere(&mut read.pods);
                read.pods.leave();
            }
            match allowed.filter(|_| !evicted) {
                Some(executors) => admit(&mut read, app, executors, entry.as_deref(), followed.wants(&uid)),
                None => wait(&mut read, entry.as_deref(), &places),
            }
            survey.push(uid, read, made);
            unseated.push(without);
        }
        for (uid, left) in left {
            let app = self.left(&left);
            survey.push(uid, app, left.made);
            unseated.push(Unseated::default());
        }
        self.readings.sweep();
        let snapshot = &mut survey.snapshot;
        snapshot.nodes = nodes;
        for queue in cache.queues().all() {
            match intake::queue(queue, &mut self.readings.kinds) {
                Ok((name, spec)) => drop(snapshot.queues.insert(name, spec)),
                Err(error) => tracing::warn!(queue = queue.name_any(), %error, "a queue cannot be read"),
            }
        }
        for namespace in survey.there.keys() {
            let quotas = self.quotas(cache, namespace);
            if !quotas.is_empty() {
                snapshot.quotas.insert(namespace.clone(), quotas);
            }
        }
        snapshot.kinds = self.readings.kinds.clone();
        // A round that breaks off from here on leaves no readings, and none without their shapes.
        survey.readings = std::mem::take(&mut self.readings);
        snapshot.shapes = std::mem::take(&mut survey.readings.shapes);
        count_foreign(snapshot, &survey.there);
        self.find_seats(snapshot, &survey.apps, &unseated);
        survey
    }

    /// What is on record by now needs no memory.
    fn settle(&mut self, admitted: &[(Arc<SparkApplication>, bool)]) {
        let admitted: HashMap<&str, &SparkApplication> =
            admitted.iter().map(|(app, _)| (app.metadata.uid.as_deref().unwrap_or_default(), app.as_ref())).collect();
        for (uid, entry) in &mut self.entries {
            match admitted.get(uid.as_str()) {
                Some(app) => {
                    (entry.asks, entry.grant, entry.verdict, entry.claim) = (false, None, None, None);
                    if entry.given == Some(on_record(app)) {
                        entry.given = None;
                    }
                }
                // It may be on record any moment.
                None if entry.grant.as_ref().is_some_and(|grant| grant.heard) => {}
                None => {
                    (entry.given, entry.wanted, entry.evicted) = (None, None, None);
                    entry.retired.clear();
                    if entry.grant.is_none() {
                        entry.give_seats_back();
                    }
                }
            }
        }
        self.entries.retain(|_, entry| !entry.is_idle());
    }

    /// Pods whose application is gone, or has ended, count in its queue until they are gone too.
    fn left(&mut self, left: &Left) -> App {
        let shapes = &mut self.readings.shapes;
        let mut shape = |size: &Option<Amounts>| {
            shapes.intern(Shape { requests: size.clone().unwrap_or_default(), ..Shape::default() })
        };
        let [driver, executor] = &left.made.sizes;
        App {
            name: left.name.clone(),
            queue: left.queue.clone(),
            driver: shape(driver),
            executor: shape(executor),
            stage: Stage::Ended,
            pods: left.made.leaving(),
            ..App::default()
        }
    }

    /// Requests are counted as the API server made them.
    fn as_made(&mut self, app: &mut App, made: &Made) {
        let shapes = &mut self.readings.shapes;
        for (shape, size) in [&mut app.driver, &mut app.executor].into_iter().zip(&made.sizes) {
            let Some(size) = size else { continue };
            if shapes.get(*shape).requests != *size {
                let as_made = Shape { requests: size.clone(), ..shapes.get(*shape).clone() };
                *shape = shapes.intern(as_made);
            }
        }
    }

    fn quotas(&mut self, cache: &Cache, namespace: &str) -> Vec<NamespaceQuota> {
        let quotas = cache.quotas();
        let mut read: Vec<NamespaceQuota> = quotas
            .of_namespace(namespace)
            .filter_map(|(_, quota)| {
                let mut read = intake::quota(quota, &mut self.readings.kinds).ok()??;
                let used = quota.status.as_ref().and_then(|status| status.used.as_ref());
                for limit in &mut read.limits {
                    let text = used.and_then(|used| used.get(&limit.resource));
                    limit.foreign = text.and_then(|text| limit.read(&text.0)).unwrap_or(0);
                }
                Some(read)
            })
            .collect();
        read.sort_by(|a, b| a.name.cmp(&b.name));
        read
    }
}

/// Namespace, name and UID.
fn full_name(app: &SparkApplication) -> [&Option<String>; 3] {
    [&app.metadata.namespace, &app.metadata.name, &app.metadata.uid]
}

/// How many executors an application may have; nothing of one that waits.
fn allowed(object: &SparkApplication, is_admitted: bool, entry: Option<&Entry>) -> Option<u32> {
    let granted = entry.and_then(|entry| entry.grant.as_ref()).map(|grant| grant.executors);
    let promised = granted.or_else(|| is_admitted.then(|| on_record(object)))?;
    Some(entry.and_then(|entry| entry.given).unwrap_or(promised))
}

/// One that is admitted, with so many executors.
fn admit(app: &mut App, object: &SparkApplication, allowed: u32, entry: Option<&Entry>, wants: Option<u32>) {
    let granted = entry.and_then(|entry| entry.grant.as_ref()).map(|grant| grant.since);
    let since = object.status.as_ref().and_then(|status| status.last_submission_attempt_time.as_ref());
    let since = granted.unwrap_or_else(|| since.map_or(0, |since| since.0.as_millisecond()));
    app.stage = Stage::Admitted { since };
    let wanted = entry.and_then(|entry| entry.wanted).or(wants);
    let is_elastic = state(object).is_admitted() && allocates(object);
    app.wanted = wanted.unwrap_or(if is_elastic { allowed } else { app.wanted });
}

/// One that waits, perhaps for what others leave to it.
fn wait(app: &mut App, entry: Option<&Entry>, places: &HashMap<String, usize>) {
    app.stage = Stage::Waiting;
    app.wanted = app.wanted.max(app.minimum);
    app.claim = entry.and_then(|entry| entry.claim.as_ref()).and_then(|claim| {
        let node = |node: &Option<String>| node.as_ref().map_or(Some(NOWHERE), |node| places.get(node).copied());
        let executors: Option<Vec<(usize, u32)>> =
            claim.executors.iter().map(|(name, count)| Some((node(name)?, *count))).collect();
        let placement = Placement { driver: node(&claim.driver)?, executors: executors? };
        Some(Claim { rank: claim.rank, placement })
    });
}

fn allocates(app: &SparkApplication) -> bool {
    app.spec.dynamic_allocation.as_ref().is_some_and(|options| options.enabled)
}

/// What a quota says is used, less what the pods of the snapshot's applications use that are there, is others'.
fn count_foreign(snapshot: &mut Snapshot, counted: &BTreeMap<String, Vec<There>>) {
    let mut quotas = std::mem::take(&mut snapshot.quotas);
    for (namespace, quotas) in &mut quotas {
        for limit in quotas.iter_mut().flat_map(|quota| &mut quota.limits) {
            let there = counted.get(namespace).into_iter().flatten();
            let used =
                there.map(|there| limit.taken(snapshot, &snapshot.apps[there.number], there.driver, there.executors));
            limit.foreign = limit.foreign.saturating_sub(used.sum());
        }
    }
    snapshot.quotas = quotas;
}
