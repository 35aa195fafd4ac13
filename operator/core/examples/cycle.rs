//! How long one cycle takes, by waiting applications, nodes and queues: `cargo run --release --example cycle`. The last line is
//! JSON. In each cluster half of the room is taken, queues are two levels deep, and applications come in sixteen shapes.

use std::time::Instant;

use onager_core::{
    admission::Node,
    queue::{Amounts, App, Name, QueueSpec, Shape, Site, Snapshot, cycle},
};

const GI: u64 = 1 << 30;

fn cluster(waiting: usize, nodes: usize, queues: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for number in 0..nodes {
        snapshot.nodes.push(Site {
            node: Node { name: format!("n{number:06}"), usable: true, ..Node::default() },
            allocatable: Amounts::of(16_000, 64 * GI, 110),
            foreign: Amounts::of(8_000, 32 * GI, 10),
        });
    }
    for number in 0..queues {
        let parent = (number >= 10).then(|| Name::new("t", &format!("q{:04}", number % 10)));
        let weight = 1 + number as u64 % 7;
        snapshot
            .queues
            .insert(Name::new("t", &format!("q{number:04}")), QueueSpec { parent, weight, ..QueueSpec::default() });
    }
    for number in 0..waiting {
        let leaf = if queues > 10 { 10 + number % (queues - 10) } else { number % queues };
        let cores = 1 + number as u64 % 4;
        let requests = Amounts::of(cores * 1000, cores * 4 * GI, 1);
        let executor = snapshot.shapes.intern(Shape { limits: requests.clone(), requests, ..Shape::default() });
        let driver = Amounts::of(1000, 2 * GI, 1);
        let driver = snapshot.shapes.intern(Shape { limits: driver.clone(), requests: driver, ..Shape::default() });
        let minimum = 2 + number as u32 / 4 % 4;
        snapshot.apps.push(App {
            name: Name::new("t", &format!("a{number:06}")),
            queue: Some(Name::new("t", &format!("q{leaf:04}"))),
            created: number as i64,
            driver,
            executor,
            minimum,
            wanted: minimum + number as u32 % 3,
            ..App::default()
        });
    }
    snapshot
}

fn main() {
    let mut rows = Vec::new();
    for (waiting, nodes, queues) in [
        (100, 100, 10),
        (1_000, 1_000, 100),
        (10_000, 5_000, 100),
        (10_000, 5_000, 1_000),
        (100_000, 5_000, 1_000),
        (100_000, 10_000, 1_000),
    ] {
        let mut snapshot = cluster(waiting, nodes, queues);
        let start = Instant::now();
        let outcome = cycle(&snapshot, 0);
        let first = start.elapsed();
        for decision in &outcome.decisions {
            decision.apply(&mut snapshot, 0);
        }
        // One ends; what follows is what a change of one application costs.
        if let Some(app) = snapshot.apps.iter_mut().find(|app| app.pods.driver.is_some()) {
            app.pods = Default::default();
            app.stage = onager_core::queue::Stage::Ended;
        }
        let start = Instant::now();
        let next = cycle(&snapshot, 1);
        let second = start.elapsed();
        println!(
            "{waiting:>7} waiting {nodes:>6} nodes {queues:>5} queues: {:>6} decisions in {first:>10.1?}, then {} in {second:>10.1?}",
            outcome.decisions.len(),
            next.decisions.len(),
        );
        rows.push(format!(
            "{{\"waiting\":{waiting},\"nodes\":{nodes},\"queues\":{queues},\"fill_ms\":{:.1},\"change_ms\":{:.1}}}",
            first.as_secs_f64() * 1e3,
            second.as_secs_f64() * 1e3
        ));
    }
    println!("{{\"cycles\":[{}]}}", rows.join(","));
}
