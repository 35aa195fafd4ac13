//! What sentences about a life are made of: how an application comes to run and ends, and what is looked at.

use super::world::{Step, World};
use onager_core::Role;
use onager_crds::{RestartPolicyType, SparkApplicationStatus, State};

pub const ALL: Step = Step::Reconcile { writes: usize::MAX };

pub fn status(world: &World) -> SparkApplicationStatus {
    world.app.status.clone().expect("a status")
}

pub fn condition(world: &World, kind: &str) -> Option<String> {
    status(world).conditions.into_iter().find(|condition| condition.type_ == kind).map(|condition| condition.status)
}

pub fn driver(world: &World) -> usize {
    world.pods.iter().position(|pod| pod.role == Role::Driver).expect("a driver")
}

pub fn live(world: &World) -> Vec<String> {
    let executors = world.pods.iter().filter(|pod| pod.role != Role::Driver && pod.is_live());
    executors.map(|pod| pod.name.clone()).collect()
}

/// All its pods run.
pub fn running(policy: RestartPolicyType, retries: Option<i32>) -> World {
    let mut world = World::new(false);
    world.step(Step::Policy(policy, retries));
    runs(&mut world);
    world
}

pub fn runs(world: &mut World) {
    world.comes_to_rest();
    (0..world.pods.len()).for_each(|pod| world.step(Step::Runs(pod)));
    world.comes_to_rest();
    assert_eq!(world.state(), State::Running);
}

pub fn ends(world: &mut World, well: bool) {
    world.step(Step::Ends { pod: driver(world), well, summary: well, lingers: false });
    world.comes_to_rest();
}

/// What is deleted goes.
pub fn pods_go(world: &mut World) {
    world.pods.retain(|pod| !pod.deleting);
    world.comes_to_rest();
}
