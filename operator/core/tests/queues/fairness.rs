//! In the long run each queue has the part of a full cluster that its weight says, within 5 %, although whole gangs do not add up
//! to every part.

use onager_core::queue::Name;
use proptest::prelude::*;

use super::{fixture::World, worlds::cases};

const CORES: u64 = 100;

/// Core-seconds that each queue had from second 100 to second 400, when all have more to do than fits.
fn had(world: &World, queues: usize) -> Vec<f64> {
    let mut player = world.player();
    let mut had = vec![0.0; queues];
    let (mut before, mut uses) = (0, vec![0_u64; queues]);
    while before < 400_000 {
        // What runs when nothing comes any more before the end runs to the end.
        let at = player.next().unwrap_or(400_000).min(400_000);
        let span = (at - before.max(100_000)).max(0);
        for (had, uses) in had.iter_mut().zip(&uses) {
            *had += span as f64 / 1000.0 * *uses as f64;
        }
        if player.next() == Some(at) {
            player.step();
        }
        before = at;
        for (index, uses) in uses.iter_mut().enumerate() {
            let name = Name::new("t", &format!("q{index}"));
            let of_queue = player.snapshot.apps.iter().filter(|app| app.queue.as_ref() == Some(&name));
            *uses = of_queue.map(|app| u64::from(app.pods.staying()) + u64::from(app.pods.driver.is_some())).sum();
        }
    }
    had
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 0, ..cases(4) })]

    #[test]
    fn a_full_cluster_is_shared_by_weight(
        weights in proptest::collection::vec(1..5_u64, 2..5),
        courses in proptest::collection::vec(20..60_i64, 40),
    ) {
        let mut world = World::of_nodes(&[10; (CORES / 10) as usize]);
        for (index, weight) in weights.iter().enumerate() {
            let queue = format!("q{index}");
            world = world.queue(&queue, |queue| queue.weight = *weight);
            // Gangs of two cores are 2 % of the cluster; each queue has enough of them for all the time.
            for number in 0..600 {
                let runs = courses[number % courses.len()];
                world = world.app(&format!("a{index}-{number}"), &queue, 1).after((number % 7) as i64).runs(runs);
            }
        }
        let had = had(&world, weights.len());
        let total: f64 = had.iter().sum();
        let all: u64 = weights.iter().sum();
        prop_assert!(total >= 0.98 * 300.0 * CORES as f64, "a full cluster has {total} core-seconds");
        for (had, weight) in had.iter().zip(&weights) {
            let deserved = total * *weight as f64 / all as f64;
            prop_assert!((had - deserved).abs() <= 0.05 * deserved, "weight {weight} of {all}: {had} of {deserved}");
        }
    }
}
