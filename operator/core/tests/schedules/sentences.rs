//! What a schedule does, in sentences.

use std::collections::BTreeMap;

use onager_crds::{ConcurrencyPolicy, ScheduleState};

use super::world::{START, Step, World};

#[test]
fn each_time_has_its_run() {
    let mut world = World::new("@every 10s", ConcurrencyPolicy::Allow);
    world.live(45);
    assert_eq!(world.names(), [10, 20, 30, 40]);
    let status = world.object.status.clone().expect("status");
    assert_eq!(status.last_run_name.as_deref(), Some("nightly-1790000040"));
    assert_eq!(status.last_run.expect("time").0.as_second(), START + 40);
    assert_eq!(status.next_run.expect("time").0.as_second(), START + 50);
}

#[test]
fn forbid_skips_what_is_due_while_a_run_or_its_driver_works() {
    let mut world = World::new("@every 10s", ConcurrencyPolicy::Forbid);
    world.live(35);
    assert_eq!(world.names(), [10]);
    let reason = world.object.status.clone().expect("status").reason.expect("reason");
    assert!(reason.contains("nightly-1790000010 has not ended"), "{reason}");
    world.step(Step::Deleted(0));
    world.step(Step::Gone(0));
    world.live(10);
    assert_eq!(world.names(), [10], "its driver works on");
    world.step(Step::DriverGone(0));
    world.live(10);
    assert_eq!(world.names(), [10, 50]);
    assert_eq!(world.object.status.expect("status").reason, None);
}

#[test]
fn replace_starts_the_latest_when_the_earlier_one_and_its_driver_are_gone() {
    let mut world = World::new("@every 10s", ConcurrencyPolicy::Replace);
    world.live(25);
    assert!(world.runs[0].deleting && world.names() == [10]);
    world.step(Step::Gone(0));
    world.live(10);
    assert_eq!(world.names(), [10], "its driver works on");
    world.step(Step::DriverGone(0));
    world.live(1);
    assert_eq!(world.names(), [10, 30]);
}

#[test]
fn what_is_due_while_suspended_is_not_made_up_for() {
    let mut world = World::new("@every 10s", ConcurrencyPolicy::Allow);
    world.live(15);
    world.step(Step::Suspend(true));
    world.live(30);
    let status = world.object.status.clone().expect("status");
    assert!(status.next_run.is_none() && status.reason.expect("reason").contains("spec.suspend"));
    world.step(Step::Suspend(false));
    world.live(6);
    assert_eq!(world.names(), [10, 50]);
}

#[test]
fn an_invalid_schedule_says_so_and_recovers() {
    let mut world = World::new("61 * * * *", ConcurrencyPolicy::Allow);
    world.live(5);
    let status = world.object.status.clone().expect("status");
    assert_eq!(status.schedule_state, ScheduleState::FailedValidation);
    assert!(status.reason.expect("reason").contains("spec.schedule: \"61\" is not a minute"));
    world.step(Step::Schedule("@every 10s"));
    world.live(10);
    assert_eq!(world.names(), [10]);
    let status = world.object.status.expect("status");
    assert_eq!((status.schedule_state, status.reason), (ScheduleState::Scheduled, None));
}

#[test]
fn a_run_that_cannot_start_in_time_is_skipped() {
    let mut world = World::new("@every 1000s", ConcurrencyPolicy::Allow);
    world.step(Step::Deadline(Some(30)));
    world.live(1);
    world.step(Step::Away(1100));
    world.comes_to_rest();
    assert!(world.names().is_empty());
    assert!(world.object.status.clone().expect("status").reason.expect("reason").contains("within 30 s"));
    world.step(Step::Away(910));
    world.comes_to_rest();
    assert_eq!(world.names(), [2000]);
}

#[test]
fn history_keeps_the_newest() {
    let mut world = World::new("@every 10s", ConcurrencyPolicy::Allow);
    world.step(Step::History(2));
    for run in 0..6 {
        world.live(10);
        world.step(Step::Ends { run, well: run % 2 == 0 });
    }
    world.comes_to_rest();
    let status = world.object.status.clone().expect("status");
    assert_eq!(status.past_successful_run_names, ["nightly-1790000050", "nightly-1790000030"]);
    assert_eq!(status.past_failed_run_names, ["nightly-1790000060"]);
    let deleted: BTreeMap<&str, bool> = world.runs.iter().map(|run| (run.name.as_str(), run.deleting)).collect();
    assert_eq!(deleted.values().filter(|deleted| **deleted).count(), 3);
}
