//! A thousand applications with one executor each, made at once, on fake nodes: how many a minute get their driver, and
//! complete. Before and after it the limit: a bare client that writes the same objects for as many applications. The last
//! line is JSON.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use onager_e2e::bench::{operator, processor_seconds, requests, resident};
use onager_e2e::fleet::{Fleet, Times};
use onager_e2e::ground;
use onager_e2e::replay::{self, Recording};
use serde_json::json;

const APPLICATIONS: usize = 1_000;

#[tokio::main]
async fn main() -> Result<()> {
    let wanted: usize = std::env::args().nth(1).map_or(Ok(APPLICATIONS), |count| count.parse())?;
    let cluster = ground::cluster()?;
    let client = ground::client_without_retry(&cluster).await?;
    let served = Fleet::new(client.clone(), cluster.kubectl(), "bench-served", true).await?;
    let bare = Fleet::new(client.clone(), cluster.kubectl(), "bench-bare", false).await?;
    let recording = Recording::of(&served, "sample-0000").await.context("one application to learn from")?;
    eprintln!("the bare client makes {} requests for each application", recording.requests());

    let before = limit(&bare, &recording, wanted, "before").await?;
    replay::settles(&served).await?;
    let process = operator(cluster.name())?;
    let (asked, used) = (requests(&client).await?, processor_seconds(process)?);
    let names = (0..wanted).map(|number| format!("fleet-{number:05}"));
    let times = served.time(wanted, served.create(names)).await?;
    replay::settles(&served).await?;
    let (resident, used) = (resident(process)?, processor_seconds(process)? - used);
    let asked = difference(&requests(&client).await?, &asked);
    say("the operator", wanted, times);
    let after = limit(&bare, &recording, wanted, "after").await?;

    for (what, count) in &asked {
        eprintln!("{:8.2}  {what} for each application", *count as f64 / wanted as f64);
    }
    let per_minute = |seconds: f64| wanted as f64 * 60.0 / seconds;
    let limit = (per_minute(before.completed) + per_minute(after.completed)) / 2.0;
    let two = |value: f64| (value * 100.0).round() / 100.0;
    let figures = json!({
        "applications": wanted,
        "ratio_to_limit": two(per_minute(times.completed) / limit),
        "apps_per_minute": per_minute(times.completed).round(),
        "drivers_per_minute": per_minute(times.drivers).round(),
        "limit_per_minute": limit.round(),
        "operator_rss_mb": resident,
        "operator_cpu_s": two(used),
        "api_calls_per_app": two(asked.values().sum::<u64>() as f64 / wanted as f64),
        "limit_calls_per_app": recording.requests(),
    });
    println!("{figures}");
    Ok(())
}

async fn limit(bare: &Fleet, recording: &Recording, wanted: usize, turn: &str) -> Result<Times> {
    let names = (0..wanted).map(|number| format!("bare-{turn}-{number:05}"));
    let times = bare.time(wanted, replay::play(bare, recording, names)).await?;
    say(&format!("the bare client, {turn}"), wanted, times);
    Ok(times)
}

fn say(who: &str, wanted: usize, times: Times) {
    eprintln!(
        "{who}: {wanted} drivers made within {:.1} s, all completed within {:.1} s",
        times.drivers, times.completed
    );
}

fn difference(after: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let grown = after.iter().map(|(what, count)| (what.clone(), count - before.get(what).unwrap_or(&0)));
    grown.filter(|(_, count)| *count > 0).collect()
}
