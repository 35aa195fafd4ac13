//! Schedules make runs: at their times, one for each, whoever is killed; beside each other, one at a time or one in place of
//! the other, as their policy says.

use std::fs;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use onager_crds::{ScheduledSparkApplicationStatus, State};
use onager_e2e::data::longer;
use onager_e2e::ground::{client, cluster, repository};
use onager_e2e::operator::Operator;
use onager_e2e::proxy::{Fault, Proxy, When};
use onager_e2e::schedule::Scheduled;
use onager_e2e::team::ACCOUNT;
use onager_e2e::{Run, Team, app, in_namespace, in_quiet_namespace, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn fire_again_and_again_and_keep_the_newest() -> Result<()> {
    in_namespace(async |team: Team| {
        let schedule =
            Scheduled::start(&team, app("often"), "@every 5s", json!({"concurrencyPolicy": "Forbid"})).await?;
        let mut last: Option<Run> = None;
        for _ in 0..3 {
            let run = schedule.next_run(last.as_ref()).await?;
            run.completes().await?;
            last = Some(run);
        }
        schedule.change(json!({"suspend": true})).await?;
        let suspended = |status: &ScheduledSparkApplicationStatus| {
            status.next_run.is_none() && status.reason.as_deref().is_some_and(|reason| reason.contains("suspend"))
        };
        let status = schedule.until("is suspended", suspended).await?;
        let last = team.run(&status.last_run_name.context("a last run")?);
        last.completes().await?;
        let kept = |status: &ScheduledSparkApplicationStatus| status.past_successful_run_names == [last.name.as_str()];
        schedule.until("keeps the newest", kept).await?;
        until("the others are deleted", async || Ok((schedule.runs().await?.len() == 1).then_some(()))).await?;
        let before = schedule.ever().await?;
        ensure!(before.len() >= 3, "{before:?}");

        // The next one comes when the schedule is resumed; none came in between.
        schedule.change(json!({"suspend": false})).await?;
        let next = schedule.next_run(Some(&last)).await?;
        next.completes().await?;
        let between: Vec<String> =
            schedule.ever().await?.into_iter().filter(|run| *run > last.name && *run < next.name).collect();
        ensure!(between.is_empty(), "{between:?}");
        schedule.check().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time() -> Result<()> {
    in_namespace(async |team: Team| {
        let forbid = json!({"concurrencyPolicy": "Forbid"});
        let schedule = Scheduled::start(&team, app("alone").sql(&longer(8)), "@every 3s", forbid).await?;
        let first = schedule.next_run(None).await?;
        first.computes(1).await?;
        let skipped = |status: &ScheduledSparkApplicationStatus| {
            status.reason.as_deref().is_some_and(|reason| reason.contains(&first.name))
        };
        let due = schedule.until("skips one", skipped).await?.next_run;
        schedule.until("skips another", |status| skipped(status) && status.next_run > due).await?;
        ensure!(schedule.runs().await?.len() == 1, "the first run is alone");

        // A run that is deleted ends when its driver is gone.
        first.delete().await?;
        let second = schedule.next_run(Some(&first)).await?;
        let drivers = working_drivers(&team).await?;
        ensure!(!drivers.contains(&format!("{}-driver", first.name)), "{drivers:?}");
        schedule.change(json!({"suspend": true})).await?;
        second.reaches(State::Running).await?;
        schedule.check().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_in_place_of_the_other() -> Result<()> {
    in_namespace(async |team: Team| {
        let replace = json!({"concurrencyPolicy": "Replace"});
        let schedule = Scheduled::start(&team, app("newest").sql(&longer(8)), "@every 10s", replace).await?;
        let first = schedule.next_run(None).await?;
        until("the first run is replaced", async || {
            let drivers = working_drivers(&team).await?;
            ensure!(drivers.len() <= 1, "two at once: {drivers:?}");
            let names: Vec<String> = schedule.runs().await?.iter().map(ResourceExt::name_any).collect();
            Ok((!names.is_empty() && !names.contains(&first.name)).then_some(()))
        })
        .await?;
        schedule.change(json!({"suspend": true})).await?;
        schedule.check().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn not_without_a_schedule_that_can_be_read() -> Result<()> {
    in_namespace(async |team: Team| {
        for (schedule, words) in [("at noon", "five cron fields"), ("@every", "@every 1h30m"), ("", "spec.schedule")] {
            let manifest = Scheduled::manifest(&team, &app("wrong"), schedule, json!({}));
            let said = team.apply(&manifest).await.map_or_else(|error| format!("{error:#}"), |_| "taken".into());
            ensure!(said.contains("spec.schedule") && said.contains(words), "{schedule:?}: {said}");
        }
        let long = "a".repeat(42);
        let manifest = Scheduled::manifest(&team, &app(&long), "@daily", json!({}));
        let said = team.apply(&manifest).await.map_or_else(|error| format!("{error:#}"), |_| "taken".into());
        ensure!(said.contains("no more than 41 characters"), "{said}");
        Ok(())
    })
    .await
}

/// What came in without a webhook ends in FailedValidation, which the tests of core show.
#[tokio::test(flavor = "multi_thread")]
async fn when_what_was_refused_is_corrected() -> Result<()> {
    in_namespace(async |team: Team| {
        let refused = Scheduled::start(&team, app("wrong"), "@every 5s", json!({"timeZone": "Europe/Atlantis"})).await;
        let reason = refused.err().map(|error| format!("{error:#}")).context("it was taken")?;
        ensure!(reason.contains("spec.timeZone") && reason.contains("Europe/Berlin"), "{reason}");
        let schedule = Scheduled::start(&team, app("wrong"), "@every 5s", json!({"timeZone": "Asia/Kolkata"})).await?;
        schedule.next_run(None).await?.completes().await?;
        Ok(())
    })
    .await
}

/// Whose runs they are is settled when the schedule is written.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_rights_that_their_author_had() -> Result<()> {
    in_namespace(async |team: Team| {
        let verbs = json!(["get", "create", "patch", "update"]);
        let write = json!({"apiGroups": ["onager.dev"], "resources": ["scheduledsparkapplications"], "verbs": verbs});
        let act = json!({"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": [ACCOUNT], "verbs": ["impersonate"]});
        team.allow("bob", json!([write])).await?;
        team.allow("ann", json!([write, act])).await?;
        let manifest = |parts, suspend: bool| {
            let change = json!({"concurrencyPolicy": "Forbid", "suspend": suspend});
            Scheduled::manifest(&team, &app("theirs").pi(parts), "@every 5s", change)
        };
        let refused = team.apply_as("bob", &manifest(1, false)).await.err();
        let said = refused.map(|error| format!("{error:#}")).context("bob's was taken")?;
        for words in ["spec.template.driver.serviceAccount", "\"bob\" may not use service account \"team\""] {
            ensure!(said.contains(words), "{said}");
        }

        team.apply_as("ann", &manifest(1, false)).await?;
        let schedule = Scheduled { team: team.clone(), name: "theirs".into() };
        let first = schedule.next_run(None).await?;
        first.completes().await?;
        // What she wrote while she had the right goes on.
        team.kubectl(&["delete", "rolebinding", "ann"]).await?;
        let second = schedule.next_run(Some(&first)).await?;
        second.completes().await?;
        let author = second.object().await?.annotations().get("onager.dev/author").cloned();
        ensure!(author.as_deref() == Some("ann"), "{author:?}");
        let account = second.driver().await?.spec.and_then(|spec| spec.service_account_name);
        ensure!(account.as_deref() == Some(ACCOUNT), "{account:?}");

        let other = team.apply_as("bob", &manifest(2, false)).await;
        ensure!(other.is_err(), "bob changed what runs as an account that is not his: {other:?}");
        team.apply_as("bob", &manifest(1, true)).await?;
        schedule.until("is suspended", |status| status.next_run.is_none()).await.map(drop)
    })
    .await
}

/// The operator is killed before and after each write about a run: that the run is on record, the run, that it was made.
#[tokio::test(flavor = "multi_thread")]
async fn one_run_for_each_time_whoever_is_killed() -> Result<()> {
    // The first writes are the key of the control channel and the schedule's first status.
    let faults = (2..=6).flat_map(|write| [When::Before, When::After].map(|when| Fault { write, when }));
    let runs = stream::iter(faults).map(|fault| async move {
        let mut writes = Vec::new();
        in_quiet_namespace(async |team: Team| {
            let proxy = Proxy::start(&team.cluster, Some(fault)).await?;
            let mut operator = Operator::start(&team, &proxy)?;
            let result = killed_once(&team, &proxy, &mut operator).await;
            writes = proxy.writes();
            result.with_context(|| format!("killed at {fault:?}: {writes:#?}\nlog:\n{}", operator.log()))
        })
        .await
    });
    runs.buffer_unordered(4).try_collect::<Vec<()>>().await.map(drop)
}

async fn killed_once(team: &Team, proxy: &Proxy, operator: &mut Operator) -> Result<()> {
    let change = json!({"concurrencyPolicy": "Forbid", "successfulRunHistoryLimit": 10});
    let schedule = Scheduled::start(team, app("due"), "@every 5s", change).await?;
    until("the operator is killed", async || Ok(proxy.has_fired().then_some(()))).await?;
    operator.wait().await?;
    *operator = Operator::start(team, proxy)?;
    let first = schedule.next_run(None).await?;
    first.completes().await?;
    let second = schedule.next_run(Some(&first)).await?;
    second.completes().await?;
    schedule.change(json!({"suspend": true})).await?;
    let status = schedule.until("is suspended", |status| status.next_run.is_none()).await?;
    // Nothing was made that is not on record.
    let there: Vec<String> = schedule.runs().await?.iter().map(ResourceExt::name_any).collect();
    let last = status.last_run_name.unwrap_or_default();
    ensure!(there.iter().all(|run| *run <= last) && there.contains(&last), "{there:?}, last {last}");
    schedule.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_in_berlin_as_the_example_says() -> Result<()> {
    let cluster = cluster()?;
    let client = client(&cluster).await?;
    let team = Team::existing(cluster, client, "team-alpha");
    let file = repository().join("examples/schedules/pi-nightly.yaml");
    let manifest: serde_json::Value = serde_yaml::from_str(&fs::read_to_string(&file)?)?;
    team.apply(&manifest).await?;
    let schedule = Scheduled { team: team.clone(), name: "pi-nightly".into() };
    let status = schedule.until("is scheduled", |status| status.next_run.is_some()).await?;
    let next = status.next_run.context("a next run")?.0;
    let shown = team.kubectl(&["get", "scheduledsparkapp", "pi-nightly", "--output", "wide"]).await?;
    team.kubectl(&["delete", "scheduledsparkapp", "pi-nightly"]).await?;
    let hour = next.strftime("%H:%M").to_string();
    ensure!(["00:30", "01:30"].contains(&hour.as_str()), "02:30 in Berlin is {hour} in UTC");
    ensure!(shown.contains("30 2 * * *") && shown.contains("Europe/Berlin") && shown.contains("Scheduled"), "{shown}");
    Ok(())
}

/// Names of drivers' pods that have not ended.
async fn working_drivers(team: &Team) -> Result<Vec<String>> {
    let drivers = team.api::<Pod>().list(&ListParams::default().labels("onager.dev/role=driver")).await?;
    let works = |pod: &&Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        !matches!(phase, Some("Succeeded" | "Failed"))
    };
    Ok(drivers.items.iter().filter(works).map(ResourceExt::name_any).collect())
}
