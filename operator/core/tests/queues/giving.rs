//! Who gives way to whom, in sentences, each with a small world.

use onager_core::queue::{Order, Preemption, Reclaim};

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

#[test]
fn who_was_to_give_way_beside_one_that_does_not_start_after_all_goes_on() {
    // When `first` is done, `large` is to start, and `steady` gives way to `small`; but `large` gives way to `other`, and leaves
    // room for all.
    let world = World::of_nodes(&[5])
        .queue("a", |queue| queue.guarantee = cores(2))
        .queue("b", |_| {})
        .sized("first", "a", 2, 2, 1)
        .runs(37)
        .app("small", "a", 0)
        .app("other", "a", 0)
        .after(2)
        .sized("large", "b", 2, 2, 1)
        .after(3)
        .app("steady", "b", 0)
        .after(12);
    assert_eq!(world.story("steady"), ["12 admitted 0"]);
    assert_eq!(world.story("small").last().unwrap(), "37 admitted 0");
    assert_eq!(world.story("other").last().unwrap(), "37 admitted 0");
}

#[test]
fn who_was_to_give_way_to_one_that_is_promised_their_very_place_goes_on_when_another_place_is_free() {
    let mut world = World::of_nodes(&[4, 6])
        .queue("q0", |queue| {
            (queue.guarantee, queue.order) = (cores(2), Order::StrictFifo);
            queue.capability.set(0, 2000);
        })
        .queue("q1", |queue| queue.weight = 2)
        .queue("q2", |_| {})
        .queue("q3", |queue| queue.guarantee = cores(4));
    for (name, arrives, runs, queue, executors, driver, each) in [
        ("a0", 40, 5, "q0", 1, 1, 1),
        ("a1", 5, 36, "q3", 1, 2, 2),
        ("a2", 0, 5, "q0", 3, 1, 2),
        ("a3", 0, 48, "q3", 2, 2, 2),
        ("a4", 1, 5, "q1", 4, 1, 1),
        ("a5", 3, 46, "q1", 1, 1, 2),
    ] {
        world = world.sized(name, queue, driver, executors, each).after(arrives).runs(runs);
    }
    assert!(world.story("a5").iter().all(|line| !line.contains("evicted")), "{:?}", world.play());
}

#[test]
fn one_that_has_no_room_but_what_others_left_to_another_lets_that_one_start_first() {
    let mut world = World::of_nodes(&[2, 8, 2])
        .queue("q0", |queue| queue.weight = 2)
        .queue("q1", |queue| queue.weight = 3)
        .queue("q2", |_| {});
    for (name, arrives, runs, queue, (executors, most), driver, each, priority) in [
        ("a0", 48, 5, "q1", (2, 2), 2, 2, 0),
        ("a1", 18, 5, "q2", (3, 3), 1, 2, 0),
        ("a2", 0, 23, "q0", (1, 1), 1, 3, 0),
        ("a3", 19, 30, "q0", (0, 2), 2, 1, 1),
        ("a4", 10, 16, "q1", (1, 6), 1, 1, 0),
        ("a5", 28, 5, "q1", (2, 2), 1, 3, 1),
    ] {
        world =
            world.sized(name, queue, driver, executors, each).up_to(most).priority(priority).after(arrives).runs(runs);
    }
    // Of its own, `a5` has no claim to the room that `a3` left to `a0`; once `a0` has it, its priority is higher.
    let at = |name: &str| world.story(name).into_iter().filter(|line| line.starts_with("48 ")).collect::<Vec<_>>();
    assert_eq!(at("a0"), ["48 admitted 2", "48 evicted 0", "48 waiting ClusterFull"]);
    assert_eq!(at("a5"), ["48 admitted 2"]);
    assert_eq!(at("a3").iter().filter(|line| line.contains("evicted")).count(), 1);
}

#[test]
fn in_strict_order_nobody_starts_before_one_that_would_have_given_way_at_once() {
    let mut world = World::of_nodes(&[5])
        .queue("a", |queue| queue.guarantee = cores(2))
        .queue("b", |queue| queue.order = Order::StrictFifo)
        .app("steady", "b", 0)
        .sized("first", "a", 2, 2, 1)
        .runs(37);
    world = world.app("small", "a", 0).after(1).app("other", "a", 0).after(2);
    world = world.sized("large", "b", 2, 2, 1).after(3).app("tiny", "b", 0).after(4);
    assert_eq!(world.story("tiny"), ["4 waiting ClusterFull", "37 waiting BehindInQueue"]);
    assert_eq!(world.story("steady"), ["0 admitted 0"]);
}

#[test]
fn however_many_are_alike_nobody_gives_way_for_what_they_would_not_keep() {
    let mut world = World::of_nodes(&[5])
        .queue("a", |queue| queue.guarantee = cores(2))
        .queue("b", |_| {})
        .sized("first", "a", 2, 2, 1)
        .runs(37)
        .app("small", "a", 0)
        .app("other", "a", 0)
        .after(2);
    for number in 0..40 {
        world = world.sized(&format!("large{number}"), "b", 2, 2, 1).after(3);
    }
    world = world.app("steady", "b", 0).after(12);
    assert_eq!(world.story("steady"), ["12 admitted 0"]);
    assert_eq!(world.story("other").last().unwrap(), "37 admitted 0");
}

#[test]
fn in_strict_order_nobody_starts_behind_one_whose_room_another_takes_in_the_same_moment() {
    let world = World::of_nodes(&[5])
        .queue("a", |queue| queue.guarantee = cores(2))
        .queue("b", |queue| queue.order = Order::StrictFifo)
        .app("before", "a", 3)
        .runs(15)
        .app("taker", "a", 1)
        .after(1)
        .app("head", "b", 3)
        .after(3)
        .app("behind", "b", 1)
        .after(4);
    assert_eq!(world.story("taker").last().unwrap(), "15 admitted 1");
    assert!(world.story("behind").iter().all(|line| !line.contains("admitted")), "{:?}", world.play());
}

#[test]
fn nobody_goes_since_one_of_its_queue_would_have_started_that_goes_beside_it() {
    // At 47 `a0`, with which `q0` had more than it deserves, and `a1` would both give way to `a4`: it has to be there first.
    let mut world = World::of_nodes(&[8])
        .queue("q0", |_| {})
        .queue("q1", |queue| queue.guarantee = cores(4))
        .queue("q2", |queue| queue.guarantee = cores(1));
    for (name, arrives, runs, queue, executors, driver, each) in [
        ("a0", 3, 5, "q0", 1, 1, 2),
        ("a1", 46, 27, "q0", 0, 1, 1),
        ("a2", 3, 5, "q2", 2, 2, 1),
        ("a3", 1, 46, "q1", 2, 1, 3),
        ("a4", 1, 5, "q1", 3, 1, 1),
    ] {
        world = world.sized(name, queue, driver, executors, each).after(arrives).runs(runs);
    }
    let lines = world.play();
    let at = |line: &str| lines.iter().position(|other| other == line);
    assert!(at("47 admitted a0 1") < at("47 evicted a1 0") && at("47 admitted a0 1").is_some(), "{lines:?}");
}

#[test]
fn an_executor_that_was_to_go_beside_one_that_does_not_start_after_all_stays() {
    let world = World::of_nodes(&[15])
        .queue("a", |queue| queue.guarantee = cores(7))
        .queue("b", |_| {})
        .sized("first", "a", 1, 10, 1)
        .runs(100)
        .sized("elastic", "b", 1, 0, 3)
        .up_to(1)
        .sized("large", "b", 1, 8, 1)
        .after(2)
        .app("small", "a", 4)
        .after(3)
        .app("other", "a", 1)
        .after(4);
    assert_eq!(world.story("elastic"), ["0 admitted 0", "0 resized 1"]);
    assert_eq!(world.story("small").last().unwrap(), "100 admitted 4");
    assert_eq!(world.story("other").last().unwrap(), "100 admitted 1");
}
