//! Ten thousand pods as gangs of several sizes, on a thousand fake nodes: how many a second come to be bound, from the first
//! create of an application on. Beside it the limit, a bare client that makes the same pods bound, before and after; and
//! kube-scheduler, which binds the same pods one by one. The last line is JSON.

mod bare;
mod gangs;
mod pace;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use onager_e2e::bench::{operator, processor_seconds, requests, resident, scale_operator};
use onager_e2e::fleet::Fleet;
use onager_e2e::{ground, replay};
use serde_json::{Map, json};

use crate::bare::Mold;
use crate::pace::{Pace, two};

const PODS: usize = 10_000;
/// Of how many pods the gangs of each shape are, beside the one of all.
const SIZES: [usize; 3] = [500, 50, 5];

#[tokio::main]
async fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>());
    let pods = numbers.next().unwrap_or(Ok(PODS))?;
    let mut sizes = numbers.collect::<Result<Vec<usize>, _>>()?;
    let all = sizes.is_empty();
    if all {
        sizes = std::iter::once(pods).chain(SIZES).filter(|size| *size <= pods).collect();
    }
    ensure!(sizes.iter().all(|size| (2..=pods).contains(size)), "a gang has two pods or more, and at most {pods}");
    let cluster = ground::cluster()?;
    let client = ground::client_without_retry(&cluster).await?;
    let nodes = gangs::size_nodes(&client).await?;
    ensure!(pods <= nodes.len() * 15, "{pods} pods do not fit on {} nodes with room for 15 each", nodes.len());
    let served = Fleet::new(client.clone(), cluster.kubectl(), "bench-gangs", true).await?;
    let bare = Fleet::new(client.clone(), cluster.kubectl(), "bench-bare", false).await?;
    gangs::queue(&served, cluster.kubectl()).await?;
    let mold = Arc::new(Mold::of(&served, &bare).await.context("one gang to learn from")?);
    gangs::clear(&served).await?;

    // Nobody else works meanwhile.
    scale_operator(&client, cluster.name(), 0).await?;
    let before = one_by_one(&bare, &mold, pods, &nodes, "the bare client, before").await?;
    // It may leave a few for its next look at those that failed, minutes later.
    let scheduler = match all {
        true => Some(one_by_one(&bare, &mold, pods, &[], "kube-scheduler").await?),
        false => None,
    };
    scale_operator(&client, cluster.name(), 1).await?;
    replay::settles(&served).await?;

    let mut turns = Vec::new();
    for size in sizes {
        let gangs = pods / size;
        let shape = format!("{gangs}x{size}");
        let pace = as_gangs(&served, cluster.name(), gangs, size, &shape).await?;
        turns.push((shape, pace));
    }
    let (rss, cpu) = {
        let process = operator(cluster.name())?;
        (resident(process)?, processor_seconds(process)?)
    };
    scale_operator(&client, cluster.name(), 0).await?;
    let after = one_by_one(&bare, &mold, pods, &nodes, "the bare client, after").await?;

    let limit = (before.rate() + after.rate()) / 2.0;
    let least = turns.iter().map(|(_, pace)| pace.rate() / limit).fold(f64::INFINITY, f64::min);
    let shapes: Map<_, _> = turns.iter().map(|(shape, pace)| (shape.clone(), pace.figures(limit))).collect();
    let figures = json!({
        "pods": pods,
        "nodes": nodes.len(),
        "min_ratio_to_limit": two(least),
        "shapes": shapes,
        "limit": {
            "pods_per_second": limit.round(),
            "longest_pause_ms": before.longest_pause.max(after.longest_pause).as_millis(),
        },
        "kube_scheduler": scheduler.map(|scheduler| scheduler.figures(limit)),
        "kube_scheduler_left": scheduler.map(|scheduler| pods - scheduler.pods),
        "operator_rss_mb": rss,
        "operator_cpu_s": two(cpu),
    });
    println!("{figures}");
    Ok(())
}

/// The same pods without gangs: bound to these nodes by who makes them, or by kube-scheduler.
async fn one_by_one(bare: &Fleet, mold: &Arc<Mold>, pods: usize, nodes: &[String], who: &str) -> Result<Pace> {
    let pace = pace::time(bare, pods, mold.play(bare, pods, nodes)).await?;
    pace.tell(who);
    bare::sweep(bare).await?;
    Ok(pace)
}

/// So many gangs of so many pods, made and bound by the operator.
async fn as_gangs(served: &Fleet, cluster: &str, gangs: usize, each: usize, shape: &str) -> Result<Pace> {
    let process = operator(cluster)?;
    let (asked, used) = (requests(&served.client).await?, processor_seconds(process)?);
    // No name comes twice: what is late to delete the pods of the last shape does so by their names.
    let applications: Result<Vec<_>> = (0..gangs).map(|gang| gangs::gang(&format!("g{each}-{gang}"), each)).collect();
    let pace = pace::time(served, gangs * each, served.create_these(applications?)).await?;
    pace.tell(&format!("the operator, {shape}"));
    ensure!(pace.pods == gangs * each, "not all gangs of {shape} are whole");
    replay::settles(served).await?;
    let used = processor_seconds(process)? - used;
    let grown = requests(&served.client).await?.into_iter().map(|(what, count)| {
        let before = asked.get(&what).copied().unwrap_or(0);
        (what, count - before)
    });
    let grown: Vec<String> =
        grown.filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
    eprintln!("    {used:.1} s of the operator's processor time; requests: {}", grown.join(", "));
    gangs::clear(served).await?;
    replay::settles(served).await?;
    Ok(pace)
}
