//! The life of an application in sentences: one run after the other, edits, suspension, and the ends that others get stuck at.

use std::{env, fs, path::PathBuf};

use super::{
    scenes::*,
    world::{Step, World},
};
use onager_core::{Action, Exit, Phase, Role, SideKind, lifecycle::transitions};
use onager_crds::{RestartPolicyType, State};

#[test]
fn without_faults_an_application_completes() {
    let mut world = World::new(false);
    world.step(ALL);
    assert_eq!((world.state(), world.pods.len()), (State::Submitted, 4));
    runs(&mut world);
    ends(&mut world, true);
    assert_eq!(world.state(), State::Completed);
    world.leaves_nothing();
    assert!(!world.pods[0].deleting, "the log of a driver that ended stays");
    assert_eq!(condition(&world, "Succeeded").as_deref(), Some("True"));
    assert_eq!(status(&world).summary.expect("summary").rows, 1);
    assert_eq!((status(&world).execution_attempts, status(&world).submission_attempts), (1, 1));
}

#[test]
fn a_driver_whose_create_was_answered_late_is_the_driver() {
    let mut world = World::new(false);
    // The status and nothing else: the operator is killed at the create of the driver.
    world.step(Step::Reconcile { writes: 1 });
    let late = world.in_flight.take();
    world.step(Step::Reconcile { writes: 1 });
    world.in_flight = late;
    world.step(Step::Commits);
    world.comes_to_rest();
    let drivers: Vec<(u32, bool)> =
        world.pods.iter().filter(|pod| pod.role == Role::Driver).map(|pod| (pod.attempt, pod.deleting)).collect();
    assert_eq!(drivers, [(1, false)]);
    assert_eq!(world.pods.iter().filter(|pod| pod.is_live()).count(), 4);
}

#[test]
fn a_driver_of_an_earlier_run_that_comes_late_is_not_the_driver() {
    let mut world = World::new(false);
    world.step(Step::Reconcile { writes: 1 });
    let late = world.in_flight.take();
    world.step(Step::Edit);
    // The edited run is admitted; its driver is not made yet.
    world.step(ALL);
    world.step(Step::Reconcile { writes: 1 });
    assert_eq!(world.state(), State::Submitted);
    world.in_flight = late;
    world.step(Step::Commits);
    world.step(ALL);
    assert!(world.pods[driver(&world)].deleting, "it was made of the spec before the edit");
    pods_go(&mut world);
    assert_eq!(world.pods[driver(&world)].attempt, status(&world).attempt);
}

#[test]
fn a_failed_run_is_repeated_under_a_new_attempt_when_its_time_has_come() {
    let mut world = running(RestartPolicyType::OnFailure, Some(1));
    ends(&mut world, false);
    assert_eq!((world.state(), world.reason().as_str()), (State::Failing, "DriverFailed"));
    assert!(world.pods.iter().all(|pod| pod.deleting));
    pods_go(&mut world);
    assert_eq!(world.state(), State::PendingRerun);
    world.comes_to_rest();
    assert!(world.pods.is_empty(), "its time has not come");
    world.step(Step::Seconds(5));
    runs(&mut world);
    assert!(world.pods.iter().all(|pod| pod.attempt == 2));
    assert_eq!(status(&world).execution_attempts, 2);
    ends(&mut world, false);
    assert_eq!(world.state(), State::Failed, "one retry, and no more");
    assert_eq!(condition(&world, "Failed").as_deref(), Some("True"));
}

#[test]
fn a_run_that_worked_for_long_is_the_first_of_a_new_row_of_failures() {
    let mut world = running(RestartPolicyType::OnFailure, Some(1));
    for _ in 0..3 {
        world.step(Step::Seconds(600));
        ends(&mut world, false);
        assert_eq!((world.state(), status(&world).failed_attempts), (State::Failing, 1));
        pods_go(&mut world);
        world.step(Step::Seconds(5));
        runs(&mut world);
    }
}

#[test]
fn always_repeats_a_run_that_completed() {
    let mut world = running(RestartPolicyType::Always, None);
    ends(&mut world, true);
    assert_eq!(world.state(), State::Succeeding);
    assert_eq!(condition(&world, "Succeeded"), None, "it is not over");
    pods_go(&mut world);
    world.step(Step::Seconds(5));
    runs(&mut world);
}

#[test]
fn a_submission_that_failed_is_counted_apart() {
    let mut world = World::new(false);
    world.step(Step::Policy(RestartPolicyType::OnFailure, Some(1)));
    world.comes_to_rest();
    for expected in [State::SubmissionFailed, State::Failed] {
        world.step(Step::Trouble(0));
        world.step(Step::Seconds(300));
        world.comes_to_rest();
        assert_eq!((world.state(), world.reason().as_str()), (expected, "ImagePullBackOff"));
        pods_go(&mut world);
        world.step(Step::Seconds(5));
        world.comes_to_rest();
    }
    assert_eq!((status(&world).execution_attempts, status(&world).submission_attempts), (0, 2));
}

#[test]
fn a_driver_that_waited_in_vain_for_executors_has_said_of_it_which_has_not_started() {
    let mut world = World::new(false);
    world.comes_to_rest();
    world.step(Step::Runs(driver(&world)));
    world.comes_to_rest();
    let first = world.pods.iter().position(|pod| pod.name.ends_with("exec-1")).expect("an executor");
    world.pods[first].node = Some("node-2".into());
    let failure = r#"{"failure": {"class": "Platform", "message": "0 of at least 3 executors came within 300 s"}}"#;
    let driver = driver(&world);
    world.pods[driver].phase = Phase::Failed;
    world.pods[driver].exit = Some(Exit { code: Some(1), message: failure.into(), ..Exit::default() });
    world.comes_to_rest();
    let state = status(&world).application_state;
    assert_eq!(state.reason.as_deref(), Some("PlatformError"));
    let message = state.error_message.expect("a message");
    assert!(message.ends_with("exec-1 has not started on node-2, whose kubelet does not say why"), "{message}");
}

#[test]
fn what_a_quota_or_a_node_undid_is_no_attempt_of_the_users() {
    let mut world = World::new(false);
    world.step(ALL);
    world.pods.retain(|pod| pod.role == Role::Driver);
    world.step(Step::Quota);
    assert_eq!((world.state(), status(&world).submission_attempts), (State::Queued, 0));
    assert!(!world.service, "what waits has no Service");
    pods_go(&mut world);
    assert_eq!((world.state(), status(&world).submission_attempts), (State::Submitted, 1));
    world.step(Step::Refused(driver(&world)));
    world.step(ALL);
    assert_eq!((world.state(), world.reason().as_str()), (State::Queued, "PlacementConflict"));
    pods_go(&mut world);
    assert_eq!((world.state(), status(&world).submission_attempts), (State::Submitted, 1));
}

#[test]
fn pods_that_never_go_end_the_wait_for_the_next_run() {
    let mut world = running(RestartPolicyType::Always, None);
    ends(&mut world, false);
    let driver = driver(&world);
    world.pods.remove(driver);
    world.comes_to_rest();
    assert_eq!(world.state(), State::PendingRerun);
    world.step(Step::Seconds(3_599));
    world.comes_to_rest();
    assert_eq!(world.state(), State::PendingRerun, "executors are still there");
    world.step(Step::Seconds(1));
    world.comes_to_rest();
    assert_eq!((world.state(), world.reason().as_str()), (State::Failed, "PodsRemain"));
}

#[test]
fn a_node_that_falls_silent_and_comes_back_costs_nothing() {
    let mut world = running(RestartPolicyType::Never, None);
    let driver = driver(&world);
    world.step(Step::Node { pod: driver, ready: false });
    world.comes_to_rest();
    assert_eq!((world.state(), world.reason().as_str()), (State::Unknown, "NodeNotReady"));
    world.step(Step::Node { pod: driver, ready: true });
    world.comes_to_rest();
    assert_eq!((world.state(), world.pods.len()), (State::Running, 4));
}

#[test]
fn a_driver_lost_with_its_node_is_made_again_once_its_pod_is_gone() {
    let mut world = running(RestartPolicyType::OnFailure, None);
    let driver = driver(&world);
    world.step(Step::Node { pod: driver, ready: false });
    world.comes_to_rest();
    world.step(Step::Deleted(driver));
    world.comes_to_rest();
    assert_eq!((world.state(), world.reason().as_str()), (State::Failing, "DriverLost"));
    world.step(Step::Seconds(60));
    world.comes_to_rest();
    assert_eq!(world.state(), State::Failing, "the old one may still work");
    pods_go(&mut world);
    world.step(Step::Seconds(5));
    runs(&mut world);
}

#[test]
fn a_driver_whose_sidecar_goes_on_is_removed_in_the_end() {
    let mut world = running(RestartPolicyType::Never, None);
    let driver = driver(&world);
    world.step(Step::Ends { pod: driver, well: true, summary: true, lingers: true });
    world.step(ALL);
    assert_eq!((world.state(), world.pods[driver].deleting), (State::Completed, false));
    let again = world.plan().again.expect("it is looked at again");
    world.step(Step::Seconds(again.as_secs() as i64));
    world.comes_to_rest();
    assert!(world.pods[driver].deleting);
}

#[test]
fn an_application_goes_when_its_time_to_live_is_over() {
    let mut world = running(RestartPolicyType::Never, None);
    ends(&mut world, true);
    let again = world.plan().again.expect("it is looked at again");
    assert_eq!(again.as_secs(), 500);
    world.step(Step::Seconds(500));
    assert_eq!(world.plan().actions, [Action::DeleteApplication]);
}

#[test]
fn what_stands_beside_the_pods_is_made_when_it_is_missing() {
    let mut world = World::new(false);
    world.sides_missing = true;
    assert!(!world.plan().actions.contains(&Action::CreateSides), "there is nothing to see before the driver runs");
    runs(&mut world);
    world.sides_missing = true;
    assert_eq!(world.plan().actions, [Action::CreateSides]);
}

#[test]
fn what_is_not_asked_for_any_more_goes_while_it_runs() {
    let mut world = World::new(false);
    runs(&mut world);
    world.step(Step::SideUnwanted);
    let gone = |action: &Action| matches!(action, Action::DeleteSide { kind: SideKind::DisruptionBudget, .. });
    let actions = world.plan().actions;
    assert!(actions.len() == 1 && actions.iter().all(gone), "{actions:?}");
    world.comes_to_rest();
    assert_eq!((world.state(), world.service), (State::Running, true));
}

/// `ONAGER_GOLDEN=write` writes the page anew.
#[test]
fn the_page_has_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycle.md");
    let page = fs::read_to_string(&path).expect("docs/lifecycle.md");
    let (begin, end) = ("<!-- the table -->\n", "<!-- its end -->");
    let (head, rest) = page.split_once(begin).expect("where it begins");
    let (table, tail) = rest.split_once(end).expect("where it ends");
    if env::var_os("ONAGER_GOLDEN").is_some() {
        fs::write(&path, format!("{head}{begin}{}{end}{tail}", transitions::markdown())).expect("written");
        return;
    }
    assert_eq!(table, transitions::markdown(), "ONAGER_GOLDEN=write cargo test writes it");
}
