use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use onager_crds::{Queue, SparkApplication};
use serde_json::{Value, json};

use super::{answer::Answer, text::text};

fn now() -> Timestamp {
    "2026-01-01T00:30:00Z".parse().expect("a time")
}

fn app(spec: Value, status: Value) -> SparkApplication {
    serde_json::from_value(json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
        "metadata": {"name": "etl", "namespace": "theta", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec, "status": status,
    }))
    .expect("an application")
}

/// One that waits in theta/etl since 00:10, at this place, with this reason and sentence.
fn waiting(position: u32, reason: &str, message: &str) -> SparkApplication {
    app(
        json!({"type": "R", "queue": "etl"}),
        json!({
            "applicationState": {"state": "QUEUED", "reason": reason, "errorMessage": message},
            "queue": {"name": "theta/etl", "position": position},
            "conditions": [{
                "type": "Admitted", "status": "False", "reason": reason, "message": message,
                "lastTransitionTime": "2026-01-01T00:10:00Z",
            }],
        }),
    )
}

fn queues() -> BTreeMap<String, Queue> {
    let queue = |namespace: &str, name: &str, spec: Value, status: Value| -> (String, Queue) {
        let queue = json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec, "status": status,
        });
        (format!("{namespace}/{name}"), serde_json::from_value(queue).expect("a queue"))
    };
    let first = |name: &str, position: u32| {
        json!({
            "application": name, "position": position, "reason": "QueueFull", "message": "",
        })
    };
    BTreeMap::from([
        queue(
            "theta",
            "etl",
            json!({"parent": "platform/teams", "guarantee": {"cpu": "4"}, "capability": {"cpu": "8", "example.com/gpu": "2"}}),
            json!({
                "used": {"cpu": "7"}, "deserved": {"cpu": "4"}, "queued": 3,
                "waiting": [first("theta/a", 1), first("iota/b", 2), first("theta/etl", 3)],
            }),
        ),
        queue("platform", "teams", json!({}), json!({"used": {"cpu": "9"}, "deserved": {"cpu": "12"}})),
    ])
}

fn answer(app: &SparkApplication) -> Answer {
    let nodes = BTreeMap::from([("cpu".to_string(), Quantity("16".into()))]);
    Answer::of(app, &queues(), Some(nodes), Vec::new())
}

fn said(app: &SparkApplication) -> String {
    text(app, &answer(app), now())
}

const FULL: &str = "it needs cpu 3, and queue theta/etl has 1 left of 8, 2 too little: an application in it must end, or its \
                    capability be raised";

#[test]
fn one_that_waits_is_told_where_it_stands_what_blocks_it_and_what_would_free_it() {
    let expect = format!(
        "\
theta/etl waits for 20m (QueueFull): {FULL}.

Queue:       theta/etl
Position:    3 in line, after theta/a (QueueFull), iota/b (QueueFull)
Blocked by:  theta/etl
Resource:    cpu
Short:       2

LEVEL               USED (cpu)  DESERVED (cpu)  GUARANTEE (cpu)  CAPABILITY (cpu)
theta/etl (blocks)  7           4               4                8
platform/teams      9           12              -                -
the cluster         -           -               -                16
"
    );
    assert_eq!(said(&waiting(3, "QueueFull", FULL)), expect);
}

#[test]
fn the_level_and_the_resource_are_found_in_every_sentence() {
    let cases = [
        (FULL, "QueueFull", Some("theta/etl"), Some("cpu"), Some("2")),
        (
            "it needs cpu 3, and queue platform/teams has 1 left of 8, 2 too little: one must end",
            "QueueFull",
            Some("platform/teams"),
            Some("cpu"),
            Some("2"),
        ),
        (
            "it needs memory 3Gi, and the cluster has 1Gi left of 8Gi, 2Gi too little: an application must end, or nodes be added",
            "ClusterFull",
            Some("the cluster"),
            Some("memory"),
            Some("2Gi"),
        ),
        (
            "its pods need requests.cpu 3, and quota team has 1 left of 4, 2 too little: pods of the namespace must end",
            "QuotaExceeded",
            Some("quota team"),
            Some("cpu"),
            Some("2"),
        ),
        (
            "1 of 3 executors have room on nodes, and a gang starts whole: each needs cpu 1, memory 2Gi; the closest of 4 nodes, n1, \
             has memory 1Gi: pods must end, or nodes be added",
            "InsufficientResources",
            Some("the cluster"),
            Some("memory"),
            None,
        ),
        (
            "it needs example.com/gpu 3, and queue theta/etl has 1 left of 2, 2 too little",
            "QueueFull",
            Some("theta/etl"),
            Some("example.com/gpu"),
            Some("2"),
        ),
        ("its queue is in strict order, and theta/a is before it", "BehindInQueue", None, None, None),
        (
            "queue theta/etl-old is closed: what runs goes on, nothing new starts",
            "QueueClosed",
            Some("theta/etl-old"),
            None,
            None,
        ),
    ];
    for (message, reason, level, resource, short) in cases {
        let found = answer(&waiting(3, reason, message));
        let found = (found.level.as_deref(), found.resource.as_deref(), found.short.as_deref());
        assert_eq!(found, (level, resource, short), "{message}");
    }
}

#[test]
fn what_may_not_be_read_is_left_out_and_said() {
    let app = waiting(20, "QueueFull", FULL);
    let notes = vec!["queue theta/etl may not be read: it and what is above it is left out".to_string()];
    let answer = Answer::of(&app, &BTreeMap::new(), None, notes);
    let text = text(&app, &answer, now());
    assert!(text.contains("Position:    20 in line\n") && !text.contains("LEVEL"), "{text}");
    assert!(text.ends_with("note: queue theta/etl may not be read: it and what is above it is left out\n"), "{text}");
}

#[test]
fn without_a_queue_its_namespace_and_nodes_count() {
    let state = json!({"state": "QUEUED", "reason": "QuotaExceeded", "errorMessage": "quota team has 1 left"});
    let text = said(&app(json!({"type": "R"}), json!({"applicationState": state})));
    assert!(text.starts_with("theta/etl waits for 30m (QuotaExceeded): quota team has 1 left."), "{text}");
    assert!(text.contains("Queue:       none: it is held to its namespace's quota"), "{text}");
}

#[test]
fn one_that_does_not_wait_says_what_it_does_and_what_to_look_at() {
    let of = |status: Value| said(&app(json!({"type": "R"}), status));
    let executors = json!({"wanted": 3, "running": 2, "failed": 0, "highestIndex": 3, "summary": "2/3"});
    let runs = json!({
        "applicationState": {"state": "RUNNING"}, "executors": executors, "lastSubmissionAttemptTime": "2026-01-01T00:25:00Z",
    });
    assert_eq!(
        of(runs),
        "theta/etl does not wait: it runs for 5m with 2 of 3 executors.\nSee: onager status etl; onager logs etl -f\n"
    );
    let stuck = json!({
        "applicationState": {"state": "SUBMITTED", "reason": "ImagePullBackOff", "errorMessage": "image none:1 is not there"},
        "lastSubmissionAttemptTime": "2026-01-01T00:29:00Z", "driverInfo": {"podName": "etl-driver"},
    });
    assert_eq!(
        of(stuck),
        "theta/etl was admitted 60s ago, and a pod does not start: ImagePullBackOff, image none:1 is not there.\n\
         See: onager events etl; kubectl describe pod etl-driver\n"
    );
    let failed = json!({"applicationState": {"state": "FAILED", "reason": "OutOfMemory", "errorMessage": "the driver was killed"}});
    assert!(
        of(failed).starts_with(
            "theta/etl does not wait: it failed: OutOfMemory, the driver was killed.\nSee: onager logs etl;"
        )
    );
    assert!(of(json!({})).contains("no operator has looked at it: does one serve its namespace?"));
    assert!(of(json!({"applicationState": {"state": "SUSPENDED"}})).contains("set it to false"));
}

#[test]
fn machines_get_the_same() {
    let value = serde_json::to_value(answer(&waiting(3, "QueueFull", FULL))).expect("JSON");
    assert_eq!((&value["waits"], &value["position"], &value["short"]), (&json!(true), &json!(3), &json!("2")));
    assert_eq!(value["since"], "2026-01-01T00:10:00Z");
    assert_eq!(value["levels"][0]["used"], json!({"cpu": "7"}));
    assert_eq!(value["levels"][2]["name"], "the cluster");
    assert_eq!(value["before"][1]["application"], "iota/b");
}
