//! Queues and gangs for tests of sharing: pods of one CPU on fake nodes, where there is room for all, under a queue that has as
//! much as the test says. What others do on the cluster does not count.

use anyhow::{Context, Result};
use onager_cluster::FAKE;
use onager_crds::{Queue, SparkApplicationStatus, State};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{App, Run, Team, app, ground};

/// How many fake nodes stand beside the real ones.
const FAKE_NODES: usize = 2;
/// The queue above those of a test.
pub const ALL: &str = "all";

static NODES: OnceCell<()> = OnceCell::const_new();

/// Makes fake nodes, and the queue [`ALL`] with so many CPUs; the namespace's own quota goes.
///
/// # Errors
/// When something of it cannot be made.
pub async fn cpus(team: &Team, count: u32) -> Result<()> {
    let made = NODES.get_or_try_init(async || {
        let fake = || ground::cluster()?.set_fake_nodes(FAKE_NODES, None);
        tokio::task::spawn_blocking(fake).await?
    });
    made.await.context("fake nodes")?;
    team.kubectl(&["delete", "resourcequota", "team"]).await?;
    queue(team, ALL, json!({"capability": {"cpu": count.to_string()}, "parent": null})).await
}

/// Makes a queue, or changes it: below [`ALL`], unless the spec says otherwise.
///
/// # Errors
/// When it is refused.
pub async fn queue(team: &Team, name: &str, mut spec: Value) -> Result<()> {
    if spec.get("parent").is_none() {
        spec["parent"] = ALL.into();
    }
    let queue = json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
        "metadata": {"name": name, "namespace": team.name}, "spec": spec,
    });
    team.apply(&queue).await.map(drop)
}

/// An application in a queue, of so many pods of one CPU, all of which it needs to start; it runs until it is deleted.
pub fn gang(name: &str, queue: &str, pods: u32) -> App {
    let there = json!({
        "coreRequest": "1", "envFrom": null, "nodeSelector": {FAKE: "true"}, "terminationGracePeriodSeconds": 1,
        "tolerations": [{"key": FAKE, "operator": "Exists"}],
    });
    app(name).executors(pods - 1).with(json!({"queue": queue, "driver": there, "executor": there}))
}

/// The states of applications, and how many pods each has that are not about to go.
///
/// # Errors
/// When one is not there.
pub async fn standing(runs: &[&Run]) -> Result<Vec<(State, usize)>> {
    let mut standing = Vec::new();
    for run in runs {
        let status: SparkApplicationStatus = run.object().await?.status.unwrap_or_default();
        let pods = run.pods().await?;
        let stay = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).count();
        standing.push((status.application_state.state, stay));
    }
    Ok(standing)
}

/// A queue's status.
///
/// # Errors
/// When it is not there.
pub async fn status(team: &Team, name: &str) -> Result<onager_crds::QueueStatus> {
    Ok(team.api::<Queue>().get(name).await?.status.unwrap_or_default())
}
