//! Suspension and edits in sentences.

use super::{
    scenes::*,
    world::{Step, World},
};
use onager_crds::{RestartPolicyType, State};

#[test]
fn an_application_that_is_held_has_no_pods_and_is_admitted_again_later() {
    let mut world = running(RestartPolicyType::Never, None);
    world.step(Step::Suspend(true));
    world.comes_to_rest();
    assert_eq!(world.state(), State::Suspending);
    pods_go(&mut world);
    assert_eq!(world.state(), State::Suspended);
    assert!(world.pods.is_empty() && !world.service);
    assert_eq!(condition(&world, "Suspended").as_deref(), Some("True"));
    world.step(Step::Room(false));
    world.step(Step::Suspend(false));
    world.comes_to_rest();
    assert_eq!(world.state(), State::Queued);
    assert_eq!(condition(&world, "Suspended").as_deref(), Some("False"));
    world.step(Step::Room(true));
    runs(&mut world);
    assert!(world.pods.iter().all(|pod| pod.attempt == 2));
}

#[test]
fn a_new_application_that_is_held_has_never_a_pod() {
    let mut world = World::new(false);
    world.step(Step::Suspend(true));
    world.comes_to_rest();
    assert_eq!((world.state(), world.pods.len()), (State::Suspended, 0));
}

#[test]
fn suspension_changes_nothing_about_what_has_ended() {
    let mut world = running(RestartPolicyType::Never, None);
    ends(&mut world, true);
    world.step(Step::Suspend(true));
    world.comes_to_rest();
    assert_eq!(world.state(), State::Completed);
    assert_eq!(status(&world).observed_generation, world.app.metadata.generation);
}

#[test]
fn an_edit_of_what_pods_are_made_of_makes_another_run() {
    let mut world = running(RestartPolicyType::Never, None);
    world.step(Step::Edit);
    world.comes_to_rest();
    assert_eq!((world.state(), world.reason().as_str()), (State::Invalidating, "SpecEdited"));
    pods_go(&mut world);
    runs(&mut world);
    assert_eq!(status(&world).observed_generation, world.app.metadata.generation);
    assert_eq!((status(&world).execution_attempts, status(&world).attempt), (1, 2));
}

#[test]
fn an_edit_in_place_does_not() {
    let mut world = running(RestartPolicyType::Never, None);
    for step in [Step::Scale(2), Step::Policy(RestartPolicyType::Always, None), Step::Suspend(false)] {
        world.step(step);
        world.comes_to_rest();
        assert_eq!((world.state(), status(&world).attempt), (State::Running, 1));
        assert_eq!(status(&world).observed_generation, world.app.metadata.generation);
    }
}

#[test]
fn an_application_that_has_ended_runs_again_when_it_is_edited_and_not_else() {
    let mut world = running(RestartPolicyType::Never, None);
    ends(&mut world, false);
    pods_go(&mut world);
    world.step(Step::Scale(2));
    world.comes_to_rest();
    assert_eq!(world.state(), State::Failed, "the number of executors makes no run");
    world.step(Step::Edit);
    world.comes_to_rest();
    assert_eq!((world.state(), condition(&world, "Failed").as_deref()), (State::Invalidating, Some("False")));
    pods_go(&mut world);
    runs(&mut world);
    ends(&mut world, true);
    assert_eq!(world.state(), State::Completed);
}

#[test]
fn an_edit_at_the_very_end_is_not_lost() {
    let mut world = running(RestartPolicyType::Never, None);
    world.step(Step::Ends { pod: driver(&world), well: true, summary: true, lingers: false });
    world.step(Step::Edit);
    world.step(ALL);
    assert_eq!(world.state(), State::Completed, "what has ended has ended");
    world.comes_to_rest();
    assert_eq!(world.state(), State::Invalidating);
}

#[test]
fn a_spec_that_no_webhook_has_seen_is_held_to_the_same_rules() {
    let mut world = World::new(false);
    world.step(Step::Invalid(true));
    world.app.spec.executor.pod.memory_limit = Some("2".into());
    world.step(ALL);
    let message = status(&world).application_state.error_message.unwrap_or_default();
    assert_eq!((world.state(), world.reason().as_str()), (State::Failed, "InvalidSpec"));
    assert!(message.contains("spec.driver.memoryLimit") && message.contains("spec.executor.memoryLimit"), "{message}");
}
