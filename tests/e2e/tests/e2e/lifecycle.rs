//! What an application goes through beside one run from start to end: it runs again, is edited, held, scaled, and goes when
//! its time is over.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use onager_crds::{SparkApplication, SparkApplicationStatus, State};
use onager_e2e::data::{LONG, longer};
use onager_e2e::operator::Operator;
use onager_e2e::proxy::Proxy;
use onager_e2e::{Run, Team, app, in_namespace, in_quiet_namespace, until};
use serde_json::{Value, json};

fn again(policy: &str, retries: u32) -> Value {
    json!({"restartPolicy": {
        "type": policy, "onFailureRetries": retries, "onFailureRetryInterval": 1,
        "onSubmissionFailureRetries": 0, "onSubmissionFailureRetryInterval": 1,
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_is_killed_completes_in_its_second_run() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2).with(again("OnFailure", 3))).await?;
        run.computes(2).await?;
        run.kill_driver().await?;
        run.completes().await?;
        run.comes_to_rest().await?;
        let status = status(&run).await?;
        ensure!(status.execution_attempts == 2 && status.attempt == 2, "{status:?}");
        let attempts = team.history.attempts("long").await?;
        ensure!(attempts == [1, 2], "{attempts:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_come_to_an_end() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("wrong").sql("SELECT * FROM nowhere;").with(again("OnFailure", 1))).await?;
        let message = run.fails("BadInput").await?;
        ensure!(message.contains("nowhere"), "{message}");
        run.comes_to_rest().await?;
        let attempts = team.history.attempts("wrong").await?;
        ensure!(attempts == [1, 2], "{attempts:?}");
        let events = run.events().await?;
        ensure!(events.contains(&"SparkApplicationPendingRerun".to_string()), "{events:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn always_is_until_the_policy_says_otherwise() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("pi").with(again("Always", 0))).await?;
        run.until("runs a second time", |status| status.execution_attempts == 2).await?;
        run.edit(json!({"restartPolicy": {"type": "Never"}})).await?;
        run.completes().await?;
        run.comes_to_rest().await?;
        team.history.attempts("pi").await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_has_nothing_and_runs_later() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        run.edit(json!({"suspend": true})).await?;
        let status = run.reaches(State::Suspended).await?;
        let suspended = status.conditions.iter().any(|c| c.type_ == "Suspended" && c.status == "True");
        ensure!(suspended, "{:?}", status.conditions);
        run.vanishes().await?;
        run.edit(json!({"suspend": false})).await?;
        run.completes().await?;
        run.comes_to_rest().await?;
        let attempts = team.history.attempts("long").await?;
        ensure!(attempts == [1, 2], "{attempts:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_makes_another_run_of_it() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        run.computes(2).await?;
        run.edit(json!({"sparkConf": {"spark.sql.shuffle.partitions": "3"}})).await?;
        run.completes().await?;
        run.comes_to_rest().await?;
        let object = run.object().await?;
        let status = object.status.context("a status")?;
        ensure!(status.observed_generation == object.metadata.generation && status.attempt == 2, "{status:?}");
        let attempts = team.history.attempts("long").await?;
        ensure!(attempts == [1, 2], "{attempts:?}");
        let events = run.events().await?;
        ensure!(events.contains(&"SparkApplicationSpecUpdateProcessed".to_string()), "{events:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_runs_again_when_what_it_runs_is_edited() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("pi")).await?;
        run.completes().await?;
        run.edit(json!({"executor": {"instances": 2}, "restartPolicy": {"type": "OnFailure"}})).await?;
        is_seen(&run).await?;
        let before = status(&run).await?;
        ensure!(before.application_state.state == State::Completed && before.attempt == 1, "{before:?}");
        run.edit(json!({"arguments": ["2"]})).await?;
        until("pi completes a second time", async || {
            let status = status(&run).await?;
            let completed = status.application_state.state == State::Completed;
            Ok((completed && status.attempt == 2).then_some(()))
        })
        .await?;
        run.comes_to_rest().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_come_and_go_while_it_runs() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(&longer(40)).executors(1)).await?;
        run.computes(1).await?;
        for wanted in [2, 1, 2] {
            run.edit(json!({"executor": {"instances": wanted}})).await?;
            run.until("has as many executors as are asked for", |status| {
                let executors = status.executors.clone().unwrap_or_default();
                executors.wanted == wanted && executors.running == wanted
            })
            .await?;
        }
        let attempts = team.history.attempts("long").await?;
        ensure!(attempts == [1], "{attempts:?}");
        let failures = status(&run).await?.executors.unwrap_or_default().recent_failures;
        ensure!(failures.is_empty(), "who was told to go did not fail: {failures:?}");
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_when_its_time_to_live_is_over() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("pi").with(json!({"timeToLiveSeconds": 1}))).await?;
        until("pi is gone", async || Ok(team.api::<SparkApplication>().get_opt("pi").await?.is_none().then_some(())))
            .await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_ends_it_with_that_reason() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let _operator = Operator::start_impatient(&team).await?;
        let missing = json!({"driver": {"envSecretKeyRefs": {"KEY": {"name": "nowhere", "key": "key"}}}});
        let run = team.start(app("etl").with(missing)).await?;
        let message = run.fails("CreateContainerConfigError").await?;
        ensure!(message.contains("nowhere"), "{message}");
        run.comes_to_rest().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_that_ended_stay_where_that_is_asked_for() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("pi").executors(2).with(json!({"executor": {"deleteOnTermination": false}}))).await?;
        run.completes().await?;
        let ended = |pod: &Pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Succeeded");
        until("nothing of pi runs, and its executors are there", async || {
            let pods = run.pods().await?;
            let names: Vec<String> = pods.iter().filter(|pod| ended(pod)).map(ResourceExt::name_any).collect();
            Ok((names == ["pi-driver", "pi-exec-1", "pi-exec-2"] && pods.len() == 3).then_some(()))
        })
        .await
    })
    .await
}

/// A container of the template does not end with the driver, as one of `sidecars` does.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_goes_on_after_its_driver_is_removed_with_its_pod() -> Result<()> {
    in_namespace(async |team: Team| {
        let beside = json!({
            "name": "beside", "image": "onager-pause:1", "imagePullPolicy": "Never",
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        });
        let template = json!({"driver": {"template": {"spec": {"containers": [
            {"name": "spark-kubernetes-driver"}, beside,
        ]}}}});
        let run = team.start(app("pi").with(template)).await?;
        run.completes().await?;
        run.vanishes().await?;
        run.completes().await?;
        team.history.check("pi").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_between_two_runs_makes_one_driver_more() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let proxy = Proxy::start(&team.cluster, None).await?;
        let mut operator = Operator::start(&team, &proxy)?;
        let run = team.start(app("wrong").sql("SELECT * FROM nowhere;").with(again("OnFailure", 1))).await?;
        let between = [State::Failing, State::PendingRerun];
        run.until("is between two runs", |status| between.contains(&status.application_state.state)).await?;
        operator.kill().await?;
        operator.wait().await?;
        let _operator = Operator::start(&team, &proxy)?;
        run.fails("BadInput").await?;
        run.comes_to_rest().await?;
        let attempts = team.history.attempts("wrong").await?;
        ensure!(attempts == [1, 2], "{attempts:?}");
        Ok(())
    })
    .await
}

async fn status(run: &Run) -> Result<SparkApplicationStatus> {
    run.object().await?.status.context("a status")
}

/// Waits until the operator has seen the spec as it is.
async fn is_seen(run: &Run) -> Result<()> {
    until("the edit is seen", async || {
        let object = run.object().await?;
        let seen = object.status.as_ref().and_then(|status| status.observed_generation);
        Ok((seen == object.metadata.generation).then_some(()))
    })
    .await
}
