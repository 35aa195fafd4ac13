//! Room that is not there: a kubelet runs pods that the API server does not know of, and refuses what was placed beside them.

use std::fs;

use anyhow::{Context, Result, ensure};
use onager_e2e::share::queue;
use onager_e2e::{Team, alone, app, until};
use serde_json::json;

const NODE: &str = "node-3";
/// More than half of what the node has.
async fn most_of_its_cpus(team: &Team) -> Result<String> {
    let has = team.kubectl(&["get", "node", NODE, "--output=jsonpath={.status.allocatable.cpu}"]).await?;
    let thousandths = has.strip_suffix('m').map_or_else(|| has.parse().map(|cpus: u32| cpus * 1000), str::parse)?;
    Ok(format!("{}m", thousandths * 11 / 20))
}

/// What the kubelet alone knows: its namespace does not exist, so that the API server takes no mirror of it.
fn hidden(cpu: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "hidden", "namespace": "nowhere"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
            "name": "hidden", "image": "onager-pause:1", "imagePullPolicy": "IfNotPresent",
            "resources": {"requests": {"cpu": cpu, "memory": "1Mi"}},
        }]},
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kubelet_refuses_is_placed_again_and_is_nobodys_failure() -> Result<()> {
    alone(async |team: Team| {
        team.kubectl(&["delete", "resourcequota", "team"]).await?;
        queue(&team, "all", json!({"parent": null})).await?;
        let file = team.cluster.node(NODE)?.static_pods().join("hidden.json");
        let cpu = most_of_its_cpus(&team).await?;
        fs::write(&file, hidden(&cpu)).with_context(|| file.display().to_string())?;
        let refused = is_refused(&team, &cpu).await;
        fs::remove_file(&file)?;
        refused?;
        let run = team.run("large");
        run.completes().await?;
        let status = run.object().await?.status.unwrap_or_default();
        ensure!(status.execution_attempts == 1, "a refusal is no attempt of the application: {status:?}");
        let attempts = team.history.attempts("large").await?;
        ensure!(attempts.len() > 1, "{attempts:?}");
        Ok(())
    })
    .await
}

/// Starts an application whose driver has room on a node for all that the API server knows.
async fn is_refused(team: &Team, cpu: &str) -> Result<()> {
    let path = format!("/api/v1/nodes/{NODE}/proxy/pods");
    until("the kubelet has taken its own pod in", async || {
        Ok(team.kubectl(&["get", "--raw", &path]).await?.contains("\"nowhere\"").then_some(()))
    })
    .await?;
    let large = json!({"coreRequest": cpu, "nodeSelector": {"kubernetes.io/hostname": NODE}});
    team.start(app("large").executors(1).with(json!({"queue": "all", "driver": large}))).await?;
    until("the kubelet refuses the driver", async || {
        let events = team.kubectl(&["get", "events", "--field-selector=reason=OutOfcpu", "--output=name"]).await?;
        Ok((!events.is_empty()).then_some(()))
    })
    .await
}
