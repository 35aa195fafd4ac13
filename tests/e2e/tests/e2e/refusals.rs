//! Room that is not there: a node's object says more than its kubelet has, which refuses what was placed on it.

use anyhow::{Result, ensure};
use onager_e2e::share::queue;
use onager_e2e::{Team, alone, app, until};
use serde_json::json;

const NODE: &str = "node-3";
/// More than any machine of these tests has.
const CPUS: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kubelet_refuses_is_placed_again_and_is_nobodys_failure() -> Result<()> {
    alone(async |team: Team| {
        team.kubectl(&["delete", "resourcequota", "team"]).await?;
        queue(&team, "wide", json!({"parent": null})).await?;
        let large = json!({"coreRequest": CPUS.to_string(), "nodeSelector": {"kubernetes.io/hostname": NODE}});
        let run = team.start(app("large").executors(1).with(json!({"queue": "wide", "driver": large}))).await?;
        run.queues("TooLarge").await?;
        until("its kubelet refuses what was placed on it", async || {
            // The kubelet tells the truth every few seconds.
            let more = json!({"status": {"capacity": {"cpu": "999"}, "allocatable": {"cpu": "999"}}}).to_string();
            team.kubectl(&["patch", "node", NODE, "--subresource=status", "--type=merge", "--patch", &more]).await?;
            let refused = team.kubectl(&["get", "events", "--field-selector=reason=OutOfcpu", "--output=name"]).await?;
            Ok((!refused.is_empty()).then_some(()))
        })
        .await?;
        run.queues("TooLarge").await?;
        run.comes_to_rest().await?;
        let status = run.object().await?.status.unwrap_or_default();
        ensure!(status.execution_attempts == 0, "a refusal is no attempt of the application: {status:?}");
        // No two pods of one attempt.
        team.history.attempts("large").await.map(drop)
    })
    .await
}
