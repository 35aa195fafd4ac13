//! Queues for clusters where nodes are made for pods that wait: room on nodes is not looked at, kube-scheduler binds, and a gang for
//! which no nodes come is undone and tried again later.

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};
use onager_cluster::FAKE;
use onager_crds::State;
use onager_e2e::operator::Operator;
use onager_e2e::proxy::Proxy;
use onager_e2e::share::{cpus, gang, queue, standing, status};
use onager_e2e::{App, Run, Team, app, in_namespace, in_quiet_namespace, until};
use serde_json::json;

const POOL: &str = "onager.dev/pool";
const REAL: &str = "node-2";

/// A gang in such a queue, for nodes of which there are none yet.
fn grown(team: &Team, name: &str, queue: &str, pods: u32) -> App {
    let there = json!({"nodeSelector": {FAKE: null, POOL: team.name}});
    gang(name, queue, pods).with(json!({"driver": there, "executor": there}))
}

/// A fake node as an autoscaler would make it.
async fn a_node_comes(team: &Team) -> Result<()> {
    let node = json!({
        "metadata": {"name": team.name, "labels": {FAKE: "true", POOL: team.name}},
        "spec": {"taints": [{"key": FAKE, "value": "true", "effect": "NoExecute"}]},
    });
    Api::all(team.client.clone()).create(&PostParams::default(), &serde_json::from_value::<Node>(node)?).await?;
    Ok(())
}

async fn it_goes(team: &Team) -> Result<()> {
    Api::<Node>::all(team.client.clone()).delete(&team.name, &DeleteParams::default()).await?;
    Ok(())
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn finds_no_node(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|one| one.type_ == "PodScheduled" && one.reason.as_deref() == Some("Unschedulable"))
}

/// Waits until kube-scheduler has looked at the whole gang, and found a node for none of it.
async fn waits_for_nodes(run: &Run, pods: usize) -> Result<()> {
    until("the whole gang waits for nodes", async || {
        let there = run.pods().await?;
        let waiting = there.iter().filter(|pod| node_of(pod).is_none() && finds_no_node(pod)).count();
        if (waiting, there.len()) == (pods, pods) { Ok(Some(())) } else { bail!("{waiting} of {} wait", there.len()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gang_is_there_before_the_nodes_that_are_made_for_it() -> Result<()> {
    in_namespace(async |team: Team| {
        cpus(&team, 8).await?;
        queue(&team, "fixed", json!({})).await?;
        queue(&team, "grown", json!({"provisioning": "autoscaled", "capability": {"cpu": "4"}})).await?;
        let held = team.start(grown(&team, "held", "fixed", 2)).await?;
        held.queues("NoMatchingNode").await?;

        let first = team.start(grown(&team, "first", "grown", 3)).await?;
        waits_for_nodes(&first, 3).await?;
        // Pods without a node count as any do.
        let second = team.start(grown(&team, "second", "grown", 2)).await?;
        let message = second.queues("QueueFull").await?;
        ensure!(message.contains("it needs cpu 2, and queue") && message.contains("has 1 left of 4"), "{message}");
        until("what waits for nodes is told as used", async || {
            let grown = status(&team, "grown").await?;
            Ok(grown.used.get("cpu").is_some_and(|cpu| cpu.0 == "3").then_some(()))
        })
        .await?;
        let ever = team.history.all().await?;
        ensure!(ever.iter().all(|pod| pod.app == "first"), "without a node others had pods: {ever:?}");

        a_node_comes(&team).await?;
        let result = async {
            for run in [&first, &held] {
                run.reaches(State::Running).await?;
            }
            until("both run whole on it", async || {
                let standing = standing(&[&first, &held]).await?;
                ensure!(standing == [(State::Running, 3), (State::Running, 2)], "{standing:?}");
                let pods = [first.pods().await?, held.pods().await?].concat();
                let elsewhere: Vec<_> = pods.iter().filter(|pod| node_of(pod) != Some(&team.name)).collect();
                ensure!(elsewhere.is_empty(), "{:?}", elsewhere.iter().map(|pod| pod.name_any()).collect::<Vec<_>>());
                Ok(Some(()))
            })
            .await?;
            first.delete().await?;
            second.reaches(State::Running).await?;
            for run in [&held, &second] {
                run.delete().await?;
            }
            for run in [&first, &held, &second] {
                run.vanishes().await?;
            }
            Ok(())
        }
        .await;
        it_goes(&team).await?;
        result
    })
    .await
}

/// With none of its pods on a node, and with its driver on one: the driver runs, and waits in vain.
#[tokio::test(flavor = "multi_thread")]
async fn a_gang_for_which_no_nodes_come_is_undone_and_tried_again() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let mut operator = Operator::start_impatient(&team).await?;
        cpus(&team, 8).await?;
        queue(&team, "grown", json!({"provisioning": "autoscaled"})).await?;
        let none = team.start(grown(&team, "none", "grown", 3)).await?;
        let far = json!({"queue": "grown", "executor": {"nodeSelector": {POOL: format!("{}-real", team.name)}}});
        let half = team.start(app("half").executors(2).with(far)).await?;
        for run in [&none, &half] {
            let message = run.queues("GangTimeout").await?;
            ensure!(message.contains("did not come up whole in 30s, was undone"), "{message}");
            ensure!(message.contains("nodes are available"), "kube-scheduler's words are missing: {message}");
            until("somebody is told of it", async || {
                Ok(run.events().await?.contains(&"SparkApplicationUndone".to_string()).then_some(()))
            })
            .await?;
        }
        until("of one that waits nothing is there", async || {
            ensure!(none.object().await?.status.unwrap_or_default().application_state.state == State::Queued);
            let pods = none.pods().await?.len();
            if pods == 0 { Ok(Some(())) } else { bail!("there are {pods} pods") }
        })
        .await?;
        for run in [&none, &half] {
            run.until("is tried again", |status| status.attempt > 1).await?;
            team.history.attempts(&run.name).await?;
        }

        // An autoscaler's node, at last, for a driver that waits long enough for it.
        operator.kill().await?;
        let hasty = half.object().await?.status.unwrap_or_default().attempt;
        let _patient = Operator::start(&team, &Proxy::start(&team.cluster, None).await?)?;
        half.until("is tried by a patient operator", |status| status.attempt > hasty).await?;
        team.kubectl(&["label", "node", REAL, &format!("{POOL}={}-real", team.name), "--overwrite"]).await?;
        let completed = half.completes().await;
        team.kubectl(&["label", "node", REAL, &format!("{POOL}-")]).await?;
        completed?;
        let failed = half.object().await?.status.unwrap_or_default().failed_attempts;
        ensure!(failed == 0, "no nodes are nobody's failure, but {failed} are counted");
        none.delete().await?;
        none.vanishes().await
    })
    .await
}
