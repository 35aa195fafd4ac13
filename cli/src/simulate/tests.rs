use onager_core::queue::play::Player;
use serde_json::Value;

use super::{read, report};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/simulate/two-teams.yaml");

fn play(text: &str) -> Vec<Value> {
    let scenario = read::scenario(text).expect("a scenario");
    let start = report::Report::new(&scenario).start;
    let mut player = Player::new(scenario.snapshot, scenario.jobs, 0);
    let mut events = Vec::new();
    scenario.changes.into_iter().for_each(|(change, at)| player.change(change, at));
    while let Some(more) = player.step() {
        events.extend(more.iter().map(|event| report::json(&player, start, event)));
    }
    events
}

fn faults(text: &str) -> String {
    read::scenario(text).err().expect("faults").to_string()
}

#[test]
fn the_example_lends_takes_back_and_waits() {
    let text = std::fs::read_to_string(EXAMPLE).expect("the example");
    let short = |event: &Value| {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_string();
        let reason = text("reason").split(':').next().unwrap_or_default().to_string();
        format!("{} {} {} {} {reason}", event["at"], text("event"), text("application"), event["executors"])
    };
    let events: Vec<String> = play(&text).iter().map(short).collect();
    assert_eq!(
        events,
        [
            "0 admitted team-theta/history 2 ",
            "0 resized team-theta/history 7 room is free",
            "600 resized team-theta/history 3 gives way to team-delta/report",
            "600 admitted team-delta/report 3 ",
            "900 waiting team-delta/check 0 ClusterFull",
            "1800 completed team-delta/report 0 ",
            "1800 admitted team-delta/check 2 ",
            "1800 resized team-theta/history 4 room is free",
            "2100 completed team-delta/check 0 ",
            "2100 resized team-theta/history 7 room is free",
            "3600 completed team-theta/history 0 "
        ]
    );
}

#[test]
fn an_event_says_all_that_the_documentation_promises() {
    let text = std::fs::read_to_string(EXAMPLE).expect("the example");
    let events = play(&text);
    assert_eq!(
        events[0],
        serde_json::json!({
            "at": 0, "event": "admitted", "application": "team-theta/history", "queue": "team-theta/queue-theta",
            "executors": 2, "nodes": {"node-1": 3}, "reason": "",
        })
    );
    assert_eq!(events[1]["nodes"], serde_json::json!({"node-1": 4, "node-2": 4}));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let said = faults(
        "{kind: Node, metadata: {name: n, annotations: {onager.dev/simulated-count: many}}}\n---\n\
         {kind: SparkApplication, apiVersion: onager.dev/v1alpha1, metadata: {name: a, namespace: t, annotations: \
         {onager.dev/simulated-duration: soon}}, spec: {type: SQL, mainApplicationFile: 'local:///a.sql'}}\n---\n\
         {kind: Queue, apiVersion: onager.dev/v1alpha1, metadata: {name: q, namespace: t}, spec: {guarantee: {cpu: lots}}}\n",
    );
    assert_eq!(said.lines().count(), 3, "{said}");
    for words in [
        "Node n: annotation onager.dev/simulated-count",
        "t/a: annotation onager.dev/simulated-duration",
        "spec.guarantee[cpu]",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_said_to_run_must_have_a_place() {
    let said = faults(
        "{kind: SparkApplication, apiVersion: onager.dev/v1alpha1, metadata: {name: a, namespace: t, annotations: \
         {onager.dev/simulated-admitted: 'true'}}, spec: {type: SQL, mainApplicationFile: 'local:///a.sql'}}",
    );
    assert!(said.contains("t/a: it is said to run"), "{said}");
}

#[test]
fn a_queue_that_somebody_changes_is_like_that_from_then_on() {
    let queue = |more: &str| {
        format!(
            "{{kind: Queue, apiVersion: onager.dev/v1alpha1, metadata: {{name: q, namespace: t{more}, spec: {{closed: {}}}}}\n---\n",
            more == "}"
        )
    };
    let text = queue("}")
        + &queue(", annotations: {onager.dev/simulated-from: 90s}}")
        + "{kind: Node, metadata: {name: n}, status: {allocatable: {cpu: 9, memory: 99Gi, pods: 9}}}\n---\n"
        + "{kind: SparkApplication, apiVersion: onager.dev/v1alpha1, metadata: {name: a, namespace: t}, spec: {type: SQL, \
           mainApplicationFile: 'local:///a.sql', queue: q}}";
    let events: Vec<String> = play(&text).iter().map(|event| format!("{} {}", event["at"], event["event"])).collect();
    assert_eq!(events, ["0 \"waiting\"", "90 \"admitted\""]);
}
