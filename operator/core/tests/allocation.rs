//! What becomes of executors whose number follows the work: pods are made and taken back as dynamic allocation wants, one
//! that runs leaves when its driver has let it go, and is not counted as lost.

mod common;

use std::collections::BTreeSet;

use common::{UID, made, name_of};
use jiff::Timestamp;
use onager_core::{Action, Exit, Phase, Plan, PodSeen, Role, Seen, Settings, lifecycle};
use onager_crds::{ExecutorStatus, SparkApplication, SparkApplicationSpec, State};
use proptest::prelude::*;

struct World {
    app: SparkApplication,
    pods: Vec<PodSeen>,
    target: u32,
    drained: BTreeSet<u32>,
}

fn pod(role: Role, phase: Phase) -> PodSeen {
    PodSeen { phase, ..made(role, 1, format!("uid-of-{}", name_of(role))) }
}

impl World {
    /// A run with so many executors that run.
    fn new(executors: u32) -> Self {
        let spec: SparkApplicationSpec = serde_json::from_value(serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql",
            "dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 8},
        }))
        .expect("spec");
        let mut app = SparkApplication::new("app", spec);
        app.metadata.uid = Some(UID.into());
        app.metadata.generation = Some(1);
        let mut status = onager_crds::SparkApplicationStatus { attempt: 1, ..Default::default() };
        status.observed_generation = Some(1);
        status.application_state.state = State::Running;
        status.executors = Some(ExecutorStatus {
            wanted: executors,
            running: executors,
            summary: format!("{executors}/{executors}"),
            highest_index: executors,
            ..ExecutorStatus::default()
        });
        app.status = Some(status);
        let executor = (1..=executors).map(|index| pod(Role::Executor(index), Phase::Running));
        let pods = std::iter::once(pod(Role::Driver, Phase::Running)).chain(executor).collect();
        let mut world = Self { app, pods, target: executors, drained: BTreeSet::new() };
        // What else a status says of one that runs.
        world.look();
        world
    }

    fn seen(&self) -> Seen<'_> {
        let (drivers, executors): (Vec<PodSeen>, Vec<PodSeen>) =
            self.pods.iter().cloned().partition(|pod| pod.role == Role::Driver);
        Seen {
            app: &self.app,
            driver: drivers.into_iter().next(),
            executors,
            sides: Vec::new(),
            sides_missing: false,
            target: Some(self.target),
            drained: self.drained.clone(),
            shortage: None,
            place: None,
            evicted: None,
            held: None,
            refresh: true,
        }
    }

    /// Looks and carries the plan out.
    fn look(&mut self) -> Plan {
        let plan = lifecycle::plan(&self.seen(), &Settings::default(), Timestamp::UNIX_EPOCH);
        if let Some(status) = &plan.status {
            self.app.status = Some(status.clone());
        }
        for action in &plan.actions {
            match action {
                Action::CreateExecutor { index, .. } => self.pods.push(pod(Role::Executor(*index), Phase::Pending)),
                Action::DeletePod { name, .. } => {
                    self.pods.iter_mut().filter(|pod| pod.name == *name).for_each(|pod| pod.deleting = true)
                }
                _ => {}
            }
        }
        plan
    }

    fn executor(&mut self, index: u32) -> &mut PodSeen {
        self.pods.iter_mut().find(|pod| pod.role == Role::Executor(index)).expect("an executor")
    }

    fn status(&self) -> ExecutorStatus {
        self.app.status.clone().and_then(|status| status.executors).expect("executors")
    }

    /// Indexes of the executors that nobody asked to go.
    fn stay(&self) -> Vec<u32> {
        let stay = self.pods.iter().filter(|pod| !pod.deleting);
        stay.filter_map(|pod| if let Role::Executor(index) = pod.role { Some(index) } else { None }).collect()
    }
}

#[test]
fn as_many_as_are_wanted_are_made() {
    let mut world = World::new(1);
    world.target = 3;
    world.look();
    assert_eq!((world.stay(), world.status().wanted, world.status().summary.as_str()), (vec![1, 2, 3], 3, "1/3"));
}

#[test]
fn those_on_their_way_are_taken_back_and_those_that_run_stay() {
    let mut world = World::new(2);
    world.target = 4;
    world.look();
    world.executor(4).phase = Phase::Running;
    world.target = 1;
    world.look();
    assert_eq!((world.stay(), world.status().wanted), (vec![1, 2, 4], 3));
    assert!(world.look().is_quiet(), "and that is all");
}

#[test]
fn one_that_was_let_go_leaves_and_is_not_missed() {
    let mut world = World::new(3);
    world.target = 1;
    world.drained = [2].into();
    let plan = world.look();
    assert_eq!((world.stay(), world.status().wanted, plan.events), (vec![1, 3], 2, vec![]));
    // While it ends more are wanted again.
    world.target = 3;
    let plan = world.look();
    assert_eq!(world.stay(), [1, 3, 4]);
    assert!(plan.events.is_empty() && world.status().recent_failures.is_empty(), "it was not lost");
    world.executor(2).phase = Phase::Failed;
    assert!(world.look().is_quiet(), "however it ends");
}

#[test]
fn a_new_operator_takes_up_what_was_let_go() {
    let mut world = World::new(3);
    world.target = 1;
    world.drained = [2, 3].into();
    world.look();
    world.drained.clear();
    world.target = world.status().wanted;
    assert!(world.look().is_quiet(), "what is on its way out is gone for it");
    assert_eq!((world.stay(), world.status().wanted), (vec![1], 1));
}

#[test]
fn a_crash_is_told_also_where_nobody_takes_the_place() {
    let mut world = World::new(3);
    world.target = 1;
    let crashed = world.executor(3);
    crashed.phase = Phase::Failed;
    crashed.exit = Some(Exit { code: Some(137), reason: "Error".into(), ..Exit::default() });
    let plan = world.look();
    assert!(plan.actions.iter().any(|action| matches!(action, Action::TellExecutorLost { index: 3, .. })));
    assert_eq!((world.stay(), world.status().wanted, world.status().failed), (vec![1, 2], 2, 1));
    assert!(world.look().is_quiet(), "once");
}

#[test]
fn what_a_quota_refused_is_not_on_record() {
    let mut world = World::new(2);
    world.target = 4;
    world.look();
    world.pods.retain(|pod| pod.role != Role::Executor(4));
    let plan = lifecycle::undo_admission(&world.seen(), &Settings::default(), "exceeded quota", Timestamp::UNIX_EPOCH);
    let executors = plan.status.and_then(|status| status.executors).expect("executors");
    assert_eq!((executors.wanted, executors.highest_index, plan.actions), (3, 4, vec![]));
}

#[test]
fn an_application_begins_with_as_many_as_have_room_and_never_with_less_than_its_gang() {
    for (room, made) in [(None, 4), (Some(3), 3), (Some(0), 1)] {
        let mut world = World::new(0);
        world.app.spec.dynamic_allocation.as_mut().expect("options").initial_executors = Some(4);
        (world.app.status, world.pods) = (None, Vec::new());
        let seen = Seen {
            app: &world.app,
            driver: None,
            executors: Vec::new(),
            sides: Vec::new(),
            sides_missing: false,
            target: room,
            drained: BTreeSet::new(),
            shortage: None,
            place: None,
            evicted: None,
            held: None,
            refresh: true,
        };
        let plan = lifecycle::plan(&seen, &Settings::default(), Timestamp::UNIX_EPOCH);
        let executors = plan.actions.iter().filter(|action| matches!(action, Action::CreateExecutor { .. })).count();
        let wanted = plan.status.and_then(|status| status.executors).expect("executors").wanted;
        assert_eq!((executors, wanted), (made, made as u32), "{room:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_wanted_there_are_as_many_and_none_that_runs_is_stopped_unasked(
        steps in prop::collection::vec((1_u32..8, any::<prop::sample::Index>(), 0..4_u8), 1..40),
    ) {
        let mut world = World::new(2);
        for (target, which, what) in steps {
            world.target = target;
            let executors: Vec<u32> = world.stay();
            let at = (!executors.is_empty()).then(|| *which.get(&executors));
            match (what, at) {
                (0, Some(index)) => world.executor(index).phase = Phase::Running,
                (1, Some(index)) if world.executor(index).phase == Phase::Running => drop(world.drained.insert(index)),
                (2, _) => world.pods.retain(|pod| !pod.deleting),
                _ => {}
            }
            let ran: Vec<u32> = world.stay().into_iter().filter(|index| world.executor(*index).phase == Phase::Running).collect();
            world.look();
            let stay = world.stay();
            for index in ran {
                prop_assert!(stay.contains(&index) != world.drained.contains(&index), "{index} of {stay:?}");
            }
            prop_assert_eq!(stay.len() as u32, world.status().wanted);
            prop_assert!(stay.len() as u32 >= target);
            prop_assert!(world.look().is_quiet(), "S");
        }
    }
}
