//! Dynamic allocation as a user sees it: executors come while tasks wait, leave when they are idle, and the result is right;
//! also where the operator is killed in between, and where there is no room for all of them.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use onager_crds::{ExecutorStatus, SparkApplicationStatus, State};
use onager_e2e::data::{LONG, answer_to_long, tables};
use onager_e2e::{App, Run, Team, alone, app, in_namespace};
use serde_json::json;

/// Wide queries, of one task for each executor there may be, and then narrow ones, of one task each.
fn wide_then_narrow(wide: usize, narrow: usize) -> String {
    let (table, query) = LONG.split_once('\n').unwrap_or_default();
    format!("{table}\n{}SET datafusion.execution.target_partitions = 1;\n{}", query.repeat(wide), query.repeat(narrow))
}

/// From one executor to four, and idle ones leave soon.
fn elastic(name: &str, script: &str) -> App {
    app(name).sql(script).with(json!({
        "dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 4},
        "sparkConf": {"spark.dynamicAllocation.executorIdleTimeout": "2s"},
    }))
}

fn executors(status: &SparkApplicationStatus) -> ExecutorStatus {
    status.executors.clone().unwrap_or_default()
}

/// Waits until it has more executors than it began with, and answers how many.
async fn grows(run: &Run) -> Result<u32> {
    let grown = |status: &SparkApplicationStatus| executors(status).running > 1;
    Ok(executors(&run.until("has more executors than the fewest", grown).await?).running)
}

async fn shrinks(run: &Run) -> Result<()> {
    let shrunk = |status: &SparkApplicationStatus| {
        let all = executors(status);
        status.application_state.state == State::Running && all.wanted == 1 && all.highest_index > 1
    };
    // At the end of a run executors are sent home: the last one must still work.
    run.computes(1).await?;
    run.until("runs with the fewest executors", shrunk).await.map(drop)
}

/// Completed, with the right answers, and nobody counts as lost.
async fn completes_rightly(run: &Run, queries: usize) -> Result<ExecutorStatus> {
    let right = answer_to_long(&run.team.cluster, &run.team.client).await?;
    run.completes().await?;
    let found = tables(&run.log().await?);
    let right = vec![right; queries].concat();
    ensure!(found == right, "found:\n{}\nright:\n{}", found.join("\n"), right.join("\n"));
    run.comes_to_rest().await?;
    run.team.history.check(&run.name).await?;
    let status = executors(&run.object().await?.status.context("a status")?);
    ensure!(status.failed == 0 && status.recent_failures.is_empty(), "{status:?}");
    ensure!(!run.events().await?.contains(&"SparkExecutorFailed".to_string()), "nobody is told of a loss");
    Ok(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_come_while_tasks_wait_and_leave_when_idle() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(elastic("elastic", &wide_then_narrow(4, 8))).await?;
        grows(&run).await?;
        shrinks(&run).await?;
        let status = completes_rightly(&run, 12).await?;
        ensure!(status.highest_index <= 8, "executors come and go: {status:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_in_between_goes_on() -> Result<()> {
    alone(async |team: Team| {
        let run = team.start(elastic("elastic", &wide_then_narrow(6, 24))).await?;
        grows(&run).await?;
        let before: Vec<String> = run.executors().await?.iter().map(Pod::uid).map(Option::unwrap_or_default).collect();
        let operator = ["--namespace", "onager-system"];
        let kill = ["delete", "pod", "--selector", "app.kubernetes.io/name=onager", "--grace-period=0", "--force"];
        team.kubectl(&[&operator[..], &kill].concat()).await?;
        team.kubectl(&[&operator[..], &["rollout", "status", "deployment/onager", "--timeout=180s"]].concat()).await?;
        let still: Vec<String> = run.executors().await?.iter().map(Pod::uid).map(Option::unwrap_or_default).collect();
        ensure!(before.iter().any(|uid| still.contains(uid)), "of {before:?} none is left of {still:?}");
        shrinks(&run).await?;
        completes_rightly(&run, 30).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_without_room_are_not_made() -> Result<()> {
    in_namespace(async |team: Team| {
        // The driver and two executors.
        let three = json!({"spec": {"hard": {"pods": "3"}}}).to_string();
        team.kubectl(&["patch", "resourcequota", "team", "--type=merge", "--patch", &three]).await?;
        let run = team.start(elastic("narrow", &wide_then_narrow(4, 0))).await?;
        ensure!(grows(&run).await? == 2, "two have room");
        let status = completes_rightly(&run, 4).await?;
        ensure!(status.highest_index == 2, "others were tried: {status:?}");
        let state = run.object().await?.status.context("a status")?.application_state;
        ensure!(state.error_message.is_none(), "{state:?}");
        Ok(())
    })
    .await
}
