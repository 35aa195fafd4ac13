//! One rule, one sentence, one small world.

use onager_core::queue::{Name, Order, Provisioning, Shape, quota::OfClass};

use super::fixture::{World, cores};

#[test]
fn a_gang_starts_whole_or_waits() {
    let world = World::of_nodes(&[4, 4]).queue("q", |_| {}).app("a", "q", 7).app("b", "q", 1);
    assert_eq!(world.play(), ["0 admitted a 7", "0 waiting b ClusterFull"]);
    let world = World::of_nodes(&[3, 3, 3]).queue("q", |_| {}).sized("a", "q", 2, 3, 2);
    assert_eq!(world.play(), ["0 waiting a TooLarge"], "room in all is no room on nodes");
}

#[test]
fn one_that_waits_starts_when_another_ends() {
    let world = World::of_nodes(&[4]).queue("q", |_| {}).app("a", "q", 3).runs(10).app("b", "q", 2).after(1).runs(5);
    assert_eq!(
        world.play(),
        ["0 admitted a 3", "1 waiting b ClusterFull", "10 completed a 0", "10 admitted b 2", "15 completed b 0"]
    );
}

#[test]
fn without_a_queue_room_alone_counts() {
    let world = World::of_nodes(&[4]).app("a", "", 1).app("b", "", 2).app("c", "gone", 1);
    assert_eq!(world.play(), ["0 admitted a 1", "0 waiting b ClusterFull", "0 waiting c QueueMissing"]);
}

#[test]
fn queues_share_by_weight() {
    let mut world = World::of_nodes(&[12]).queue("a", |queue| queue.weight = 2).queue("b", |_| {});
    for number in 0..8 {
        world = world.app(&format!("a{number}"), "a", 1).app(&format!("b{number}"), "b", 1);
    }
    let admitted = world.play().into_iter().filter(|line| line.contains("admitted"));
    let of_a = admitted.clone().filter(|line| line.contains("admitted a")).count();
    assert_eq!((of_a, admitted.count()), (4, 6));
}

#[test]
fn a_queue_stays_within_its_capability_and_its_parents() {
    let parent = Some(Name::new("t", "p"));
    let world = World::of_nodes(&[20])
        .queue("p", |queue| queue.capability.set(0, 5000))
        .queue("a", |queue| (queue.parent, _) = (parent.clone(), queue.capability.set(0, 3000)))
        .queue("b", |queue| queue.parent = parent.clone())
        .app("a0", "a", 1)
        .app("a1", "a", 1)
        .app("b0", "b", 1)
        .app("b1", "b", 1)
        .app("p0", "p", 1);
    assert_eq!(
        world.play(),
        [
            "0 admitted a0 1",
            "0 admitted b0 1",
            "0 waiting a1 QueueFull",
            "0 waiting b1 QueueFull",
            "0 waiting p0 QueueHasChildren"
        ]
    );
}

#[test]
fn what_is_not_lent_is_kept_free() {
    let world = World::of_nodes(&[8])
        .queue("a", |queue| (queue.guarantee, queue.lendable) = (cores(4), false))
        .queue("b", |_| {})
        .app("b0", "b", 3)
        .app("b1", "b", 1)
        .app("a0", "a", 3)
        .after(10);
    assert_eq!(
        world.play(),
        ["0 admitted b0 3", "0 waiting b1 GuaranteeOfOthers", "10 admitted a0 3", "10 waiting b1 ClusterFull"]
    );
}

#[test]
fn in_strict_order_the_first_has_its_room_held() {
    let world = World::of_nodes(&[4, 4])
        .queue("q", |queue| queue.order = Order::StrictFifo)
        .app("a", "q", 2)
        .runs(100)
        .app("b", "q", 2)
        .runs(50)
        .sized("big", "q", 1, 1, 4)
        .after(1)
        .runs(10)
        .app("small", "q", 0)
        .after(2)
        .app("tiny", "q", 0)
        .after(2);
    let play = world.play();
    assert_eq!(&play[2..4], ["1 waiting big ClusterFull", "2 waiting small BehindInQueue"]);
    let limited = world.clone().queue("q", |queue| {
        queue.order = Order::StrictFifo;
        queue.capability.set(0, 7000);
    });
    assert_eq!(&limited.play()[2..4], ["1 waiting big QueueFull", "2 waiting small BehindInQueue"]);
    let best = world.queue("q", |_| {});
    assert!(best.play().contains(&"2 admitted small 0".to_string()));
}

#[test]
fn a_closed_queue_drains() {
    let world = World::of_nodes(&[4]).queue("q", |queue| queue.closed = true).app("b", "q", 1);
    let world = world.app("a", "q", 1).running_on(1).runs(10);
    assert_eq!(world.play(), ["0 waiting b QueueClosed", "10 completed a 0"]);
}

#[test]
fn so_many_applications_at_once_and_no_more() {
    let world = World::of_nodes(&[9])
        .queue("q", |queue| queue.max_applications = Some(1))
        .app("a", "q", 1)
        .runs(10)
        .app("b", "q", 1);
    assert_eq!(world.play(), ["0 admitted a 1", "0 waiting b MaxApplications", "10 completed a 0", "10 admitted b 1"]);
}

#[test]
fn a_namespaces_quota_is_checked_before_pods_are_made() {
    let world = World::of_nodes(&[20]).quota("requests.cpu", 4000).quota("pods", 5).queue("q", |_| {});
    let world = world.app("a", "q", 2).runs(10).app("b", "q", 1).app("c", "", 0);
    assert_eq!(
        world.play(),
        ["0 admitted a 2", "0 admitted c 0", "0 waiting b QuotaExceeded", "10 completed a 0", "10 admitted b 1"]
    );
}

#[test]
fn a_user_has_a_part_of_the_queue() {
    let mut world = World::of_nodes(&[20]).queue("q", |queue| queue.user_limit.set(0, 3000));
    for (name, user) in [("a", "ada"), ("b", "ada"), ("c", "bob")] {
        world = world.app(name, "q", 1).with(|job| job.app.user = user.into());
    }
    assert_eq!(world.play(), ["0 admitted a 1", "0 admitted c 1", "0 waiting b UserLimit"]);
}

#[test]
fn a_faulty_queue_stops_itself_alone() {
    let world = World::of_nodes(&[8])
        .queue("a", |queue| queue.parent = Some(Name::new("t", "b")))
        .queue("b", |queue| queue.parent = Some(Name::new("t", "a")))
        .queue("rich", |queue| queue.guarantee = cores(100))
        .queue("well", |_| {})
        .app("a0", "a", 1)
        .app("r0", "rich", 1)
        .app("w0", "well", 1);
    assert_eq!(world.play(), ["0 admitted w0 1", "0 waiting a0 QueueFaulty", "0 waiting r0 QueueFaulty"]);
}

#[test]
fn one_that_never_fits_says_so_and_is_in_nobodys_way() {
    let world = World::of_nodes(&[4]).queue("q", |queue| queue.order = Order::StrictFifo);
    let world = world.sized("huge", "q", 1, 1, 900).app("a", "q", 1).after(1);
    let play = world.play();
    assert_eq!(play[1], "1 admitted a 1");
}

#[test]
fn what_a_lost_node_held_is_made_again() {
    let world = World::of_nodes(&[4, 4]).queue("q", |_| {}).app("a", "q", 3).app("b", "q", 2);
    let mut player = world.player();
    player.lose(0, 5000);
    let mut events = Vec::new();
    while let Some(more) = player.step() {
        events.extend(more);
    }
    let text: Vec<String> = events
        .iter()
        .map(|event| format!("{} {}", event.kind.name(), player.snapshot.apps[event.app].name.name))
        .collect();
    assert_eq!(text, ["admitted a", "admitted b", "evicted a", "waiting a"]);
}

#[test]
fn a_quota_for_a_priority_class_counts_its_pods_alone() {
    let with = |classes: OfClass| {
        let mut world =
            World::of_nodes(&[20]).quota("pods", 2).queue("q", |_| {}).app("high", "q", 1).app("low", "q", 7);
        world.snapshot.quotas.get_mut("t").unwrap()[0].limits[0].classes = vec![classes];
        let (shapes, job) = (&mut world.snapshot.shapes, &mut world.jobs[0]);
        for shape in [&mut job.app.driver, &mut job.app.executor] {
            let classed = Shape { class: Some("high".into()), ..shapes.get(*shape).clone() };
            *shape = shapes.intern(classed);
        }
        world.play()
    };
    assert_eq!(with(OfClass::In(vec!["high".into()])), ["0 admitted high 1", "0 admitted low 7"]);
    assert_eq!(with(OfClass::NotIn(vec!["high".into()])), ["0 admitted high 1", "0 waiting low QuotaExceeded"]);
}

#[test]
fn a_guarantee_is_deserved_whatever_the_weights_say() {
    let world = World::of_nodes(&[8])
        .queue("a", |queue| queue.guarantee = cores(6))
        .queue("b", |queue| queue.weight = 9)
        .app("b0", "b", 1)
        .up_to(20)
        .app("a0", "a", 5)
        .after(10);
    assert_eq!(world.story("a0"), ["10 admitted 5"]);
    assert_eq!(world.queue("a", |_| {}).story("a0"), ["10 waiting ClusterFull"], "by weight it is less than one");
}

#[test]
fn what_one_may_not_have_the_others_deserve() {
    let world = World::of_nodes(&[8])
        .queue("a", |queue| (queue.weight, _) = (8, queue.capability.set(0, 2000)))
        .queue("b", |_| {})
        .queue("c", |_| {})
        .app("c0", "c", 1)
        .up_to(20)
        .app("a0", "a", 1)
        .up_to(20)
        .after(5)
        .app("a1", "a", 1)
        .after(5)
        .app("b0", "b", 2)
        .after(10);
    assert_eq!(world.story("b0"), ["10 admitted 2"]);
}

#[test]
fn what_one_namespace_may_not_have_does_not_hold_up_another_in_the_same_queue() {
    let world = World::of_nodes(&[20])
        .quota("pods", 2)
        .queue("q", |queue| queue.allowed_namespaces = vec!["u".into()])
        .app("a", "q", 1)
        .app("b", "q", 1)
        .app("c", "q", 1)
        .with(|job| job.app.name = Name::new("u", "c"));
    assert_eq!(world.play(), ["0 admitted a 1", "0 admitted c 1", "0 waiting b QuotaExceeded"]);
}

#[test]
fn a_smaller_gang_finds_what_a_larger_one_looked_for_in_vain() {
    // Queue `c` deserves 4 of its 8 cores, in applications of 3, 3 and 2: it can give 2 of them, and no more.
    let world = World::of_nodes(&[3, 3, 2])
        .queue("q", |_| {})
        .queue("c", |_| {})
        .app("c0", "c", 2)
        .running_on(1)
        .app("c1", "c", 2)
        .running_on(2)
        .app("c2", "c", 1)
        .running_on(3)
        .app("large", "q", 3)
        .after(10)
        .app("small", "q", 1)
        .after(10);
    assert_eq!(world.story("small"), ["10 admitted 1"]);
    assert_eq!(world.story("large"), ["10 waiting ClusterFull"]);
}

#[test]
fn where_nodes_are_made_for_pods_the_queues_limits_alone_count() {
    let world = World::of_nodes(&[2])
        .queue("q", |queue| (queue.provisioning, _) = (Provisioning::Autoscaled, queue.capability.set(0, 9000)))
        .app("a", "q", 4)
        .runs(10)
        .app("b", "q", 6)
        .after(1);
    assert_eq!(world.play(), ["0 admitted a 4", "1 waiting b QueueFull", "10 completed a 0", "10 admitted b 6"]);
}
