//! What is right completes, with the right result: the examples as they are in the tree, and small ones at the edges.

use std::fs;

use anyhow::{Context, Result, ensure};
use onager_crds::SparkApplication;
use onager_e2e::data::{LONG, run_plainly, tables};
use onager_e2e::ground::{client, cluster, repository};
use onager_e2e::team::{ACCOUNT, Team};
use onager_e2e::{Run, app, in_namespace};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn alphas_pi_in_scala() -> Result<()> {
    example("alpha", "pi").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn betas_pi_in_rust() -> Result<()> {
    example("beta", "pi").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn alphas_report_as_plain_datafusion_does() -> Result<()> {
    let run = example("alpha", "tpch-report").await?;
    compare_with_plain_datafusion(&run, "examples/teams/alpha/tpch-report.sql").await
}

#[tokio::test(flavor = "multi_thread")]
async fn betas_etl_as_plain_datafusion_does() -> Result<()> {
    let run = example("beta", "taxi-etl").await?;
    compare_with_plain_datafusion(&run, "examples/teams/beta/taxi-etl.sql").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_computes_on_every_executor() -> Result<()> {
    in_namespace(async |team: Team| {
        let sql = "CREATE EXTERNAL TABLE nation STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/nation/';\n\
                   SELECT sum(n_nationkey * 1001) AS total FROM nation;\nSELECT 7 AS seven, NULL AS nothing;";
        let run = team.start(app("sums").sql(sql).executors(3)).await?;
        let summary = run.completes().await?;
        let preview = summary.preview.expect("the last query has rows");
        ensure!(preview.columns == ["seven", "nothing"] && preview.rows == [["7", ""]], "{preview:?}");
        ensure!(summary.statements == 3 && summary.rows == 1, "three statements");
        ensure!(run.log().await?.contains("300300"), "the log shows the result");
        run.comes_to_rest().await?;
        team.history.check("sums").await
    })
    .await
}

/// A first manifest often holds both: the quota's and the service account's controllers are then not done yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_applied_together_with_its_namespace() -> Result<()> {
    in_namespace(async |team: Team| {
        let name = format!("{}-two", team.name);
        let both = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"onager.dev/team": "e2e"}}},
            {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all", "namespace": name},
             "spec": {"hard": {"requests.cpu": "2", "limits.cpu": "4", "limits.memory": "4Gi", "pods": "5"}}},
            {"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
             "metadata": {"name": "pi", "namespace": name},
             "spec": {"type": "Scala", "mainClass": "org.apache.spark.examples.SparkPi",
                      "driver": {"coreRequest": "50m", "memory": "256m"},
                      "executor": {"coreRequest": "50m", "memory": "256m"}}},
        ]});
        team.apply(&both).await?;
        let second = Team { name: name.clone(), ..team.clone() };
        let completed = second.run("pi").completes().await;
        team.kubectl(&["delete", "namespace", &name, "--wait=false"]).await?;
        completed.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_manifest_of_the_readme() -> Result<()> {
    in_namespace(async |team: Team| {
        let readme = fs::read_to_string(repository().join("README.md"))?;
        let manifest =
            readme.split("```yaml").nth(1).and_then(|rest| rest.split("```").next()).context("a manifest")?;
        let mut manifest: Value = serde_yaml::from_str(manifest)?;
        manifest["metadata"]["namespace"] = team.name.as_str().into();
        team.apply(&manifest).await?;
        let name = manifest["metadata"]["name"].as_str().context("a name")?;
        team.run(name).completes().await.map(drop)
    })
    .await
}

/// The driver's name is free only when its predecessor is gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_as_soon_as_it_was_deleted() -> Result<()> {
    in_namespace(async |team: Team| {
        let first = team.start(app("again").sql(LONG)).await?;
        first.computes(1).await?;
        first.delete().await?;
        let second = team.start(app("again").sql("SELECT 2 AS two")).await?;
        ensure!(second.completes().await?.preview.is_some_and(|preview| preview.rows == [["2"]]));
        second.comes_to_rest().await?;
        let drivers = team.history.all().await?.into_iter().filter(|pod| pod.role == "driver").count();
        ensure!(drivers == 2, "{drivers} drivers for two applications");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_in_one_namespace() -> Result<()> {
    in_namespace(async |team: Team| {
        let names = ["one", "two", "three"];
        for name in names {
            team.start(app(name).executors(2).pi(2)).await?;
        }
        for name in names {
            team.run(name).completes().await?;
            team.history.check(name).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_after_which_it_is_gone() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("short").with(json!({"timeToLiveSeconds": 1}))).await?;
        run.vanishes_after_it_began().await
    })
    .await
}

/// The engine is brought into an image of the user's.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_an_image_without_an_engine() -> Result<()> {
    in_namespace(async |team: Team| {
        let foreign =
            json!({"image": "onager-pause:1", "imagePullPolicy": "Never", "driver": {"serviceAccount": ACCOUNT}});
        let run = team.start(app("foreign").sql("SELECT 42 AS answer").with(foreign)).await?;
        let preview = run.completes().await?.preview.expect("rows");
        ensure!(preview.rows == [["42"]], "{preview:?}");
        Ok(())
    })
    .await
}

/// Applies an example with its team's namespace and compares the result with the golden file.
async fn example(team: &str, name: &str) -> Result<Run> {
    let cluster = cluster()?;
    let client = client(&cluster).await?;
    let owner = Team::existing(cluster, client, &format!("team-{team}"));
    let folder = repository().join("examples/teams").join(team);
    let manifest = folder.join(format!("{name}.yaml")).display().to_string();
    owner.kubectl(&["delete", "--filename", &manifest, "--ignore-not-found", "--wait"]).await?;
    owner.kubectl(&["apply", "--filename", &manifest]).await?;
    let run = owner.run(name);
    let summary = run.completes().await?;
    let mut found = summary.result.into_iter().collect::<Vec<_>>();
    if let Some(preview) = summary.preview {
        found.push(preview.columns.join(" | "));
        found.extend(preview.rows.iter().map(|row| row.join(" | ")));
    }
    let golden = fs::read_to_string(folder.join("expected").join(format!("{name}.txt")))?;
    ensure!(found.join("\n").trim() == golden.trim(), "found:\n{}\nexpected:\n{golden}", found.join("\n"));
    run.comes_to_rest().await?;
    Ok(run)
}

async fn compare_with_plain_datafusion(run: &Run, script: &str) -> Result<()> {
    let script = repository().join(script).display().to_string();
    let plain = run_plainly(&run.team.cluster, &run.team.client, &script).await?;
    let ours = tables(&run.log().await?);
    ensure!(!plain.is_empty() && ours == plain, "ours:\n{}\nplain:\n{}", ours.join("\n"), plain.join("\n"));
    Ok(())
}

/// Waiting for an object to go needs to know that it was there.
trait Vanishes {
    async fn vanishes_after_it_began(&self) -> Result<()>;
}

impl Vanishes for Run {
    async fn vanishes_after_it_began(&self) -> Result<()> {
        onager_e2e::until("the application is gone", async || {
            Ok(self.team.api::<SparkApplication>().get_opt(&self.name).await?.is_none().then_some(()))
        })
        .await?;
        ensure!(!self.team.history.all().await?.is_empty(), "it ran before");
        self.vanishes().await
    }
}
