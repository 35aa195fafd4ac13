//! What benchmarks share: medians, and how much memory each kind of process takes while it has nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use http::Request;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use onager_contract::{Phase, endpoint};
use serde_json::json;

use crate::fault::process;
use crate::ground::OPERATOR_NAMESPACE;
use crate::{Team, app, until};

/// The median, the lower of two in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// Resident memory of processes at rest, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The operator's.
    pub operator: u64,
    /// A driver's.
    pub driver: u64,
    /// An executor's.
    pub executor: u64,
}

/// A store where nobody answers: for the seconds in which the driver asks again, it and its executor have nothing to do.
const SILENT: &str = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3a://silent/t/';";

/// Measures an operator that serves one application, and that one's driver and executor.
///
/// # Errors
/// When one of them cannot be found.
pub async fn memory_at_rest(team: &Team) -> Result<Memory> {
    let nobody = serde_json::json!({"sparkConf": {"spark.hadoop.fs.s3a.endpoint": "http://127.0.0.1:9"}});
    let run = team.start(app("rest").sql(SILENT).with(nobody)).await?;
    until("the executor has nothing to do", async || {
        let progress = run.progress().await?;
        Ok((progress.phase == Phase::Running && progress.executors == 1).then_some(()))
    })
    .await?;
    let here = |told: &serde_json::Value| told["application"]["namespace"] == team.name.as_str();
    let memory = Memory {
        operator: resident(operator(team.cluster.name())?)?,
        driver: resident(process(endpoint::ENV_DRIVER, here)?)?,
        executor: resident(process(endpoint::ENV_EXECUTOR, here)?)?,
    };
    run.delete().await?;
    Ok(memory)
}

/// The operator's process on a cluster of this machine.
///
/// # Errors
/// When there is none.
pub fn operator(cluster: &str) -> Result<u32> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let is_it =
            |file: &str, text: &str| fs::read_to_string(entry.path().join(file)).is_ok_and(|t| t.contains(text));
        if is_it("comm", "onager-operator") && is_it("cgroup", &format!("/onager/{cluster}/")) {
            return Ok(pid);
        }
    }
    bail!("no operator runs on {cluster}")
}

/// The images' archives in the folder `ONAGER_IMAGES`, in MiB.
pub fn image_sizes() -> BTreeMap<String, u64> {
    let folder = env::var_os("ONAGER_IMAGES").and_then(|folder| fs::read_dir(folder).ok());
    let archives = folder.into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name.strip_suffix(".tar")?.to_string(), entry.metadata().ok()?.len().div_ceil(1 << 20)))
    });
    archives.collect()
}

/// Processor time that a process has used since it began, in seconds.
///
/// # Errors
/// When it is gone.
pub fn processor_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold anything. User and system time are the 12th and 13th fields after it, in ticks.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}

/// The kernel's ticks a second, as every user of Linux sees them.
const TICKS: f64 = 100.0;

/// Resident memory of a process, in MiB.
///
/// # Errors
/// When it is gone.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process has resident memory")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes.div_ceil(1024))
}

/// What the installed operator has asked of the API server since it began, by verb and resource; without its Lease and
/// without watches, which do not grow with the number of applications.
///
/// # Errors
/// When it does not answer.
pub async fn requests(client: &Client) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for line in operator_metrics(client).await?.lines() {
        let Some(sample) = line.strip_prefix("onager_api_requests_total{") else { continue };
        let label = |name: &str| sample.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        let (Some(verb), Some(resource)) = (label("verb"), label("resource")) else { continue };
        if verb != "watch" && resource != "leases" {
            let count: u64 = sample.rsplit(' ').next().unwrap_or_default().parse().context("a count")?;
            *counts.entry(format!("{verb} {resource}")).or_default() += count;
        }
    }
    Ok(counts)
}

/// The metrics of the installed operator.
///
/// # Errors
/// When it does not answer.
pub async fn operator_metrics(client: &Client) -> Result<String> {
    let path = format!("/api/v1/namespaces/{OPERATOR_NAMESPACE}/services/onager-metrics:metrics/proxy/metrics");
    Ok(client.request_text(Request::get(path).body(Vec::new())?).await?)
}

/// Has so many operators on a cluster, and waits until they are there, or gone.
///
/// # Errors
/// When they do not come or go.
pub async fn scale_operator(client: &Client, cluster: &str, replicas: usize) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let change = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    api.patch("onager", &PatchParams::default(), &change).await?;
    until("the operator is scaled", async || {
        let status = api.get("onager").await?.status.unwrap_or_default();
        let there = usize::try_from(status.replicas.unwrap_or(0))?;
        let ready = usize::try_from(status.ready_replicas.unwrap_or(0))?;
        // A pod that is to end counts no more, and its process goes on for a while.
        let left = replicas == 0 && operator(cluster).is_ok();
        Ok((there == replicas && ready == replicas && !left).then_some(()))
    })
    .await
}
