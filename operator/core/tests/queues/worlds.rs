//! Random worlds, small enough that everything in them meets everything else.

use onager_core::queue::{Name, Order, Preemption, Provisioning, QueueSpec, Reclaim};
use proptest::prelude::*;

use super::{
    fixture::{Edit, World, cores},
    soak::{asked, config},
};

/// How many cases a property is tried on.
pub fn cases(default: u32) -> ProptestConfig {
    let cases = asked(default.into(), default.into()).0.try_into().unwrap_or(u32::MAX);
    ProptestConfig { max_shrink_iters: 20_000, ..config(cases, 0) }
}

fn spec(above: Vec<String>) -> impl Strategy<Value = QueueSpec> {
    let parent = prop_oneof![2 => Just(None), 3 => proptest::option::of(proptest::sample::select(above))];
    let policy = (
        prop_oneof![4 => Just(Order::BestEffortFifo), 1 => Just(Order::StrictFifo)],
        prop_oneof![4 => Just(Reclaim::Any), 1 => Just(Reclaim::LowerPriority), 1 => Just(Reclaim::Never)],
        prop_oneof![3 => Just(Preemption::LowerPriority), 1 => Just(Preemption::Never)],
        prop_oneof![6 => Just(true), 1 => Just(false)],
    );
    let limits = (
        prop_oneof![2 => Just(0_u64), 1 => 1..5_u64],
        prop_oneof![2 => Just(None), 1 => (2..14_u64).prop_map(Some)],
        prop_oneof![6 => Just(None), 1 => (1..3_u32).prop_map(Some)],
    );
    (parent, 1..4_u64, policy, limits).prop_map(|(parent, weight, policy, (guarantee, capability, most))| {
        let mut spec = QueueSpec {
            parent: parent.map(|name| Name::new("t", &name)),
            weight,
            guarantee: cores(guarantee),
            order: policy.0,
            reclaim: policy.1,
            preemption: policy.2,
            lendable: policy.3,
            max_applications: most,
            provisioning: Provisioning::Fixed,
            ..QueueSpec::default()
        };
        if let Some(capability) = capability {
            spec.capability.set(0, capability * 1000);
        }
        spec
    })
}

fn queues() -> impl Strategy<Value = Vec<QueueSpec>> {
    // A later queue may be below an earlier one.
    let names = |count: usize| (0..count).map(|index| format!("q{index}")).collect::<Vec<String>>();
    (spec(names(1)), spec(names(1)), spec(names(2)), spec(names(3)), spec(names(3)), 1..6_usize).prop_map(
        |(a, b, c, d, e, count)| {
            let mut queues = vec![QueueSpec { parent: None, ..a }, b, c, d, e];
            queues.truncate(count);
            queues
        },
    )
}

prop_compose! {
    /// Applications, each with its queue's number, its size and its course.
    fn job()(
        queue in 0..5_usize,
        driver in 1..3_u64,
        executors in 0..5_u32,
        each in 1..4_u64,
        more in prop_oneof![2 => Just(0_u32), 1 => 1..9_u32],
        priority in prop_oneof![4 => Just(0_i64), 1 => 1..3_i64],
        arrives in 0..60_i64,
        runs in 5..90_i64,
        user in 0..2_u8,
    ) -> (usize, u64, u32, u64, u32, i64, i64, i64, u8) {
        (queue, driver, executors, each, more, priority, arrives, runs, user)
    }
}

fn edit() -> impl Strategy<Value = (i64, Edit)> {
    let what = prop_oneof![
        (0..5_usize, 1..12_u64).prop_map(|(queue, cores)| Edit::Capability(queue, cores)),
        (0..5_usize, any::<bool>()).prop_map(|(queue, closed)| Edit::Closed(queue, closed)),
        (2..20_u64).prop_map(Edit::Quota),
    ];
    (0..90_i64, what)
}

/// Any world whose applications all end.
pub fn worlds() -> impl Strategy<Value = World> {
    let nodes = proptest::collection::vec(2..9_u64, 1..5);
    let quota = prop_oneof![4 => Just(None), 1 => (4..20_u64).prop_map(Some)];
    let grace = prop_oneof![1 => Just(0_i64), 1 => Just(7)];
    let lost = prop_oneof![4 => Just(None), 1 => (0..4_usize, 0..80_i64).prop_map(Some)];
    let edits = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(edit(), 1..4)];
    (nodes, queues(), proptest::collection::vec(job(), 1..14), quota, grace, lost, edits).prop_map(
        |(nodes, queues, jobs, quota, grace, lost, edits)| {
            let count = queues.len();
            let mut world = World::of_nodes(&nodes).grace(grace);
            world.edits = edits;
            world.edits.sort_by_key(|(second, _)| *second);
            for (index, spec) in queues.into_iter().enumerate() {
                world = world.queue(&format!("q{index}"), |own| *own = spec);
            }
            if let Some(quota) = quota {
                world = world.quota("requests.cpu", quota * 1000);
            }
            for (index, job) in jobs.into_iter().enumerate() {
                let (queue, driver, executors, each, more, priority, arrives, runs, user) = job;
                world = world
                    .sized(&format!("a{index}"), &format!("q{}", queue % count), driver, executors, each)
                    .up_to((executors + more).max(1))
                    .priority(priority)
                    .after(arrives)
                    .runs(runs)
                    .with(|job| job.app.user = format!("user{user}"));
            }
            match lost {
                Some((node, second)) => world.lost(node % nodes.len() + 1, second),
                None => world,
            }
        },
    )
}
