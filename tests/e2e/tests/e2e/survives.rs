//! Faults in the middle of a run: what can go on goes on to the right result, what cannot ends with a reason, and nothing is
//! left behind.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use onager_cluster::Component;
use onager_crds::State;
use onager_e2e::data::{LONG, answer_to_long, longer, tables};
use onager_e2e::operator::Operator;
use onager_e2e::proxy::Proxy;
use onager_e2e::wait::LIMIT;
use onager_e2e::{Run, Team, alone, alone_and_quiet, app, in_namespace};
use serde_json::json;
use tokio::task::spawn_blocking;

const NODE: &str = "node-3";
const POOL: &str = "onager.dev/pool";

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_is_deleted() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        let executors = run.computes(2).await?;
        run.delete_pod(&executors[0]).await?;
        completes_rightly(&run).await?;
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_is_killed() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        let executors = run.computes(2).await?;
        run.kill_executor(&executors[1]).await?;
        completes_rightly(&run).await?;
        run.comes_to_rest().await?;
        let status = run.object().await?.status.and_then(|status| status.executors).context("executors")?;
        ensure!(status.failed == 1 && status.recent_failures[0].reason.contains("137"), "{status:?}");
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn not_the_death_of_its_driver() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        run.kill_driver().await?;
        let message = run.fails("DriverFailed").await?;
        ensure!(message.contains("137"), "{message}");
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn not_the_deletion_of_its_driver() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        run.delete_pod(&run.driver().await?).await?;
        let message = run.fails("DriverLost").await?;
        ensure!(message.contains("driver"), "{message}");
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_after_it_was_deleted_in_the_middle() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_restarts() -> Result<()> {
    alone(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        let cluster = team.cluster.clone();
        spawn_blocking(move || {
            let server = cluster.component(Component::ApiServer);
            server.kill()?;
            server.start()?;
            cluster.wait_api_server(LIMIT)
        })
        .await??;
        completes_rightly(&run).await?;
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_replaced() -> Result<()> {
    alone(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        let operator = ["--namespace", "onager-system", "rollout"];
        team.kubectl(&[&operator[..], &["restart", "deployment/onager"]].concat()).await?;
        team.kubectl(&[&operator[..], &["status", "deployment/onager", "--timeout=180s"]].concat()).await?;
        completes_rightly(&run).await?;
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loss_of_a_node_with_executors() -> Result<()> {
    alone(async |team: Team| {
        // Only node-3 has the label when they are placed, and another when they are replaced.
        label(&team, NODE, &format!("{POOL}={}", team.name)).await?;
        let selector = json!({"executor": {"nodeSelector": {POOL: team.name}}, "driver": driver_on("node-2")});
        let run = team.start(app("long").sql(LONG).executors(2).with(selector)).await?;
        run.computes(2).await?;
        label(&team, "node-2", &format!("{POOL}={}", team.name)).await?;
        let completed = while_a_node_is_off(&team, async || completes_rightly(&run).await).await;
        for node in [NODE, "node-2"] {
            label(&team, node, &format!("{POOL}-")).await?;
        }
        completed?;
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn not_the_loss_of_its_drivers_node() -> Result<()> {
    alone(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2).with(json!({"driver": driver_on(NODE)}))).await?;
        run.computes(2).await?;
        let message = while_a_node_is_off(&team, async || run.fails("DriverLost").await).await?;
        ensure!(message.contains(NODE), "{message}");
        run.comes_to_rest().await?;
        team.history.check("long").await
    })
    .await
}

/// Its node's word is missing for a while; nothing else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_of_its_drivers_node_that_is_silent_for_a_while() -> Result<()> {
    alone(async |team: Team| {
        let mut driver = driver_on(NODE);
        // The control plane leaves it where it is.
        driver["tolerations"] = json!([{"operator": "Exists", "effect": "NoExecute"}]);
        let placed = json!({"driver": driver, "executor": driver_on("node-2")});
        let run = team.start(app("long").sql(&longer(200)).executors(2).with(placed)).await?;
        run.computes(2).await?;
        let kubelet = team.cluster.node(NODE)?.kubelet();
        let silent = kubelet.clone();
        spawn_blocking(move || silent.stop()).await??;
        let unknown = run.reaches(State::Unknown).await;
        spawn_blocking(move || kubelet.start()).await??;
        let reason = unknown?.application_state.reason;
        ensure!(reason.as_deref() == Some("NodeNotReady"), "{reason:?}");
        let again = run.reaches(State::Running).await?;
        ensure!(again.application_state.reason.is_none(), "{again:?}");
        let executors = run.computes(2).await?;
        let names: Vec<String> = executors.iter().map(ResourceExt::name_any).collect();
        ensure!(names == ["long-exec-1", "long-exec-2"], "the run is the one there was: {names:?}");
        team.history.check("long").await?;
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

/// No run follows beside pods of which nobody knows what they do.
#[tokio::test(flavor = "multi_thread")]
async fn not_pods_that_never_go() -> Result<()> {
    alone_and_quiet(async |team: Team| {
        let proxy = Proxy::start(&team.cluster, None).await?;
        let _operator = Operator::start_with(&team, &proxy, &["--going-limit-seconds=5"])?;
        let again =
            json!({"driver": driver_on(NODE), "restartPolicy": {"type": "Always", "onFailureRetryInterval": 1}});
        let run = team.start(app("long").sql(LONG).executors(1).with(again)).await?;
        run.computes(1).await?;
        let message = while_a_node_is_off(&team, async || run.fails("PodsRemain").await).await?;
        ensure!(message.contains("long-driver"), "{message}");
        run.comes_to_rest().await?;
        let attempts = team.history.attempts("long").await?;
        ensure!(attempts == [1], "{attempts:?}");
        Ok(())
    })
    .await
}

fn driver_on(node: &str) -> serde_json::Value {
    json!({"nodeSelector": {"kubernetes.io/hostname": node}})
}

async fn label(team: &Team, node: &str, label: &str) -> Result<()> {
    team.kubectl(&["label", "node", node, "--overwrite", label]).await.map(drop)
}

/// Takes the power off node-3, looks, and gives it back, whatever was seen.
async fn while_a_node_is_off<T>(team: &Team, look: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let node = team.cluster.node(NODE)?;
    let lost = node.clone();
    spawn_blocking(move || lost.kill()).await??;
    let seen = look().await;
    spawn_blocking(move || node.start()).await??;
    team.kubectl(&["wait", "--for=condition=Ready", &format!("node/{NODE}"), "--timeout=180s"]).await?;
    seen
}

async fn completes_rightly(run: &Run) -> Result<()> {
    let right = answer_to_long(&run.team.cluster, &run.team.client).await?;
    run.completes().await?;
    let found = tables(&run.log().await?);
    ensure!(found == right, "found:\n{}\nright:\n{}", found.join("\n"), right.join("\n"));
    Ok(())
}
