//! Ten thousand completed applications with the pods of their drivers, and an operator that has nothing to do: what it
//! writes, how much memory it takes, and how much processor time. The last line is JSON.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use onager_crds::SparkApplication;
use onager_e2e::bench::{operator, operator_metrics, processor_seconds, requests, resident, scale_operator};
use onager_e2e::fleet::Fleet;
use onager_e2e::ground;
use onager_e2e::replay::{self, Recording};
use onager_e2e::until;
use serde_json::json;

const APPLICATIONS: usize = 10_000;
/// How long it is watched doing nothing.
const WINDOW: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<()> {
    let wanted: usize = std::env::args().nth(1).map_or(Ok(APPLICATIONS), |count| count.parse())?;
    let cluster = ground::cluster()?;
    let client = ground::client_without_retry(&cluster).await?;
    let sample = Fleet::new(client.clone(), cluster.kubectl(), "bench-sample", true).await?;
    let recording = Recording::of(&sample, "sample-0000").await.context("one application to learn from")?;
    replay::settles(&sample).await?;
    let empty = resident(operator(cluster.name())?)?;

    // The webhook must answer for each; nobody works on them, since their namespace is not served yet.
    let fleet = Fleet::new(client.clone(), cluster.kubectl(), "bench-rest", false).await?;
    let began = Instant::now();
    replay::lay_down(&fleet, &recording, (0..wanted).map(|number| format!("rest-{number:05}"))).await?;
    eprintln!("{wanted} completed applications are made, in {:.0} s", began.elapsed().as_secs_f64());

    scale_operator(&client, cluster.name(), 0).await?;
    let serve = Patch::Merge(json!({"metadata": {"labels": {"onager.dev/team": "bench"}}}));
    Api::<Namespace>::all(client.clone()).patch(&fleet.namespace, &PatchParams::default(), &serve).await?;
    let began = Instant::now();
    scale_operator(&client, cluster.name(), 1).await?;
    until("the operator has seen all of them", async || {
        let metrics = operator_metrics(&client).await?;
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<f64>().ok())
        };
        let completed = value("onager_applications{state=\"COMPLETED\"}").unwrap_or(0.0);
        let steps = value("onager_reconcile_duration_seconds_count").unwrap_or(0.0);
        Ok((completed as usize > wanted && steps as usize > wanted && value("onager_queue_length") == Some(0.0))
            .then_some(()))
    })
    .await?;
    replay::settles(&fleet).await?;
    let process = operator(cluster.name())?;
    let (ready, to_begin) = (began.elapsed(), processor_seconds(process)?);
    eprintln!(
        "the operator is through with them after {:.1} s, {to_begin:.1} s of processor time",
        ready.as_secs_f64()
    );

    let before = (versions(&fleet).await?, requests(&client).await?, processor_seconds(process)?);
    tokio::time::sleep(WINDOW).await;
    let after = (versions(&fleet).await?, requests(&client).await?, processor_seconds(process)?);
    let changed = before.0.iter().zip(&after.0).filter(|(before, after)| before != after).count();
    let asked = after.1.values().sum::<u64>() - before.1.values().sum::<u64>();
    let resident = resident(process)?;
    let two = |value: f64| (value * 100.0).round() / 100.0;
    let minutes = WINDOW.as_secs_f64() / 60.0;
    let figures = json!({
        "applications": wanted,
        "writes": changed,
        "requests": asked,
        "operator_rss_mb": resident,
        "operator_empty_rss_mb": empty,
        "kb_per_application": two((resident.saturating_sub(empty) * 1024) as f64 / wanted as f64),
        "operator_cpu_s_per_minute": two((after.2 - before.2) / minutes),
        "start_s": two(ready.as_secs_f64()),
        "start_cpu_s": two(to_begin),
    });
    println!("{figures}");
    ensure!(changed == 0 && asked == 0, "something was written or asked for at rest");
    Ok(())
}

/// Names and versions of all applications.
async fn versions(fleet: &Fleet) -> Result<Vec<(String, Option<String>)>> {
    let api: Api<SparkApplication> = fleet.api();
    let all = api.list_metadata(&ListParams::default()).await?;
    Ok(all.items.iter().map(|app| (app.name_any(), app.resource_version())).collect())
}
