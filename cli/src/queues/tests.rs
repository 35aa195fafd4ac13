use std::collections::BTreeMap;

use onager_crds::Queue;
use serde_json::{Value, json};

use super::{lines, read, tree};

/// Queues by `namespace/name`, of a spec and a status each.
fn queues(all: &[(&str, Value, Value)]) -> BTreeMap<String, Queue> {
    let queue = |(full, spec, status): &(&str, Value, Value)| {
        let (namespace, name) = full.split_once('/').expect("namespace/name");
        let queue: Queue = serde_json::from_value(json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec, "status": status,
        }))
        .expect("a queue");
        (read::name_of(&queue), queue)
    };
    all.iter().map(queue).collect()
}

fn ready(value: &str, reason: &str) -> Value {
    json!([{
        "type": "Ready", "status": value, "reason": reason, "message": "because", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }])
}

#[test]
fn a_tree_says_who_has_what_and_who_waits() {
    let all = queues(&[
        (
            "platform/teams",
            json!({"capability": {"cpu": "8"}}),
            json!({"used": {"cpu": "6"}, "queued": 2, "admitted": 3}),
        ),
        (
            "theta/etl",
            json!({"parent": "platform/teams", "weight": 40, "guarantee": {"cpu": "4", "memory": "8Gi"}}),
            json!({
                "used": {"cpu": "6", "memory": "4Gi"}, "deserved": {"cpu": "4"}, "borrowed": {"cpu": "2"},
                "queued": 2, "admitted": 3, "conditions": ready("True", "Ready"),
            }),
        ),
        ("delta/ad-hoc", json!({"parent": "platform/gone"}), json!({"conditions": ready("False", "ParentMissing")})),
    ]);
    let expect = "\
QUEUE             WEIGHT  GUARANTEE           CAPABILITY  USED                DESERVED  BORROWED  QUEUED  ADMITTED  READY  REASON
platform/gone
  delta/ad-hoc    1       -                   -           -                   -         -         0       0         no     ParentMissing
platform/teams    1       -                   cpu 8       cpu 6               -         -         2       3         -
  theta/etl       40      cpu 4, memory 8Gi   -           cpu 6, memory 4Gi   cpu 4     cpu 2     2       3         yes
";
    // Columns are as wide as what is in them: compared word by word.
    let words =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    let text = lines(&tree::rows(&all));
    assert_eq!(words(&text), words(expect), "{text}");
    assert!(text.contains("\n  theta/etl "), "{text}");
}

#[test]
fn queues_in_a_circle_are_shown_once_each() {
    let all = queues(&[
        ("t/a", json!({"parent": "b"}), json!(null)),
        ("t/b", json!({"parent": "a"}), json!(null)),
        ("t/c", json!({}), json!(null)),
    ]);
    let shown: Vec<(String, usize)> = tree::rows(&all).into_iter().map(|row| (row.queue, row.depth)).collect();
    assert_eq!(shown, [("t/c".into(), 0), ("t/a".into(), 0), ("t/b".into(), 1)]);
}

#[test]
fn machines_get_amounts_and_reasons() {
    let all = queues(&[(
        "t/a",
        json!({"weight": 3}),
        json!({"conditions": ready("False", "ParentCycle"), "used": {"cpu": "1"}}),
    )]);
    let row = serde_json::to_value(&tree::rows(&all)[0]).expect("JSON");
    assert_eq!((&row["queue"], &row["weight"], &row["used"]["cpu"]), (&json!("t/a"), &json!(3), &json!("1")));
    assert_eq!(
        (&row["ready"], &row["reason"], &row["message"]),
        (&json!(false), &json!("ParentCycle"), &json!("because"))
    );
}
