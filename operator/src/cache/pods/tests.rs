use k8s_openapi::api::core::v1::PodCondition;

use super::*;

fn pod(uid: &str, phase: &str) -> Pod {
    serde_json::from_value(serde_json::json!({
        "metadata": {
            "namespace": "alpha", "name": "app-exec-1", "uid": uid,
            "labels": {"onager.dev/app-name": "app", "onager.dev/role": "executor", "onager.dev/executor-index": "1"},
            "ownerReferences": [
                {"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication", "name": "app", "uid": "owner"}
            ],
        },
        "spec": {"containers": [{"name": "onager", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]},
        "status": {"phase": phase},
    }))
    .expect("pod")
}

#[test]
fn an_own_write_is_visible_at_once_under_its_owner() {
    let mut pods = Pods::default();
    let effect = pods.insert(&pod("a", "Pending"));
    assert_eq!(effect.application, Some(("alpha".into(), "app".into())));
    assert_eq!(pods.of_owner("owner").count(), 1);
    assert_eq!(pods.taking_room().map(|(_, record)| record.requests).next(), Some(Size::pod(500, 1 << 30)));
}

#[test]
fn a_late_answer_does_not_bring_a_deleted_pod_back() {
    let mut pods = Pods::default();
    pods.take_in(&Event::Apply(pod("a", "Running")));
    pods.take_in(&Event::Delete(pod("a", "Running")));
    pods.insert(&pod("a", "Pending"));
    assert_eq!(pods.of_owner("owner").count(), 0);
    pods.insert(&pod("b", "Pending"));
    assert_eq!(pods.of_owner("owner").count(), 1, "another pod of the same name is another pod");
}

#[test]
fn a_late_deletion_leaves_the_next_pod_of_the_name_alone() {
    let mut pods = Pods::default();
    pods.insert(&pod("b", "Pending"));
    pods.take_in(&Event::Delete(pod("a", "Running")));
    assert_eq!(pods.of_owner("owner").count(), 1);
}

#[test]
fn a_pod_made_during_a_relist_outlives_it() {
    let mut pods = Pods::default();
    pods.take_in(&Event::Init);
    pods.insert(&pod("a", "Pending"));
    pods.take_in(&Event::InitDone);
    assert_eq!(pods.of_owner("owner").count(), 1);
}

#[test]
fn an_older_answer_does_not_hide_newer_news() {
    let versioned = |version: &str, phase| {
        let mut pod = pod("a", phase);
        pod.metadata.resource_version = Some(version.into());
        pod
    };
    let mut pods = Pods::default();
    pods.take_in(&Event::Apply(versioned("10", "Failed")));
    pods.insert(&versioned("9", "Pending"));
    assert!(pods.of_owner("owner").all(|ours| ours.seen.ended()));
}

#[test]
fn a_pod_that_ends_gives_its_room_back() {
    let mut pods = Pods::default();
    assert!(!pods.insert(&pod("a", "Running")).room);
    assert!(pods.insert(&pod("a", "Succeeded")).room);
    assert!(!pods.insert(&pod("a", "Succeeded")).room, "once");
    assert_eq!(pods.taking_room().count(), 0);
}

#[test]
fn what_events_say_of_a_silent_pod_holds_until_its_status_says_something() {
    let on_a_node = |phase: &str, conditions: serde_json::Value| {
        let mut pod = serde_json::to_value(pod("a", phase)).expect("JSON");
        pod["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        pod["spec"]["nodeName"] = "node-1".into();
        pod["status"]["conditions"] = conditions;
        serde_json::from_value::<Pod>(pod).expect("pod")
    };
    let waits = || on_a_node("Pending", serde_json::json!([]));
    let mut unbound = waits();
    unbound.spec.get_or_insert_default().node_name = None;
    unbound.status.get_or_insert_default().conditions =
        Some(vec![PodCondition { type_: "PodScheduled".into(), status: "False".into(), ..PodCondition::default() }]);
    let trouble = Trouble { reason: "FailedMount".into(), message: "configmap not found".into() };
    let told = |pods: &Pods| pods.of_owner("owner").next().and_then(|ours| ours.seen.trouble.clone());
    let mut pods = Pods::default();
    pods.insert(&unbound);
    assert!(pods.insert(&waits()).silent);
    assert_eq!(told(&pods), None, "that it had no node is no news any more");
    assert_eq!(pods.silent().len(), 1);
    assert!(pods.explain("alpha", "app-exec-1", "a", Some(trouble.clone())));
    assert!(!pods.explain("alpha", "app-exec-1", "a", Some(trouble.clone())), "no news");
    assert!(!pods.explain("alpha", "app-exec-1", "b", None), "of another pod");
    pods.insert(&waits());
    assert_eq!(told(&pods), Some(trouble));
    let mounted = serde_json::json!([{"type": "PodReadyToStartContainers", "status": "True"}]);
    assert!(!pods.insert(&on_a_node("Pending", mounted)).silent);
    assert_eq!((told(&pods), pods.silent()), (None, Vec::new()));
}

#[test]
fn a_pod_that_a_relist_lacks_is_gone() {
    let mut pods = Pods::default();
    pods.insert(&pod("a", "Running"));
    pods.take_in(&Event::Init);
    assert_eq!(pods.take_in(&Event::InitDone).len(), 1);
    assert_eq!(pods.of_owner("owner").count(), 0);
}
