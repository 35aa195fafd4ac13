//! Who would be given room and give way itself in one cycle, in sentences: nobody else goes for that.

use onager_core::queue::{Order, Reclaim};

use super::fixture::{World, cores};

/// Name, when it comes and for how long it runs, queue, executors, and cores of the driver and of each executor.
type Row = (&'static str, i64, i64, &'static str, u32, u64, u64);

fn with_apps(world: World, rows: &[Row]) -> World {
    rows.iter().fold(world, |world, (name, arrives, runs, queue, executors, driver, each)| {
        world.sized(name, queue, *driver, *executors, *each).after(*arrives).runs(*runs)
    })
}

/// When `first` ends, `small` and `other` are within the guarantee of `a`.
fn two_are_owed() -> World {
    World::of_nodes(&[5])
        .queue("a", |queue| queue.guarantee = cores(2))
        .queue("b", |_| {})
        .sized("first", "a", 2, 2, 1)
        .runs(37)
        .app("small", "a", 0)
        .app("other", "a", 0)
        .after(2)
}

#[test]
fn who_was_to_give_way_beside_one_that_does_not_start_after_all_goes_on() {
    // When `first` is done, `large` is to start, and `steady` gives way to `small`; but `large` gives way to `other`, and leaves
    // room for all.
    let world = two_are_owed().sized("large", "b", 2, 2, 1).after(3).app("steady", "b", 0).after(12);
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
    world = with_apps(
        world,
        &[
            ("a0", 40, 5, "q0", 1, 1, 1),
            ("a1", 5, 36, "q3", 1, 2, 2),
            ("a2", 0, 5, "q0", 3, 1, 2),
            ("a3", 0, 48, "q3", 2, 2, 2),
            ("a4", 1, 5, "q1", 4, 1, 1),
            ("a5", 3, 46, "q1", 1, 1, 2),
        ],
    );
    assert!(world.story("a5").iter().all(|line| !line.contains("evicted")), "{:?}", world.play());
}

#[test]
fn one_that_has_no_room_but_what_others_left_to_another_lets_that_one_start_first() {
    let mut world = World::of_nodes(&[2, 8, 2])
        .queue("q0", |queue| queue.weight = 2)
        .queue("q1", |queue| queue.weight = 3)
        .queue("q2", |_| {});
    world = with_apps(
        world,
        &[
            ("a0", 48, 5, "q1", 2, 2, 2),
            ("a1", 18, 5, "q2", 3, 1, 2),
            ("a2", 0, 23, "q0", 1, 1, 3),
            ("a3", 19, 30, "q0", 0, 2, 1),
        ],
    );
    world = with_apps(world.up_to(2).priority(1), &[("a4", 10, 16, "q1", 1, 1, 1)]);
    world = with_apps(world.up_to(6), &[("a5", 28, 5, "q1", 2, 1, 3)]).priority(1);
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
    let mut world = two_are_owed();
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
    world = with_apps(
        world,
        &[
            ("a0", 3, 5, "q0", 1, 1, 2),
            ("a1", 46, 27, "q0", 0, 1, 1),
            ("a2", 3, 5, "q2", 2, 2, 1),
            ("a3", 1, 46, "q1", 2, 1, 3),
            ("a4", 1, 5, "q1", 3, 1, 1),
        ],
    );
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

#[test]
fn what_a_claim_held_that_is_taken_back_is_another_s_at_once() {
    // `large` waits for what `extra` leaves, and holds what is free beside it. At 2 `urgent` takes its place and leaves a core,
    // after the turn of `small`.
    let world = World::of_nodes(&[10])
        .grace(30)
        .queue("a", |queue| queue.guarantee = cores(5))
        .queue("b", |_| {})
        .queue("c", |queue| (queue.guarantee, queue.reclaim) = (cores(2), Reclaim::Never))
        .app("running", "a", 4)
        .app("extra", "a", 1)
        .app("large", "b", 4)
        .after(1)
        .app("urgent", "b", 3)
        .after(2)
        .priority(1)
        .app("small", "c", 0)
        .after(2);
    assert_eq!(world.story("large").last().unwrap(), "2 waiting ClusterFull");
    assert_eq!(world.story("small"), ["2 admitted 0"]);
}
