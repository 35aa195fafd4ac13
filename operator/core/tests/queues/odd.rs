//! Odd moments of a cluster: pods that nobody expects, pods without a node, gangs that lost some of theirs.

use onager_core::queue::{Amounts, Decision, Name, Order, Outcome, Shape, Snapshot, Stage, cycle, snapshot::NOWHERE};

use super::fixture::{World, cores};

/// What is decided while all of a world's applications are there.
fn decided(world: &World, change: impl FnOnce(&mut Snapshot)) -> (Outcome, Vec<String>) {
    let mut snapshot = world.snapshot.clone();
    snapshot.apps = world.jobs.iter().map(|job| job.app.clone()).collect();
    change(&mut snapshot);
    let outcome = cycle(&snapshot, 0);
    let say = |decision: &Decision| {
        let name = &snapshot.apps[decision.app()].name.name;
        match decision {
            Decision::Admit { placement, .. } => format!("admit {name} {:?}", placement.executors),
            Decision::Grow { executors, .. } => format!("grow {name} {executors:?}"),
            Decision::Shrink { .. } => format!("shrink {name}"),
            Decision::Evict { .. } => format!("evict {name}"),
        }
    };
    let said = outcome.decisions.iter().map(say).collect();
    (outcome, said)
}

#[test]
fn one_that_waits_and_has_pods_gets_no_second_driver() {
    let world = World::of_nodes(&[9]).queue("q", |_| {}).app("a", "q", 1).running_on(1);
    let (outcome, said) = decided(&world, |snapshot| snapshot.apps[0].stage = Stage::Waiting);
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(outcome.blocks[outcome.waiting[0].block].reason(), "PodsLeaving");
}

#[test]
fn in_a_queue_that_cannot_be_used_what_runs_goes_on_and_does_not_grow() {
    let world = World::of_nodes(&[9]).queue("q", |queue| queue.parent = Some(Name::new("t", "gone"))).app("a", "q", 1);
    let world = world.running_on(1).up_to(5);
    assert!(decided(&world, |_| {}).1.is_empty());
    let without = |snapshot: &mut Snapshot| snapshot.queues.clear();
    assert!(decided(&world, without).1.is_empty(), "nor where the queue is gone");
}

#[test]
fn a_gang_that_lost_executors_is_whole_before_another_starts() {
    let world = World::of_nodes(&[4]).queue("q", |_| {}).queue("r", |queue| queue.weight = 9).app("a", "q", 2);
    let world = world.running_on(1).app("b", "r", 0);
    let lost = |snapshot: &mut Snapshot| {
        snapshot.apps[0].pods.executors.clear();
        snapshot.nodes[0].foreign = cores(1);
    };
    let (_, said) = decided(&world, lost);
    assert_eq!(said, ["grow a [(0, 2)]"]);
}

#[test]
fn pods_that_are_bound_to_no_node_yet_take_room() {
    let world = World::of_nodes(&[4]).queue("q", |_| {}).app("a", "q", 2).running_on(1).app("b", "q", 1);
    let unbound = |snapshot: &mut Snapshot| {
        let pods = &mut snapshot.apps[0].pods;
        pods.driver = Some(NOWHERE);
        pods.executors = [(NOWHERE, 2)].into();
    };
    let (outcome, said) = decided(&world, unbound);
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(outcome.blocks[outcome.waiting[0].block].reason(), "ClusterFull");
}

#[test]
fn in_strict_order_room_is_held_for_the_first_alone() {
    // 8 of 16 cores are free, 2, 2 and 4 on a node. The first has 7 held for it; holding 6 for the second too would keep the
    // third waiting.
    let world = World::of_nodes(&[6, 6, 4])
        .queue("q", |queue| queue.order = Order::StrictFifo)
        .app("runs", "q", 3)
        .running_on(1)
        .app("beside", "q", 3)
        .running_on(2)
        .sized("first", "q", 1, 1, 6)
        .sized("second", "q", 2, 1, 4)
        .app("third", "q", 0);
    let created = |snapshot: &mut Snapshot| {
        for (number, app) in snapshot.apps.iter_mut().enumerate() {
            app.created = number as i64;
        }
    };
    let (_, said) = decided(&world, created);
    assert_eq!(said, ["admit third []"]);
}

#[test]
fn who_is_rich_in_what_is_not_short_gives_nothing() {
    // CPU is short. `b` has three times the memory that it deserves and little CPU; `c` has the CPU.
    let apps = [
        ("b0", 1000, 25),
        ("b1", 1000, 25),
        ("c0", 4000, 1),
        ("c1", 2000, 1),
        ("c2", 2000, 1),
        ("c3", 2000, 1),
        ("a0", 5000, 5),
        ("a1", 1000, 50),
    ];
    let mut world = World::of_nodes(&[12]).queue("a", |queue| queue.weight = 3).queue("b", |_| {}).queue("c", |_| {});
    for (name, _, _) in apps {
        world = world.app(name, &name[..1], 0);
        if !name.starts_with('a') {
            world = world.running_on(1);
        }
    }
    let (_, said) = decided(&world, |snapshot| {
        for (number, (_, cpu, memory)) in apps.into_iter().enumerate() {
            let requests = Amounts::of(cpu, memory, 1);
            snapshot.apps[number].driver = snapshot.shapes.intern(Shape { requests, ..Shape::default() });
            snapshot.apps[number].created = number as i64;
        }
        snapshot.nodes[0].allocatable.set(1, 60);
    });
    assert_eq!(said, ["evict c1", "evict c2", "evict c3"]);
}

#[test]
fn one_that_did_not_come_up_is_not_tried_before_its_time() {
    let world = World::of_nodes(&[9]).queue("q", |_| {}).app("a", "q", 1);
    let (outcome, said) = decided(&world, |snapshot| snapshot.apps[0].not_before = Some(1));
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(outcome.blocks[outcome.waiting[0].block].reason(), "BackOff");
    assert_eq!(decided(&world, |snapshot| snapshot.apps[0].not_before = Some(0)).1.len(), 1);
}
