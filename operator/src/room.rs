//! The ledger of room: decisions on admission are made one after the other, and each is visible to the next before it is
//! written down; the writes then go side by side. A decision whose write fails gives its room back. Decides nothing itself
//! and writes nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kube::ResourceExt;
use onager_core::{
    Plan, Role, Trouble, Workload,
    admission::{Node, Nodes, PodAsk, Room},
    conf,
};
use onager_crds::{SparkApplication, State};

use crate::{cache::Cache, observe, progress::on_record};

/// While the cluster changes, room is counted anew at most so often, or by a tenth of the time where counting takes longer.
const INTERVAL: Duration = Duration::from_millis(50);
const SHARE: u32 = 10;

/// What of the cluster's room is given away.
#[derive(Default)]
pub struct Ledger(Mutex<Books>);

#[derive(Default)]
struct Books {
    /// By UID: decided, and not in the cache yet.
    promised: HashMap<String, Promised>,
    view: Option<View>,
}

struct Promised {
    namespace: String,
    workload: Workload,
    executors: u32,
}

/// Room as it was counted last, less what was given away since.
struct View {
    room: Room,
    version: u64,
    counted: Instant,
    took: Duration,
}

/// What comes of asking for room.
#[expect(clippy::large_enum_variant, reason = "an answer is taken apart where it is given")]
pub enum Answer<'a> {
    /// A plan, and where it admits, the promise of room that goes with it.
    Decided(Plan, Option<Promise<'a>>),
    /// There was none when room was counted last, and that is out of date: ask again after this time.
    AskAgain(Duration),
}

/// Room that is held for a decision until its status is saved; given back when this is dropped.
pub struct Promise<'a> {
    ledger: &'a Ledger,
    uid: String,
    kept: bool,
}

impl Ledger {
    /// Has a plan made with what is known of room at this moment, while nobody else decides: why there is none, or, with
    /// dynamic allocation, how many executors have some.
    pub fn ask(
        &self,
        cache: &Cache,
        app: &SparkApplication,
        workload: &Workload,
        plan: impl FnOnce(Option<Trouble>, Option<u32>) -> Plan,
    ) -> Answer<'_> {
        let namespace = app.namespace().unwrap_or_default();
        let mut books = self.lock();
        let (view, left) = books.look(cache);
        view.know(cache, &namespace);
        let shortage = view.room.shortage(&namespace, workload);
        if let (Some(_), Some(left)) = (&shortage, left) {
            return Answer::AskAgain(left);
        }
        let elastic = shortage.is_none() && workload.allocation.is_some();
        let given = elastic.then(|| view.room.give(&namespace, workload, true, workload.wanted));
        let plan = plan(shortage, given);
        let admits = plan.status.as_ref().is_some_and(|status| status.application_state.state.is_admitted());
        if !admits {
            if given.is_some() {
                books.view = None;
            }
            return Answer::Decided(plan, None);
        }
        if given.is_none() {
            view.room.reserve(&namespace, workload, true, workload.wanted);
        }
        let promise = self.promise(&mut books, app, workload, given.unwrap_or(workload.wanted));
        Answer::Decided(plan, Some(promise))
    }

    /// Room for `more` executors of an application that runs, beyond those that it was given: for as many as have some. It
    /// is asked again anyway as long as they are wanted, so that a count that is out of date may be the answer.
    pub fn grow(
        &self,
        cache: &Cache,
        app: &SparkApplication,
        workload: &Workload,
        more: u32,
    ) -> (u32, Option<Promise<'_>>) {
        let namespace = app.namespace().unwrap_or_default();
        let mut books = self.lock();
        let (view, _) = books.look(cache);
        view.know(cache, &namespace);
        let given = view.room.give(&namespace, workload, false, more);
        let promise = (given > 0).then(|| self.promise(&mut books, app, workload, on_record(app) + given));
        (given, promise)
    }

    fn promise(&self, books: &mut Books, app: &SparkApplication, workload: &Workload, executors: u32) -> Promise<'_> {
        let uid = app.metadata.uid.clone().unwrap_or_default();
        let namespace = app.namespace().unwrap_or_default();
        books.promised.insert(uid.clone(), Promised { namespace, workload: workload.clone(), executors });
        Promise { ledger: self, uid, kept: false }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Promise<'_> {
    /// The decision is saved: the cache knows of it from here on.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        let mut books = self.ledger.lock();
        books.promised.remove(&self.uid);
        if !self.kept {
            books.view = None;
        }
    }
}

impl Books {
    /// Room as far as it is known, and, where it may be out of date, after what time it is counted anew.
    fn look(&mut self, cache: &Cache) -> (&mut View, Option<Duration>) {
        let version = cache.room_version();
        let wait = |view: &View| INTERVAL.max(view.took * SHARE).checked_sub(view.counted.elapsed());
        let left = match &self.view {
            Some(view) if view.version == version => None,
            Some(view) => wait(view).filter(|left| !left.is_zero()),
            None => None,
        };
        if left.is_none() && self.view.as_ref().is_none_or(|view| view.version != version) {
            self.view = None;
        }
        let promised = &self.promised;
        (self.view.get_or_insert_with(|| View::count(cache, promised, version)), left)
    }
}

impl View {
    fn know(&mut self, cache: &Cache, namespace: &str) {
        let quotas = &mut self.room.quotas;
        quotas.entry(namespace.to_string()).or_insert_with(|| observe::quotas(cache, namespace));
    }

    fn count(cache: &Cache, promised: &HashMap<String, Promised>, version: u64) -> Self {
        let counted = Instant::now();
        let mut room = Room { nodes: free_nodes(cache), quotas: HashMap::new() };
        let mut take = |uid: &str, namespace: &str, workload: &Workload, wanted: u32| {
            let (drivers, executors) = made(cache, uid);
            room.quotas.entry(namespace.to_string()).or_insert_with(|| observe::quotas(cache, namespace));
            room.reserve(namespace, workload, drivers == 0, wanted.saturating_sub(executors));
        };
        let admitted = cache.apps().in_state(&[State::Submitted, State::Running, State::Unknown]);
        for app in admitted.iter().filter(|app| app.metadata.deletion_timestamp.is_none()) {
            let uid = app.metadata.uid.as_deref().unwrap_or_default();
            let (drivers, executors) = made(cache, uid);
            // Most have all their pods; to read what each of them would look like takes longer than all the rest.
            let whole = drivers > 0 && executors >= on_record(app).max(conf::executors(&app.spec));
            if whole || promised.contains_key(uid) {
                continue;
            }
            if let Ok(workload) = Workload::read(&app.spec) {
                let wanted = if workload.allocation.is_some() { on_record(app) } else { workload.wanted };
                take(uid, app.metadata.namespace.as_deref().unwrap_or_default(), &workload, wanted);
            }
        }
        for (uid, promised) in promised {
            take(uid, &promised.namespace, &promised.workload, promised.executors);
        }
        Self { room, version, counted, took: counted.elapsed() }
    }
}

/// How many drivers and executors of an application are there.
fn made(cache: &Cache, uid: &str) -> (u32, u32) {
    let pods = cache.pods();
    let mine = pods.of_owner(uid).filter(|ours| !ours.seen.deleting);
    mine.fold((0, 0), |(drivers, executors), ours| match ours.seen.role {
        Role::Driver => (drivers + 1, executors),
        Role::Executor(_) => (drivers, executors + 1),
    })
}

fn free_nodes(cache: &Cache) -> Nodes {
    let mut nodes = cache.nodes().all();
    let mut floating = Vec::new();
    {
        let mut by_name: HashMap<String, &mut Node> = nodes.iter_mut().map(|node| (node.name.clone(), node)).collect();
        for pod in cache.pods().taking_room() {
            match &pod.node {
                Some(name) => {
                    if let Some(node) = by_name.get_mut(name) {
                        node.take(pod.requests, &pod.others);
                    }
                }
                // One that no node takes holds no room; one of ours was promised it.
                None if pod.unschedulable && pod.ours.is_none() => {}
                None => floating.push((pod.requests, pod.others.clone())),
            }
        }
    }
    let mut nodes = Nodes(nodes);
    // Pods that wait for the scheduler will take room too; those that fit nowhere take none.
    for (size, others) in floating {
        nodes.place(&PodAsk { others, ..PodAsk::default() }, size);
    }
    nodes
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use onager_crds::SparkApplicationStatus;

    use super::*;

    /// One node, with room for one gang of driver and executor and no more.
    fn cache() -> Cache {
        let cache = Cache::default();
        let node = serde_json::json!({
            "metadata": {"name": "one"},
            "status": {
                "allocatable": {"cpu": "3", "memory": "8Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            },
        });
        cache.nodes().take_in(&Event::Apply(serde_json::from_value(node).expect("a node")));
        cache.room_moved();
        cache
    }

    fn app(name: &str) -> SparkApplication {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {"name": name, "namespace": "alpha", "uid": format!("uid-{name}")},
            "spec": {
                "type": "Scala", "mode": "cluster", "mainClass": "org.apache.spark.examples.SparkPi",
                "driver": {"cores": 1, "memory": "512m"}, "executor": {"cores": 1, "memory": "512m", "instances": 1},
            },
        }))
        .expect("an application")
    }

    fn ask<'a>(ledger: &'a Ledger, cache: &Cache, name: &str) -> Answer<'a> {
        let app = app(name);
        let workload = Workload::read(&app.spec).expect("a workload");
        ledger.ask(cache, &app, &workload, |shortage, _| {
            let mut status = SparkApplicationStatus::default();
            status.application_state.state = if shortage.is_some() { State::Queued } else { State::Submitted };
            Plan { status: Some(status), ..Plan::default() }
        })
    }

    fn is_queued(answer: &Answer<'_>) -> bool {
        let Answer::Decided(plan, None) = answer else { return false };
        plan.status.as_ref().is_some_and(|status| status.application_state.state == State::Queued)
    }

    #[test]
    fn room_that_was_promised_is_not_promised_again() {
        let (ledger, cache) = (Ledger::default(), cache());
        let first = ask(&ledger, &cache, "first");
        assert!(matches!(first, Answer::Decided(_, Some(_))));
        assert!(is_queued(&ask(&ledger, &cache, "second")), "the first is not written down yet");
        cache.room_moved();
        std::thread::sleep(INTERVAL);
        assert!(is_queued(&ask(&ledger, &cache, "second")), "nor when room is counted anew");
    }

    #[test]
    fn a_decision_that_cannot_be_saved_gives_its_room_back() {
        let (ledger, cache) = (Ledger::default(), cache());
        drop(ask(&ledger, &cache, "first"));
        assert!(matches!(ask(&ledger, &cache, "second"), Answer::Decided(_, Some(_))));
    }

    fn elastic(executors: u32) -> SparkApplication {
        let mut app = app("elastic");
        app.spec.dynamic_allocation = serde_json::from_value(serde_json::json!({
            "enabled": true, "minExecutors": 0, "maxExecutors": 9,
        }))
        .expect("options");
        let mut status = SparkApplicationStatus::default();
        status.application_state.state = State::Running;
        status.executors.get_or_insert_default().wanted = executors;
        app.status = Some(status);
        app
    }

    #[test]
    fn more_executors_are_given_as_far_as_there_is_room_and_once() {
        let (ledger, cache) = (Ledger::default(), cache());
        let app = elastic(0);
        let workload = Workload::read(&app.spec).expect("a workload");
        let (given, first) = ledger.grow(&cache, &app, &workload, 9);
        assert_eq!(given, 3, "three CPUs");
        assert!(is_queued(&ask(&ledger, &cache, "second")), "what is promised is not given to another");
        cache.room_moved();
        std::thread::sleep(INTERVAL);
        assert_eq!(ledger.grow(&cache, &elastic(3), &workload, 1).0, 0, "nor when room is counted anew");
        drop(first);
        assert!(matches!(ask(&ledger, &cache, "second"), Answer::Decided(_, Some(_))), "it was not used");
    }

    #[test]
    fn what_is_on_record_and_not_made_yet_is_not_given_again() {
        let (ledger, cache) = (Ledger::default(), cache());
        let mut app = elastic(2);
        cache.apps().take_in("", &Event::Apply(app.clone()));
        let workload = Workload::read(&app.spec).expect("a workload");
        // Its driver and two executors are to be made.
        assert_eq!(ledger.grow(&cache, &app, &workload, 9).0, 0);
        app.status.as_mut().expect("status").executors.as_mut().expect("executors").wanted = 0;
        app.metadata.resource_version = Some("2".into());
        cache.apps().take_in("", &Event::Apply(app.clone()));
        cache.room_moved();
        std::thread::sleep(INTERVAL);
        assert_eq!(ledger.grow(&cache, &app, &workload, 9).0, 2);
    }

    #[test]
    fn a_refusal_never_rests_on_what_is_out_of_date() {
        let (ledger, cache) = (Ledger::default(), cache());
        let first = ask(&ledger, &cache, "first");
        cache.room_moved();
        match ask(&ledger, &cache, "second") {
            Answer::AskAgain(left) => assert!(!left.is_zero()),
            answer => assert!(is_queued(&answer), "a slow machine has counted anew"),
        }
        drop(first);
    }
}
