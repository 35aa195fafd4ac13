//! The desk over a cache without a cluster: what is decided is held until it is on record, and nothing is given twice.

use std::sync::Arc;

use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::runtime::watcher::Event;
use onager_core::{Action, queue::Name};
use onager_crds::{Queue, QueuePlace, SparkApplication, SparkApplicationStatus, State};
use serde_json::{Value, json};

use super::{Answer, Desk, entry::Verdict};
use crate::{cache::Cache, metrics::Metrics, progress::Followed};

struct World {
    cache: Cache,
    followed: Followed,
    desk: Desk,
}

impl World {
    /// One node of so many CPUs.
    fn new(cpus: &str) -> Self {
        let metrics = Metrics::new("", &[]).expect("metrics");
        let world =
            Self { cache: Cache::default(), followed: Followed::new(metrics.elastic.clone()).0, desk: Desk::default() };
        world.node("one", cpus);
        world
    }

    fn node(&self, name: &str, cpus: &str) {
        let node = json!({
            "metadata": {"name": name},
            "status": {
                "allocatable": {"cpu": cpus, "memory": "64Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            },
        });
        self.cache.nodes().take_in(&Event::Apply(serde_json::from_value(node).expect("a node")));
    }

    fn queue(&self, name: &str, spec: Value) {
        let queue: Queue = serde_json::from_value(json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
            "metadata": {"name": name, "namespace": "alpha", "uid": name}, "spec": spec,
        }))
        .expect("a queue");
        self.cache.queues().take_in("", &Event::Apply(queue), |queue| Some(queue.clone()));
    }

    fn apply(&self, app: &SparkApplication) {
        self.cache.apps().take_in("", &Event::Apply(app.clone()));
    }

    /// It asks, the desk decides, and it asks again.
    fn ask(&self, app: &SparkApplication) -> Answer {
        self.apply(app);
        if let Answer::Start(executors) = self.desk.ask(app) {
            return Answer::Start(executors);
        }
        self.round();
        self.desk.ask(app)
    }

    fn round(&self) -> Vec<Name> {
        self.desk.memory().round(&self.cache, &self.followed).0
    }

    fn waits(&self, app: &SparkApplication) -> Verdict {
        match self.ask(app) {
            Answer::Wait(verdict) => verdict,
            answer => panic!("{answer:?}"),
        }
    }

    /// Its admission is on record, with so many executors.
    fn submitted(&self, app: &SparkApplication, executors: u32) -> SparkApplication {
        let mut app = app.clone();
        let mut status = SparkApplicationStatus::default();
        status.application_state.state = State::Submitted;
        status.executors.get_or_insert_default().wanted = executors;
        app.status = Some(status);
        app.metadata.resource_version = Some("2".into());
        self.apply(&app);
        app
    }

    /// A pod of it is there; index 0 is its driver.
    fn pod(&self, app: &SparkApplication, index: u32, node: Option<&str>, cpu: &str) {
        let (name, uid) = (app.metadata.name.clone().expect("name"), app.metadata.uid.clone().expect("uid"));
        let role = if index == 0 { "driver" } else { "executor" };
        let pod = json!({
            "metadata": {
                "namespace": "alpha", "name": format!("{name}-{index}"), "uid": format!("{uid}-{index}"),
                "labels": {"onager.dev/app-name": name, "onager.dev/role": role, "onager.dev/executor-index": index.to_string()},
                "annotations": app.spec.queue.as_ref().map(|queue| json!({"onager.dev/queue": format!("alpha/{queue}")})),
                "ownerReferences": [{"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication", "name": name, "uid": uid}],
            },
            "spec": {
                "nodeName": node,
                "containers": [{"name": "main", "resources": {"requests": {"cpu": cpu, "memory": "896Mi"}}}],
            },
            "status": {"phase": "Running"},
        });
        self.cache.pods().insert(&serde_json::from_value(pod).expect("a pod"));
    }
}

/// One CPU for the driver and one for each of its executors.
fn app(name: &str, executors: u32, spec: Value) -> SparkApplication {
    let mut object = json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
        "metadata": {
            "name": name, "namespace": "alpha", "uid": format!("uid-{name}"), "generation": 1, "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "type": "Scala", "mode": "cluster", "mainClass": "org.apache.spark.examples.SparkPi",
            "driver": {"cores": 1, "memory": "512m"}, "executor": {"cores": 1, "memory": "512m", "instances": executors},
        },
    });
    object["spec"].as_object_mut().expect("spec").extend(spec.as_object().expect("fields").clone());
    serde_json::from_value(object).expect("an application")
}

#[test]
fn room_that_was_promised_is_not_promised_again() {
    let world = World::new("3");
    let (first, second) = (app("first", 1, json!({})), app("second", 1, json!({})));
    assert_eq!(world.ask(&first), Answer::Start(1));
    assert_eq!(world.waits(&second).trouble.reason, "ClusterFull", "the first is not written down yet");
    let first = world.submitted(&first, 1);
    assert_eq!(world.waits(&second).trouble.reason, "ClusterFull", "its pods are not made yet");
    world.pod(&first, 0, Some("one"), "1");
    world.pod(&first, 1, None, "1");
    assert_eq!(world.waits(&second).trouble.reason, "ClusterFull", "one is not bound yet");
}

#[test]
fn who_does_not_ask_any_more_gives_its_room_back() {
    let world = World::new("3");
    let (first, second) = (app("first", 1, json!({})), app("second", 1, json!({})));
    assert_eq!(world.ask(&first), Answer::Start(1));
    world.waits(&second);
    world.desk.leave("uid-first");
    assert_eq!(world.round(), [Name::new("alpha", "second")], "it is woken");
    assert_eq!(world.desk.ask(&second), Answer::Start(1));
}

#[test]
fn another_spec_asks_anew() {
    let world = World::new("3");
    let mut first = app("first", 1, json!({}));
    assert_eq!(world.ask(&first), Answer::Start(1));
    first.metadata.generation = Some(2);
    first.metadata.resource_version = Some("2".into());
    first.spec.executor.instances = Some(5);
    assert_eq!(world.waits(&first).trouble.reason, "TooLarge");
}

#[test]
fn pods_get_the_nodes_that_were_found_for_them() {
    let world = World::new("2");
    world.node("two", "2");
    let first = app("first", 3, json!({"queue": "etl"}));
    world.queue("etl", json!({}));
    assert_eq!(world.ask(&first), Answer::Start(3));
    let makes: Vec<Action> = (1..=3).map(|index| Action::CreateExecutor { attempt: 1, index }).collect();
    let seats = world.desk.seat("uid-first", &makes);
    let mut nodes: Vec<String> = seats.executors.into_values().chain(seats.driver).collect();
    nodes.sort();
    assert_eq!(nodes, ["one", "one", "two", "two"]);
}

#[test]
fn a_queue_admits_no_more_than_its_capability() {
    let world = World::new("8");
    world.queue("etl", json!({"capability": {"cpu": "3"}}));
    let (first, second) = (app("first", 1, json!({"queue": "etl"})), app("second", 1, json!({"queue": "etl"})));
    assert_eq!(world.ask(&first), Answer::Start(1));
    let verdict = world.waits(&second);
    assert_eq!(
        (verdict.trouble.reason.as_str(), verdict.place),
        ("QueueFull", Some(QueuePlace { name: "alpha/etl".into(), position: 1 }))
    );
    assert_eq!(world.waits(&app("third", 1, json!({"queue": "none"}))).trouble.reason, "QueueMissing");
}

#[test]
fn room_counts_in_its_queue_until_the_pods_are_gone_also_when_the_application_already_is() {
    let world = World::new("8");
    world.queue("etl", json!({"capability": {"cpu": "3"}}));
    let gone = app("gone", 1, json!({"queue": "etl"}));
    world.pod(&gone, 0, Some("one"), "1");
    world.pod(&gone, 1, Some("one"), "1");
    let next = app("next", 1, json!({"queue": "etl"}));
    assert_eq!(world.waits(&next).trouble.reason, "WaitingForEvictions");
    for index in [0, 1] {
        let pod = json!({"metadata": {"namespace": "alpha", "name": format!("gone-{index}"), "uid": format!("uid-gone-{index}")}, "spec": {"containers": []}});
        world.cache.pods().take_in(&Event::Delete(serde_json::from_value(pod).expect("a pod")));
    }
    assert_eq!(world.ask(&next), Answer::Start(1));
}

#[test]
fn more_executors_are_given_as_far_as_there_is_room_and_once() {
    let world = World::new("4");
    let elastic = json!({"dynamicAllocation": {"enabled": true, "minExecutors": 0, "maxExecutors": 9}});
    let grows = world.submitted(&app("grows", 0, elastic), 0);
    world.pod(&grows, 0, Some("one"), "1");
    assert_eq!(world.desk.allowance(&grows, 9).executors, 0);
    assert_eq!(world.round(), [Name::new("alpha", "grows")]);
    assert_eq!(world.desk.allowance(&grows, 9).executors, 3, "three CPUs are left");
    assert_eq!(
        world.waits(&app("second", 0, json!({"dynamicAllocation": {"enabled": true}}))).trouble.reason,
        "ClusterFull"
    );
    let mut record = grows.clone();
    record.metadata.resource_version = Some("3".into());
    record.status.as_mut().expect("status").executors.as_mut().expect("executors").wanted = 3;
    world.apply(&record);
    world.round();
    assert_eq!(world.desk.allowance(&record, 3).executors, 3);
}

#[test]
fn a_guarantee_is_taken_back_from_executors_first_and_then_whole() {
    let world = World::new("8");
    world.queue("etl", json!({"guarantee": {"cpu": "4"}}));
    world.queue("adhoc", json!({}));
    let elastic =
        json!({"queue": "adhoc", "dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 9}});
    let borrows = world.submitted(&app("borrows", 0, elastic), 5);
    (0..=5).for_each(|index| world.pod(&borrows, index, Some("one"), "1"));
    let other = world.submitted(&app("other", 1, json!({"queue": "adhoc"})), 1);
    (0..=1).for_each(|index| world.pod(&other, index, Some("one"), "1"));
    let owed = app("owed", 3, json!({"queue": "etl"}));
    assert_eq!(world.waits(&owed).trouble.reason, "WaitingForEvictions");
    let allowance = world.desk.allowance(&borrows, 5);
    assert_eq!((allowance.executors, allowance.retired.len()), (1, 4), "its elastic executors give way");
    assert_eq!(allowance.retired, [2, 3, 4, 5].into(), "those that came last");
    assert_eq!(world.desk.allowance(&other, 1).evicted, None);
    let late = app("late", 3, json!({"queue": "adhoc"}));
    world.waits(&late);
    assert_eq!(world.waits(&owed).trouble.reason, "WaitingForEvictions", "what is freed is for nobody else");
    let gone: Arc<[u32]> = [2, 3, 4, 5].into();
    for index in gone.iter() {
        let pod = json!({"metadata": {"namespace": "alpha", "name": format!("borrows-{index}"), "uid": format!("uid-borrows-{index}")}, "spec": {"containers": []}});
        world.cache.pods().take_in(&Event::Delete(serde_json::from_value(pod).expect("a pod")));
    }
    let mut record = borrows.clone();
    record.metadata.resource_version = Some("3".into());
    record.status.as_mut().expect("status").executors.as_mut().expect("executors").wanted = 1;
    world.apply(&record);
    assert_eq!(world.ask(&owed), Answer::Start(3));
}

#[test]
fn an_application_gives_way_whole_where_it_has_no_more_to_give() {
    let world = World::new("8");
    world.queue("etl", json!({"guarantee": {"cpu": "4"}}));
    world.queue("adhoc", json!({}));
    let stays = world.submitted(&app("a", 3, json!({"queue": "adhoc"})), 3);
    let borrows = world.submitted(&app("b", 3, json!({"queue": "adhoc"})), 3);
    for app in [&stays, &borrows] {
        (0..=3).for_each(|index| world.pod(app, index, Some("one"), "1"));
    }
    let owed = app("owed", 3, json!({"queue": "etl"}));
    assert_eq!(world.waits(&owed).trouble.reason, "WaitingForEvictions");
    assert_eq!(world.desk.allowance(&stays, 3).evicted, None, "its queue keeps what it deserves");
    let evicted = world.desk.allowance(&borrows, 3).evicted.expect("it gives way");
    assert!(evicted.message.contains("alpha/owed"), "{evicted:?}");
}

#[test]
fn a_round_that_breaks_off_spoils_no_other() {
    let world = World::new("3");
    let (first, second) = (app("first", 1, json!({})), app("second", 1, json!({})));
    assert_eq!(world.ask(&first), Answer::Start(1));
    // A panic drops what was surveyed.
    drop(world.desk.memory().survey(&world.cache, &world.followed));
    assert_eq!(world.waits(&second).trouble.reason, "ClusterFull");
}

#[test]
fn sizes_that_nobody_asks_for_any_more_are_forgotten() {
    let world = World::new("8");
    for size in 1..=1_500 {
        let mut passes = app("passes", 1, json!({"driver": {"coreRequest": format!("{size}m"), "memory": "512m"}}));
        (passes.metadata.generation, passes.metadata.resource_version) = (Some(size), Some(size.to_string()));
        world.ask(&passes);
    }
    assert!(world.desk.memory().readings.shapes.len() < 1_200);
    let stays = app("stays", 1, json!({}));
    assert_eq!(world.ask(&stays), Answer::Start(1), "those that ask now are read anew");
}

#[test]
fn what_is_on_record_has_its_room_after_a_restart_too() {
    let world = World::new("3");
    let first = world.submitted(&app("first", 1, json!({})), 1);
    assert_eq!(world.waits(&app("second", 1, json!({}))).trouble.reason, "ClusterFull", "its pods are not made yet");
    assert_eq!(world.desk.seat("uid-first", &[]).driver.as_deref(), Some("one"));
    world.pod(&first, 0, Some("one"), "1");
    world.pod(&first, 1, None, "1");
    (0..3).for_each(|_| drop(world.round()));
    let memory = world.desk.memory();
    let entry = &memory.entries["uid-first"];
    assert_eq!((entry.driver.as_deref(), entry.free_seats.len()), (None, 0), "nothing is found twice");
    assert_eq!(entry.seats, [(1, "one".to_string())].into());
}

#[test]
fn a_node_that_was_found_and_is_gone_is_replaced() {
    let world = World::new("2");
    let first = app("first", 1, json!({}));
    assert_eq!(world.ask(&first), Answer::Start(1));
    let gone = serde_json::from_value(json!({"metadata": {"name": "one"}})).expect("a node");
    world.cache.nodes().take_in(&Event::Delete(gone));
    world.node("two", "2");
    world.round();
    let seats = world.desk.seat("uid-first", &[Action::CreateExecutor { attempt: 1, index: 1 }]);
    assert_eq!((seats.driver.as_deref(), seats.executors[&1].as_str()), (Some("two"), "two"));
}

#[test]
fn who_heard_that_it_starts_holds_its_room_until_it_is_on_record_that_it_waits() {
    let world = World::new("3");
    world.queue("etl", json!({"guarantee": {"cpu": "2"}}));
    world.queue("adhoc", json!({}));
    let first = app("first", 1, json!({"queue": "adhoc"}));
    assert_eq!(world.ask(&first), Answer::Start(1));
    let owed = app("owed", 1, json!({"queue": "etl"}));
    for _ in 0..3 {
        assert_eq!(world.waits(&owed).trouble.reason, "WaitingForEvictions", "the first may be saved as admitted");
    }
    let mut first = world.submitted(&first, 1);
    assert_eq!(world.waits(&owed).trouble.reason, "WaitingForEvictions");
    assert!(world.desk.allowance(&first, 1).evicted.is_some());
    first.status.as_mut().expect("status").application_state.state = State::Queued;
    first.metadata.resource_version = Some("3".into());
    world.apply(&first);
    assert_eq!(world.ask(&owed), Answer::Start(1));
}

#[test]
fn who_asks_again_before_its_start_is_saved_heeds_what_was_decided_since() {
    let world = World::new("3");
    world.queue("etl", json!({"guarantee": {"cpu": "2"}}));
    world.queue("adhoc", json!({}));
    let (first, owed) = (app("first", 1, json!({"queue": "adhoc"})), app("owed", 1, json!({"queue": "etl"})));
    assert_eq!(world.ask(&first), Answer::Start(1));
    world.waits(&owed);
    assert_eq!(world.desk.ask(&first), Answer::Later, "it stands in line again");
    assert_eq!(world.ask(&owed), Answer::Start(1));
}

#[test]
fn what_was_given_and_is_not_wanted_any_more_goes_to_others() {
    let world = World::new("4");
    let elastic = json!({"dynamicAllocation": {"enabled": true, "minExecutors": 0, "maxExecutors": 9}});
    let grows = world.submitted(&app("grows", 0, elastic), 0);
    world.pod(&grows, 0, Some("one"), "1");
    world.desk.allowance(&grows, 9);
    world.round();
    assert_eq!(world.desk.allowance(&grows, 0).executors, 3);
    assert_eq!(world.ask(&app("second", 1, json!({}))), Answer::Start(1));
}

#[test]
fn one_without_its_priority_class_is_told_and_what_it_has_counts() {
    let world = World::new("3");
    let spec = json!({"driver": {"cores": 1, "memory": "512m", "priorityClassName": "high"}});
    let first = app("first", 1, spec);
    assert_eq!(world.waits(&first).trouble.reason, "PriorityClassMissing");
    let class = json!({"metadata": {"name": "high", "uid": "high"}, "value": 7});
    let class: PriorityClass = serde_json::from_value(class).expect("a class");
    world.cache.classes().take_in("", &Event::Apply(class.clone()), |class| Some(class.clone()));
    assert_eq!(world.ask(&first), Answer::Start(1));
    let first = world.submitted(&first, 1);
    (0..=1).for_each(|index| world.pod(&first, index, Some("one"), "1"));
    world.cache.classes().take_in("", &Event::Delete(class), |class| Some(class.clone()));
    world.waits(&app("second", 1, json!({})));
}

#[test]
fn of_applications_of_one_second_the_name_says_who_is_first() {
    let world = World::new("4");
    world.queue("etl", json!({"order": "StrictFIFO"}));
    let of_queue = |name: &str, executors: u32| app(name, executors, json!({"queue": "etl"}));
    assert_eq!(world.ask(&of_queue("runs", 1)), Answer::Start(1));
    let (mut large, mut small) = (of_queue("large", 2), of_queue("small", 1));
    (large.metadata.uid, small.metadata.uid) = (Some("uid-2".into()), Some("uid-1".into()));
    assert_eq!(world.waits(&large).trouble.reason, "ClusterFull");
    assert_eq!(world.waits(&small).trouble.reason, "BehindInQueue");
}
