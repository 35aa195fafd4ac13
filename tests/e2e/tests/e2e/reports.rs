//! What a user sees with kubectl alone, and what stays as it is when nothing changes.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Event, Pod, Service};
use kube::ResourceExt;
use kube::api::ListParams;
use onager_crds::SparkApplication;
use onager_e2e::{Team, app, in_namespace, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_from_the_first_event_to_the_result() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("pi").executors(2).pi(2)).await?;
        team.kubectl(&["wait", "--for=condition=Succeeded", "sparkapp/pi", "--timeout=180s"]).await?;
        let result = run.completes().await?.result.context("pi has a result")?;

        let table = team.kubectl(&["get", "sparkapp"]).await?;
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        ensure!(words[0] == ["NAME", "STATE", "EXECUTORS", "DURATION", "AGE", "REASON"], "{table}");
        ensure!(words[1][..3] == ["pi", "COMPLETED", "2/2"] && words[1][3].ends_with('s'), "{table}");

        let log = team.kubectl(&["logs", "pi-driver"]).await?;
        ensure!(result.starts_with("Pi is roughly 3.14") && log.contains(&result), "{result}\n{log}");

        let order = ["SparkApplicationSubmitted", "SparkDriverRunning", "SparkApplicationCompleted"];
        let text = until("describe tells of the end", async || {
            let text = team.kubectl(&["describe", "sparkapp", "pi"]).await?;
            Ok(text.contains(order[2]).then_some(text))
        })
        .await?;
        let events = text.split_once("Events:").context("describe has events")?.1;
        let places: Vec<Option<usize>> = order.iter().map(|reason| events.find(reason)).collect();
        ensure!(places.iter().all(Option::is_some) && places.is_sorted(), "{events}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_when_nothing_changes() -> Result<()> {
    in_namespace(async |team: Team| {
        let nowhere = json!({"executor": {"nodeSelector": {"onager.dev/no-such": "node"}}});
        let (done, waits) = (app("done").executors(2), app("waits").with(nowhere));
        team.start(done.clone()).await?.completes().await?;
        team.run("done").comes_to_rest().await?;
        team.start(waits.clone()).await?.queues("NoMatchingNode").await?;
        // The last event comes after the status.
        until("all is told", async || {
            let told = (team.run("done").events().await?, team.run("waits").events().await?);
            let has = |events: &[String], reason: &str| events.iter().any(|event| event == reason);
            let all = has(&told.0, "SparkApplicationCompleted") && has(&told.1, "SparkApplicationQueued");
            Ok(all.then_some(()))
        })
        .await?;
        let before = versions(&team).await?;
        for app in [done, waits] {
            let said = team.apply(&app.manifest(&team.name)).await?;
            ensure!(said.contains("unchanged"), "{said}");
        }
        // Pods come and go beside them, and all of it is looked at again.
        team.start(app("beside").executors(2)).await?.completes().await?;
        team.run("beside").comes_to_rest().await?;
        let after = versions(&team).await?;
        ensure!(before == after, "before: {before:?}\nafter: {after:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_for_prometheus() -> Result<()> {
    in_namespace(async |team: Team| {
        team.start(app("pi")).await?.completes().await?;
        let path = "/api/v1/namespaces/onager-system/services/onager-metrics:metrics/proxy/metrics";
        let text = team.kubectl(&["get", "--raw", path]).await?;
        for metric in ["onager_applications{state=\"COMPLETED\"}", "onager_api_requests_total", "onager_leading 1"] {
            ensure!(text.contains(metric), "{metric} is not among:\n{text}");
        }
        Ok(())
    })
    .await
}

/// Names and resource versions of what belongs to the two applications.
async fn versions(team: &Team) -> Result<Vec<(String, Option<String>)>> {
    let all = ListParams::default();
    let mut found = Vec::new();
    for app in team.api::<SparkApplication>().list(&all).await? {
        found.push((format!("application {}", app.name_any()), app.resource_version()));
    }
    for pod in team.api::<Pod>().list(&all).await? {
        found.push((format!("pod {}", pod.name_any()), pod.resource_version()));
    }
    for service in team.api::<Service>().list(&all).await? {
        found.push((format!("service {}", service.name_any()), service.resource_version()));
    }
    for event in team.api::<Event>().list(&all).await? {
        let about = event.involved_object.name.clone().unwrap_or_default();
        if event.reporting_component.as_deref() == Some("onager-operator") {
            found.push((format!("event on {about}, {}", event.name_any()), event.resource_version()));
        }
    }
    found.retain(|(name, _)| name.contains("done") || name.contains("waits"));
    Ok(found)
}
