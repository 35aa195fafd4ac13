//! How long the smallest application takes to complete, against a bare pod of the same image: in turn, on one cluster, each
//! from its create call until a watch says that it has ended. The last line is JSON.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams, WatchEvent, WatchParams};
use onager_crds::{SparkApplication, State};
use onager_e2e::bench::{Memory, image_sizes, median, memory_at_rest};
use onager_e2e::ground::ENGINE_IMAGE;
use onager_e2e::team::ACCOUNT;
use onager_e2e::{Team, app, in_namespace, timeline, until};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TURNS: usize = 20;
const POD: &str = "bare";
const APPLICATION: &str = "smallest";
/// A watch that says nothing for so long has broken off.
const SILENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<()> {
    in_namespace(async |team: Team| {
        let (mut pods, mut applications) = (Vec::new(), Vec::new());
        // The first of each finds cold caches and is not counted.
        for turn in 0..=TURNS {
            let (pod, application) = (bare_pod(&team, turn).await?, smallest_application(&team, turn).await?);
            eprintln!("{turn:2}: pod {:4} ms, application {:4} ms", pod.as_millis(), application.as_millis());
            if turn > 0 {
                pods.push(pod);
                applications.push(application);
            }
        }
        let memory = memory_at_rest(&team).await?;
        eprintln!("where the time of one application goes:");
        for (at, what) in timeline::follow(&team, &application(&team, "followed")?).await? {
            eprintln!("{:6} ms  {what}", at.as_millis());
        }
        print(median(pods), median(applications), memory);
        Ok(())
    })
    .await
}

fn print(pod: Duration, application: Duration, memory: Memory) {
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1000.0).round();
    let ratio = (application.as_secs_f64() / pod.as_secs_f64() * 100.0).round() / 100.0;
    println!("bare pod     {:6} ms, median of {TURNS}", milliseconds(pod));
    println!("application  {:6} ms, median of {TURNS}", milliseconds(application));
    println!(
        "at rest: operator {} MiB, driver {} MiB, executor {} MiB",
        memory.operator, memory.driver, memory.executor
    );
    let images = image_sizes();
    for (image, size) in &images {
        println!("image {image} {size} MiB");
    }
    let figures = json!({
        "ratio": ratio,
        "bare_pod_ms": milliseconds(pod),
        "application_ms": milliseconds(application),
        "operator_mib": memory.operator,
        "driver_mib": memory.driver,
        "executor_mib": memory.executor,
        "image_mib": images,
    });
    println!("{figures}");
}

async fn bare_pod(team: &Team, turn: usize) -> Result<Duration> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": POD},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "engine", "image": ENGINE_IMAGE, "imagePullPolicy": "IfNotPresent",
                "command": ["/onager-engine", "--version"],
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "640Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    }))?;
    let ended = |pod: &Pod| match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Succeeded") => Ok(true),
        Some("Failed") => bail!("the bare pod failed: {:?}", pod.status),
        _ => Ok(false),
    };
    timed(team, POD, turn, &pod, ended).await
}

async fn smallest_application(team: &Team, turn: usize) -> Result<Duration> {
    let ended = |application: &SparkApplication| {
        let state = application.status.as_ref().map(|status| &status.application_state);
        match state.map(|state| state.state) {
            Some(State::Completed) => Ok(true),
            Some(State::Failed) => bail!("the application failed: {state:?}"),
            _ => Ok(false),
        }
    };
    let took = timed(team, APPLICATION, turn, &application(team, APPLICATION)?, ended).await?;
    team.run(APPLICATION).vanishes().await?;
    Ok(took)
}

fn application(team: &Team, name: &str) -> Result<SparkApplication> {
    let manifest: Value = app(name).pi(1).executors(1).manifest(&team.name);
    Ok(serde_json::from_value(manifest["items"][0].clone())?)
}

/// A kubelet looks at its containers once a second. Turns begin at different parts of that second, or its rhythm would
/// decide: each would begin just after the one before was seen to be gone.
fn beat(turn: usize) -> Duration {
    Duration::from_secs(1) * ((turn * 7 % TURNS) as u32) / TURNS as u32
}

/// From the create call until a watch shows the end. Afterwards the object is deleted, and gone.
async fn timed<K>(
    team: &Team,
    name: &str,
    turn: usize,
    object: &K,
    ended: impl Fn(&K) -> Result<bool>,
) -> Result<Duration>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + serde::Serialize + DeserializeOwned,
{
    let api: Api<K> = team.api();
    tokio::time::sleep(beat(turn)).await;
    let version = api.list(&Default::default()).await?.metadata.resource_version.unwrap_or_default();
    let watch = WatchParams::default().fields(&format!("metadata.name={name}"));
    let events = api.watch(&watch, &version).await?.boxed();
    let began = Instant::now();
    api.create(&PostParams::default(), object).await?;
    wait_for_end(events, ended).await?;
    let took = began.elapsed();
    api.delete(name, &DeleteParams::background()).await?;
    until(&format!("{name} is gone"), async || Ok(api.get_opt(name).await?.is_none().then_some(()))).await?;
    Ok(took)
}

async fn wait_for_end<K>(
    mut events: impl Stream<Item = kube::Result<WatchEvent<K>>> + Unpin,
    ended: impl Fn(&K) -> Result<bool>,
) -> Result<()> {
    loop {
        let next = tokio::time::timeout(SILENCE, events.next()).await.context("the watch is silent")?;
        match next.context("the watch broke off")?? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if ended(&object)? => return Ok(()),
            WatchEvent::Error(status) => bail!("the watch failed: {status:?}"),
            _ => {}
        }
    }
}
