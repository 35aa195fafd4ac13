//! What is let in as a Queue, who may write one, and the guard of one that is in use.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use onager_crds::{Queue, State};
use onager_e2e::data::longer;
use onager_e2e::{App, Run, Team, app, in_namespace, until};
use serde_json::{Value, json};

/// The finalizer of a Queue in use.
const GUARD: &str = "onager.dev/queue-in-use";

fn queue(team: &Team, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
        "metadata": {"name": name, "namespace": team.name}, "spec": spec,
    })
}

/// Applies what is let in with a warning, and answers that.
async fn warned(team: &Team, manifest: &Value) -> Result<String> {
    let file = std::env::temp_dir().join(format!("{}.json", team.name));
    std::fs::write(&file, manifest.to_string())?;
    let strict = ["apply", "--warnings-as-errors", "--filename", &file.display().to_string()];
    let said = team.kubectl(&strict).await;
    std::fs::remove_file(&file)?;
    Ok(format!("{:#}", said.err().context("a warning")?))
}

/// A long one in a queue, which is guarded as soon as it runs.
async fn busy(team: &Team, name: &str, of: &Team) -> Result<Run> {
    let long = app("long").sql(&longer(40)).with(json!({"queue": format!("{}/{name}", of.name)}));
    let run = team.start(long).await?;
    run.reaches(State::Running).await?;
    until("the queue is guarded", async || {
        let queue = of.api::<Queue>().get(name).await?;
        Ok(queue.finalizers().contains(&GUARD.to_string()).then_some(()))
    })
    .await?;
    Ok(run)
}

async fn is_gone(team: &Team, name: &str) -> Result<()> {
    let gone = async || Ok(team.api::<Queue>().get_opt(name).await?.is_none().then_some(()));
    until("the queue is gone", gone).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_the_field() -> Result<()> {
    in_namespace(async |team: Team| {
        for (spec, words) in [
            (json!({"weight": 0}), ["spec.weight", "1"]),
            (json!({"guarantee": {"cpu": "-1"}}), ["spec.guarantee.cpu", "-1"]),
            (json!({"guarantee": {"memory": -1}}), ["spec.guarantee.memory", "0"]),
            (json!({"capability": {"cpu": "potatoes"}}), ["spec.capability.cpu", "potatoes"]),
            (json!({"guarantee": {"cpu": 9}, "capability": {"cpu": 8}}), ["spec.guarantee", "spec.capability"]),
            (json!({"guarantee": {"cpu": 9}, "capability": {"cpu": "8"}}), ["spec.guarantee[cpu]", "more than"]),
            (json!({"capability": {"requests.cpu": "8"}}), ["spec.capability[requests.cpu]", "say cpu"]),
            (json!({"parent": "No_Queue"}), ["spec.parent", "platform/teams"]),
            (json!({"parent": "etl"}), ["spec.parent", "itself"]),
            (json!({"allowedNamespaces": ["team-*"]}), ["spec.allowedNamespaces", "names of namespaces"]),
            (json!({"order": "Fifo"}), ["spec.order", "StrictFIFO"]),
            (json!({"maxApplications": -1}), ["spec.maxApplications", "0"]),
        ] {
            let said = match team.apply(&queue(&team, "etl", spec.clone())).await {
                Ok(said) => anyhow::bail!("{spec} is accepted: {said}"),
                Err(error) => format!("{error:#}"),
            };
            ensure!(words.iter().all(|word| said.contains(word)), "{spec}: {said}");
        }
        let right =
            json!({"guarantee": {"cpu": 1, "memory": "1Gi"}, "capability": {"cpu": "2", "memory": 4294967296_u64}});
        team.apply(&queue(&team, "etl", right)).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_without_cycles() -> Result<()> {
    in_namespace(async |team: Team| {
        let early = warned(&team, &queue(&team, "b", json!({"parent": "a"}))).await?;
        ensure!(early.contains("Warning") && early.contains("does not exist"), "{early}");
        team.apply(&queue(&team, "c", json!({"parent": "b"}))).await?;
        // The API server's memory of what is there may be a moment behind.
        let refused = until("the cycle is refused", async || {
            let made = team.apply(&queue(&team, "a", json!({"parent": "c"}))).await;
            if made.is_ok() {
                team.kubectl(&["delete", "queue", "a"]).await?;
            }
            Ok(made.err())
        })
        .await?;
        ensure!(format!("{refused:#}").contains("spec.parent: it is above itself"), "{refused:#}");
        team.apply(&queue(&team, "a", json!({}))).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_queue_that_does_not_take_it_is_told() -> Result<()> {
    in_namespace(async |team: Team| {
        let named = |name: &str| -> App { app("etl").with(json!({"queue": name})) };
        let missing = warned(&team, &named("later").manifest(&team.name)).await?;
        ensure!(missing.contains("Warning") && missing.contains("later does not exist"), "{missing}");
        team.run("etl").queues("QueueMissing").await?;
        team.apply(&queue(&team, "later", json!({}))).await?;
        team.run("etl").completes().await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_read_and_the_platform_writes() -> Result<()> {
    in_namespace(async |team: Team| {
        team.apply(&queue(&team, "etl", json!({}))).await?;
        for (user, role, writes) in [("reader", "view", false), ("member", "edit", false), ("owner", "admin", false)]
            .into_iter()
            .chain([("platform", "onager-system-onager-queue-admin", true)])
        {
            let user = format!("{user}-of-{}", team.name);
            let binding = ["create", "rolebinding", &user, "--clusterrole", role, "--user", &user];
            team.kubectl(&binding).await?;
            let may = async |verb: &str| {
                let answer = team.kubectl(&["auth", "can-i", verb, "queues.onager.dev", "--as", &user]).await;
                answer.is_ok_and(|answer| answer.trim() == "yes")
            };
            until("the role is in force", async || Ok(may("get").await.then_some(()))).await?;
            for verb in ["create", "update", "patch", "delete"] {
                ensure!(may(verb).await == writes, "{role} {verb}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_in_use_is_held_until_it_is_empty() -> Result<()> {
    in_namespace(async |team: Team| {
        team.apply(&queue(&team, "above", json!({}))).await?;
        team.apply(&queue(&team, "etl", json!({"parent": "above"}))).await?;
        let run = busy(&team, "etl", &team).await?;
        for name in ["above", "etl"] {
            team.kubectl(&["delete", "queue", name, "--wait=false"]).await?;
        }
        let told = async || {
            let queue = team.api::<Queue>().get("etl").await?;
            let ready = queue.status.unwrap_or_default().conditions;
            Ok(ready.into_iter().find(|one| one.reason == "Deleting"))
        };
        until("its condition says so", told).await?;
        ensure!(run.object().await?.status.context("a status")?.application_state.state == State::Running);
        run.delete().await?;
        is_gone(&team, "etl").await?;
        is_gone(&team, "above").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_empty_goes_at_once() -> Result<()> {
    in_namespace(async |team: Team| {
        team.apply(&queue(&team, "etl", json!({}))).await?;
        let run = team.start(app("etl").with(json!({"queue": "etl"}))).await?;
        run.completes().await?;
        let free = async || Ok(team.api::<Queue>().get("etl").await?.finalizers().is_empty().then_some(()));
        until("the guard is off", free).await?;
        team.api::<Queue>().delete("etl", &DeleteParams::default()).await?;
        ensure!(team.api::<Queue>().get_opt("etl").await?.is_none(), "nothing holds it");
        Ok(())
    })
    .await
}

/// The namespace of the queue ends while the application, in another, goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_ends_is_not_held_back() -> Result<()> {
    in_namespace(async |team: Team| {
        in_namespace(async |platform: Team| {
            team.is_answered().await?;
            platform.apply(&queue(&platform, "etl", json!({"allowedNamespaces": [team.name]}))).await?;
            let run = busy(&team, "etl", &platform).await?;
            let namespaces = Api::<Namespace>::all(team.client.clone());
            namespaces.delete(&platform.name, &DeleteParams::default()).await?;
            let gone = async || Ok(namespaces.get_opt(&platform.name).await?.is_none().then_some(()));
            until("the namespace is gone", gone).await?;
            ensure!(run.object().await?.status.context("a status")?.application_state.state == State::Running);
            Ok(())
        })
        .await
    })
    .await
}
