//! Who gives way to whom, in sentences, each with a small world.

use onager_core::queue::{Preemption, Reclaim};

use super::fixture::{World, cores};

#[test]
fn what_nobody_else_wants_is_borrowed_and_taken_back() {
    let world = World::of_nodes(&[8])
        .queue("a", |queue| queue.guarantee = cores(4))
        .queue("b", |queue| queue.guarantee = cores(4));
    let mut world = world;
    for number in 0..4 {
        world = world.app(&format!("a{number}"), "a", 1).with(|job| job.app.created = number);
    }
    let world = world.app("b0", "b", 1).after(10).app("b1", "b", 1).after(20).app("b2", "b", 1).after(30);
    assert_eq!(
        &world.play()[4..],
        [
            "10 evicted a3 0",
            "10 admitted b0 1",
            "10 waiting a3 ClusterFull",
            "20 evicted a2 0",
            "20 admitted b1 1",
            "20 waiting a2 ClusterFull",
            "30 waiting b2 ClusterFull"
        ]
    );
}

#[test]
fn an_evicted_application_never_evicts_its_evictor_back() {
    let mut world = World::of_nodes(&[9]).queue("a", |_| {}).queue("b", |_| {});
    for number in 0..3 {
        world = world.app(&format!("a{number}"), "a", 2);
    }
    world = world.app("b0", "b", 2).after(10).app("b1", "b", 2).after(20);
    let evicted = world.play().into_iter().filter(|line| line.contains("evicted")).count();
    assert_eq!(evicted, 1, "4.5 cores each: a second gang of three would be more than b deserves");
}

#[test]
fn elastic_executors_take_what_is_free_and_give_way_first() {
    let world = World::of_nodes(&[10])
        .queue("a", |_| {})
        .queue("b", |_| {})
        .app("a0", "a", 1)
        .up_to(20)
        .app("b0", "b", 3)
        .after(10)
        .runs(10);
    assert_eq!(
        world.play(),
        [
            "0 admitted a0 1",
            "0 resized a0 9",
            "10 resized a0 5",
            "10 admitted b0 3",
            "20 completed b0 0",
            "20 resized a0 9"
        ]
    );
}

#[test]
fn elastic_executors_give_way_in_their_own_queue() {
    let world = World::of_nodes(&[6]).queue("q", |_| {}).app("a", "q", 1).up_to(9).app("b", "q", 2).after(5);
    assert_eq!(world.play(), ["0 admitted a 1", "0 resized a 5", "5 resized a 2", "5 admitted b 2"]);
    let never = world.queue("q", |queue| queue.preemption = Preemption::Never);
    assert_eq!(never.play(), ["0 admitted a 1", "0 resized a 5", "5 waiting b ClusterFull"]);
}

#[test]
fn a_higher_priority_evicts_a_lower_one_of_its_queue() {
    let world = World::of_nodes(&[4]).queue("q", |_| {}).app("low", "q", 3);
    let world = world.app("same", "q", 1).after(5).app("high", "q", 2).after(10).priority(9);
    assert_eq!(
        world.play(),
        [
            "0 admitted low 3",
            "5 waiting same ClusterFull",
            "10 evicted low 0",
            "10 admitted high 2",
            "10 waiting low ClusterFull"
        ]
    );
}

#[test]
fn who_reclaims_from_nobody_waits() {
    let world = World::of_nodes(&[4]).queue("a", |_| {}).app("a0", "a", 1).app("a1", "a", 1).app("b0", "b", 1).after(9);
    let policy = |reclaim| world.clone().queue("b", |queue| queue.reclaim = reclaim).story("b0");
    assert_eq!(policy(Reclaim::Never), ["9 waiting ClusterFull"]);
    assert_eq!(policy(Reclaim::LowerPriority), ["9 waiting ClusterFull"]);
    assert_eq!(policy(Reclaim::Any), ["9 admitted 1"]);
}

#[test]
fn usage_counts_until_pods_are_gone_and_what_they_leave_is_the_claimants() {
    let world = World::of_nodes(&[8])
        .queue("a", |_| {})
        .queue("b", |_| {})
        .app("a0", "a", 3)
        .app("a1", "a", 3)
        .after(1)
        .app("b0", "b", 3)
        .after(10)
        .app("a2", "a", 3)
        .after(15)
        .priority(7)
        .grace(30);
    assert_eq!(
        world.play(),
        [
            "0 admitted a0 3",
            "1 admitted a1 3",
            "10 evicted a1 0",
            "10 waiting a1 PodsLeaving",
            "10 waiting b0 WaitingForEvictions",
            "15 evicted a0 0",
            "15 waiting a2 WaitingForEvictions",
            "15 waiting a0 PodsLeaving",
            "40 admitted b0 3",
            "40 waiting a1 ClusterFull",
            "45 admitted a2 3",
            "45 waiting a0 ClusterFull"
        ]
    );
}

#[test]
fn a_guarantee_is_owed_whole_and_one_that_borrowed_gives_one_more_for_it() {
    // `b` deserves 6 of 10 cores, and its executors have 3: with two of them and its driver it has 7, with one less 4.
    let world = World::of_nodes(&[10])
        .queue("a", |queue| queue.guarantee = cores(4))
        .queue("b", |_| {})
        .sized("b0", "b", 1, 0, 3)
        .up_to(3)
        .app("a0", "a", 3)
        .after(10);
    assert_eq!(world.story("a0"), ["10 admitted 3"]);
    assert_eq!(world.story("b0"), ["0 admitted 0", "0 resized 3", "10 resized 1"]);
    let by_weight = world.clone().queue("a", |queue| queue.weight = 2).queue("b", |queue| queue.weight = 3);
    assert_eq!(by_weight.story("a0"), ["10 waiting ClusterFull"], "a share is no promise");
    let both = world.queue("b", |queue| queue.guarantee = cores(5));
    assert_eq!(both.story("a0"), ["10 waiting ClusterFull"], "what is guaranteed to `b` stays with it");
}

#[test]
fn for_a_guarantee_a_whole_application_goes_that_stands_on_both_sides_of_what_its_queue_deserves() {
    let world = World::of_nodes(&[10])
        .queue("a", |queue| queue.guarantee = cores(4))
        .queue("b", |_| {})
        .app("b0", "b", 3)
        .app("b1", "b", 3)
        .after(1)
        .app("a0", "a", 3)
        .after(10);
    assert_eq!(world.story("b1"), ["1 admitted 3", "10 evicted 0", "10 waiting ClusterFull"]);
    assert_eq!(world.story("b0"), ["0 admitted 3"]);
    assert_eq!(world.story("a0"), ["10 admitted 3"]);
}

#[test]
fn one_that_goes_whole_takes_its_executors_along_and_its_queue_keeps_what_it_deserves() {
    // `large` needs the node of `small`'s driver, not that of its executor; `b` deserves 3 cores then.
    let world = World::of_nodes(&[5, 8, 5, 2])
        .queue("a", |queue| queue.weight = 3)
        .queue("b", |_| {})
        .queue("c", |queue| queue.weight = 3)
        .app("first", "b", 1)
        .app("elastic", "b", 2)
        .up_to(5)
        .after(1)
        .sized("other", "c", 2, 3, 2)
        .after(2)
        .sized("large", "a", 2, 2, 2)
        .after(13)
        .app("small", "b", 0)
        .up_to(1)
        .after(13)
        .sized("later", "a", 2, 1, 1)
        .after(18);
    let at = |name: &str| world.story(name).into_iter().filter(|line| line.starts_with("18 ")).collect::<Vec<_>>();
    assert_eq!(at("large"), ["18 admitted 2"]);
    assert_eq!(at("small")[0], "18 evicted 0");
    assert_eq!(at("elastic"), ["18 resized 2"], "of 5 cores that are left it may give none");
}
