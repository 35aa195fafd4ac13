//! Reads the cache, and what the desk remembers, into one snapshot that `core` decides on: nodes with what others take of them,
//! queues, quotas, and each application with its pods, those that are promised included. Reads alone.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kube::ResourceExt;
use onager_core::{
    intake,
    queue::{
        Amounts, App, Claim, Name, Provisioning, Shape, Site, Snapshot, Stage,
        ground::{Ground, Placement, View},
        quota::NamespaceQuota,
        snapshot::NOWHERE,
    },
};
use onager_crds::SparkApplication;

use super::{
    Memory,
    census::{Census, Left, Made},
    entry::Entry,
    facts::Readings,
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
            .admitted()
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
        all.sort_by(|(a, _), (b, _)| a.metadata.uid.cmp(&b.metadata.uid));
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
        let Census { made, left } = self.census(cache, &mut nodes, &places, &numbers);

        let mut survey = Survey::default();
        for ((app, is_admitted), made) in all.iter().zip(made) {
            let Some(mut read) = self.readings.app(cache, app) else { continue };
            self.as_made(&mut read, &made);
            let uid = app.metadata.uid.clone().unwrap_or_default();
            let wants = followed.wants(&uid);
            let entry = self.entries.get_mut(&uid);
            let entry = entry.map(|entry| {
                entry.retired.retain(|index| made.leaving.contains(index));
                &*entry
            });
            place(&mut read, app, *is_admitted, entry, &made, wants, &places);
            survey.push(uid, read, made);
        }
        for (uid, left) in left {
            let app = self.left(&left);
            survey.push(uid, app, left.made);
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
        self.find_seats(&mut survey);
        survey
    }

    /// Pods that are promised, or wait for the scheduler, and have no node yet take room too, wherever they find some.
    fn find_seats(&mut self, survey: &mut Survey) {
        let Snapshot { apps, shapes, nodes, queues, .. } = &mut survey.snapshot;
        let fixed = |app: &App| {
            let queue = app.queue.as_ref().and_then(|queue| queues.get(queue));
            queue.is_none_or(|queue| queue.provisioning == Provisioning::Fixed)
        };
        let floats = |app: &App| {
            let pods = &app.pods;
            app.stage != Stage::Waiting
                && (pods.driver == Some(NOWHERE) || pods.executors.contains_key(&NOWHERE))
                && fixed(app)
        };
        if !apps.iter().any(floats) {
            return;
        }
        let both = &[View::Now, View::Soon];
        let mut ground = Ground::new(shapes, nodes);
        for app in apps.iter() {
            let pods = &app.pods;
            for node in pods.driver.iter().chain(&pods.leaving_driver).filter(|node| **node != NOWHERE) {
                ground.take(app.driver, *node, 1, both);
            }
            for (node, count) in pods.executors.iter().chain(&pods.leaving).filter(|(node, _)| **node != NOWHERE) {
                ground.take(app.executor, *node, *count, both);
            }
        }
        for (number, app) in apps.iter_mut().enumerate().filter(|(_, app)| floats(app)) {
            let Some(entry) = self.entries.get_mut(&survey.apps[number].0) else { continue };
            if app.pods.driver == Some(NOWHERE)
                && let Some(node) = ground.one(app.driver, View::Now)
            {
                ground.take(app.driver, node, 1, both);
                app.pods.driver = Some(node);
                entry.driver = Some(nodes[node].node.name.clone());
            }
            for _ in 0..app.pods.executors.remove(&NOWHERE).unwrap_or(0) {
                let node = ground.one(app.executor, View::Now).unwrap_or(NOWHERE);
                if node != NOWHERE {
                    ground.take(app.executor, node, 1, both);
                    entry.free_seats.push_back(nodes[node].node.name.clone());
                }
                *app.pods.executors.entry(node).or_default() += 1;
            }
        }
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

/// How far an application is, what it wants, and where its pods are or will be.
fn place(
    app: &mut App,
    object: &SparkApplication,
    is_admitted: bool,
    entry: Option<&Entry>,
    made: &Made,
    wants: Option<u32>,
    places: &HashMap<String, usize>,
) {
    let place = |node: &String| places.get(node).copied().unwrap_or(NOWHERE);
    let evicted = entry.is_some_and(|entry| entry.evicted.is_some());
    let granted = entry.and_then(|entry| entry.grant.as_ref());
    let first = app.wanted;
    if evicted || !(is_admitted || granted.is_some()) {
        app.stage = Stage::Waiting;
        app.wanted = first.max(app.minimum);
        app.pods = made.leaving();
        app.claim = entry.and_then(|entry| entry.claim.as_ref()).and_then(|claim| {
            let node = |node: &Option<String>| node.as_ref().map_or(Some(NOWHERE), |node| places.get(node).copied());
            let executors: Option<Vec<(usize, u32)>> =
                claim.executors.iter().map(|(name, count)| Some((node(name)?, *count))).collect();
            let placement = Placement { driver: node(&claim.driver)?, executors: executors? };
            Some(Claim { rank: claim.rank, placement })
        });
        return;
    }
    app.pods = made.pods.clone();
    let recorded = granted.map_or_else(|| on_record(object), |grant| grant.executors);
    let given = entry.and_then(|entry| entry.given).unwrap_or(recorded);
    let since = object.status.as_ref().and_then(|status| status.last_submission_attempt_time.as_ref());
    app.stage = Stage::Admitted {
        since: granted.map_or_else(|| since.map_or(0, |since| since.0.as_millisecond()), |grant| grant.since),
    };
    let wanted = entry.and_then(|entry| entry.wanted).or(wants);
    app.wanted = wanted.unwrap_or(if state(object).is_admitted() && allocates(object) { given } else { first });
    if !made.driver || made.driver_unbound {
        app.pods.driver = Some(entry.and_then(|entry| entry.driver.as_ref()).map_or(NOWHERE, place));
    }
    let missing = given.saturating_sub(made.executors);
    let seats = entry.map(|entry| &entry.seats);
    let seat = |index: &u32| seats.and_then(|seats| seats.get(index)).map_or(NOWHERE, place);
    let mut promised: Vec<usize> = made.unbound.iter().map(seat).collect();
    if let Some(entry) = entry {
        let there = |index: &u32| made.unbound.contains(index) || made.bound.iter().any(|(bound, ..)| bound == index);
        let assigned = entry.seats.iter().filter(|(index, _)| !there(index)).map(|(_, node)| place(node));
        promised.extend(assigned.chain(entry.free_seats.iter().map(place)).take(missing as usize));
    }
    promised.resize(made.unbound.len() + missing as usize, NOWHERE);
    promised.into_iter().for_each(|node| *app.pods.executors.entry(node).or_default() += 1);
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
