//! How long one cycle takes, by waiting applications, nodes and queues: `make bench-cycle`. The last line is JSON. Each cluster is
//! full: half of it of others' pods, the other half of applications in sixteen sizes, from queues two levels deep; then one
//! application ends, and what the next cycle takes is the price of a change.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::time::Instant;

use onager_core::{
    node::Node,
    queue::{Amounts, App, Name, QueueSpec, Shape, Site, Snapshot, Stage, cycle},
};

const GI: u64 = 1 << 30;
/// Waiting applications, nodes, queues: one of them grows at a time; then what the aim is set for.
const SIZES: &[(usize, usize, usize)] = &[
    (100, 1_000, 100),
    (1_000, 1_000, 100),
    (10_000, 1_000, 100),
    (100_000, 1_000, 100),
    (10_000, 100, 100),
    (10_000, 10_000, 100),
    (10_000, 1_000, 10),
    (10_000, 1_000, 1_000),
    (100_000, 5_000, 100),
    (100_000, 5_000, 1_000),
];
/// What a change at 100,000 waiting applications and 5,000 nodes may take, in milliseconds.
const AIM: f64 = 50.0;
/// How many changes are timed.
const CHANGES: usize = 9;

fn cluster(waiting: usize, nodes: usize, queues: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for number in 0..nodes {
        snapshot.nodes.push(Site {
            node: Node { name: format!("n{number:06}"), usable: true, ..Node::default() },
            allocatable: Amounts::of(16_000, 64 * GI, 110),
            foreign: Amounts::of(8_000, 32 * GI, 10),
        });
    }
    let tops = queues / 10;
    for number in 0..queues {
        let parent = (number >= tops).then(|| Name::new("t", &format!("q{:04}", number % tops)));
        let weight = 1 + number as u64 % 7;
        let spec = QueueSpec { parent, weight, ..QueueSpec::default() };
        snapshot.queues.insert(Name::new("t", &format!("q{number:04}")), spec);
    }
    // A node has room for four fifths of an application, on average.
    for number in 0..waiting + nodes * 4 / 5 {
        let leaf = tops + number % (queues - tops);
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

/// Has cycles decide until nothing is left to decide; answers how many decisions there were, and how long the first cycle took.
fn settle(snapshot: &mut Snapshot) -> (usize, f64) {
    let (mut decisions, mut first) = (0, None);
    loop {
        let start = Instant::now();
        let outcome = cycle(snapshot, 0);
        first.get_or_insert(start.elapsed().as_secs_f64() * 1e3);
        outcome.decisions.iter().for_each(|decision| decision.apply(snapshot, 0));
        // Pods are gone at once.
        snapshot.apps.iter_mut().for_each(|app| app.pods.gone());
        decisions += outcome.decisions.len();
        if !outcome.goes_on {
            return (decisions, first.unwrap());
        }
    }
}

fn main() {
    let mut rows = Vec::new();
    let mut worst: f64 = 0.0;
    println!(
        "{:>9} {:>7} {:>7} {:>8} {:>10} {:>11}",
        "waiting", "nodes", "queues", "running", "fill (ms)", "change (ms)"
    );
    for (waiting, nodes, queues) in SIZES.iter().copied() {
        let mut snapshot = cluster(waiting, nodes, queues);
        let (_, fill) = settle(&mut snapshot);
        let running = snapshot.apps.iter().filter(|app| app.stage != Stage::Waiting).count();
        let mut changes: Vec<f64> = (0..CHANGES)
            .map(|change| {
                let app = snapshot.apps.iter_mut().filter(|app| app.pods.driver.is_some()).nth(change * 7).unwrap();
                app.pods = Default::default();
                app.stage = Stage::Ended;
                settle(&mut snapshot).1
            })
            .collect();
        changes.sort_by(f64::total_cmp);
        let change = changes[CHANGES / 2];
        println!("{waiting:>9} {nodes:>7} {queues:>7} {running:>8} {fill:>10.1} {change:>11.1}");
        if (waiting, nodes) == (100_000, 5_000) {
            worst = worst.max(change);
        }
        rows.push(format!(
            "{{\"waiting\":{waiting},\"nodes\":{nodes},\"queues\":{queues},\"fill_ms\":{fill:.1},\"change_ms\":{change:.1}}}"
        ));
    }
    println!("{{\"aim_ms\":{AIM},\"change_ms\":{worst:.1},\"cycles\":[{}]}}", rows.join(","));
}
