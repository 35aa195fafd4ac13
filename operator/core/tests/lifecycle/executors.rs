//! Executors in sentences: how many there are, whose room they have, and what becomes of a gang that gives way or is not whole.

use super::{
    scenes::*,
    world::{Step, World},
};
use onager_core::{Phase, Role};
use onager_crds::{RestartPolicyType, State};

#[test]
fn executors_that_were_made_without_their_driver_have_their_room_until_they_are_gone() {
    let mut world = World::new(false);
    world.step(ALL);
    // The operator was killed before it made the driver, and after it made the others.
    world.pods.remove(driver(&world));
    world.comes_to_rest();
    let executors = |world: &World| world.pods.iter().filter(|pod| pod.role != Role::Driver).count();
    assert_eq!((world.pods[driver(&world)].attempt, executors(&world)), (2, 3), "no more than were asked for");
    pods_go(&mut world);
    assert_eq!((executors(&world), live(&world).len()), (3, 3));
    assert!(world.pods.iter().all(|pod| pod.attempt == 2));
}

#[test]
fn executors_leave_and_come_with_the_number_that_is_asked_for() {
    let mut world = running(RestartPolicyType::Never, None);
    world.step(Step::Scale(1));
    world.comes_to_rest();
    assert_eq!(live(&world), ["app-exec-1"], "the highest index goes first");
    world.step(Step::Scale(2));
    world.comes_to_rest();
    let executors = status(&world).executors.expect("executors");
    assert_eq!(executors.recent_failures, [], "who was told to go is not lost");
    // They end well, and stay visible.
    for pod in 0..world.pods.len() {
        if world.pods[pod].deleting {
            world.step(Step::Ends { pod, well: true, summary: false, lingers: false });
        }
    }
    world.step(Step::Scale(3));
    world.comes_to_rest();
    assert_eq!(live(&world), ["app-exec-1", "app-exec-4", "app-exec-5"]);
}

#[test]
fn nobody_takes_the_place_of_an_executor_that_was_sent_home_at_the_end() {
    let mut world = running(RestartPolicyType::Never, None);
    world.step(Step::Ends { pod: 1, well: true, summary: false, lingers: false });
    world.comes_to_rest();
    assert_eq!(live(&world).len(), 2);
    world.step(Step::Seconds(60));
    world.comes_to_rest();
    assert_eq!(live(&world).len(), 3, "the driver went on without it");
}

#[test]
fn dynamic_allocation_takes_back_what_does_not_run_yet_and_stops_nobody_at_work() {
    let mut world = World::new(false);
    world.comes_to_rest();
    for pod in 0..3 {
        world.step(Step::Runs(pod));
    }
    world.step(Step::Target(Some(1)));
    world.comes_to_rest();
    assert_eq!(live(&world), ["app-exec-1", "app-exec-2"]);
    world.step(Step::Drained(2));
    world.step(Step::Target(Some(4)));
    world.comes_to_rest();
    assert_eq!(live(&world), ["app-exec-1", "app-exec-4", "app-exec-5", "app-exec-6"], "who is let go is not counted");
}

#[test]
fn who_gives_way_waits_again_and_no_failure_is_counted() {
    let mut world = running(RestartPolicyType::Never, None);
    world.step(Step::Evicted);
    world.room = false;
    world.step(ALL);
    let evicted = status(&world);
    assert_eq!(
        (evicted.application_state.state, evicted.failed_attempts, evicted.submission_attempts),
        (State::Queued, 0, 0)
    );
    assert!(world.pods.iter().all(|pod| pod.deleting), "all of it goes, its driver too: {:?}", world.pods);
    pods_go(&mut world);
    world.room = true;
    runs(&mut world);
    ends(&mut world, true);
    world.comes_to_rest();
    assert_eq!(world.state(), State::Completed);
}

#[test]
fn a_gang_that_finds_no_nodes_in_its_time_is_undone_whole() {
    let mut world = World::new(false);
    world.step(ALL);
    let executor = world.pods.iter().position(|pod| pod.role == Role::Executor(2)).expect("it");
    world.step(Step::Unschedulable(executor));
    world.step(Step::Seconds(301));
    world.step(ALL);
    let undone = status(&world);
    assert_eq!((undone.application_state.state, undone.submission_attempts), (State::Queued, 0));
    assert_eq!(undone.application_state.reason.as_deref(), Some("GangTimeout"));
    assert!(world.pods.iter().all(|pod| pod.deleting), "{:?}", world.pods);
}

#[test]
fn executors_that_ended_stay_where_that_is_asked_for_and_those_that_work_do_not() {
    let mut world = World::new(true);
    runs(&mut world);
    let failed = world.pods.iter().position(|pod| pod.role == Role::Executor(1)).expect("it");
    world.step(Step::Ends { pod: failed, well: false, summary: false, lingers: false });
    world.comes_to_rest();
    assert_eq!(live(&world).len(), 3, "its place is given to another");
    ends(&mut world, true);
    assert_eq!(live(&world).len(), 3, "they are about to end by themselves");
    let home = world.pods.iter().position(|pod| pod.role == Role::Executor(2)).expect("it");
    world.step(Step::Ends { pod: home, well: true, summary: false, lingers: false });
    world.step(Step::Seconds(30));
    world.comes_to_rest();
    pods_go(&mut world);
    let left: Vec<(&str, Phase)> = world.pods.iter().map(|pod| (pod.name.as_str(), pod.phase)).collect();
    assert_eq!(
        left,
        [("app-driver", Phase::Succeeded), ("app-exec-1", Phase::Failed), ("app-exec-2", Phase::Succeeded)]
    );
}
