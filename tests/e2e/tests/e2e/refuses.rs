//! Bad input is refused with words that tell what to change: by the API server at once where it can know, else in the
//! status.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{Patch, PatchParams};
use onager_crds::State;
use onager_e2e::operator::Operator;
use onager_e2e::{App, Team, app, in_namespace, in_quiet_namespace};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_is_not_supported() -> Result<()> {
    for (kind, change) in [
        ("python", json!({"type": "Python", "mainApplicationFile": "s3a://lake/job.py"})),
        ("scala", json!({"type": "Scala", "mainClass": "org.example.Main"})),
        ("r", json!({"type": "R"})),
    ] {
        in_namespace(async |team: Team| {
            let run = team.start(app(kind).with(change)).await?;
            let message = run.fails("UnsupportedType").await?;
            ensure!(message.to_lowercase().contains(&format!("type {kind}")), "{message}");
            let ever = team.history.all().await?;
            ensure!(ever.is_empty(), "there were pods: {ever:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_known() -> Result<()> {
    in_namespace(async |team: Team| {
        let change = json!({"driver": {"coers": 2}});
        refused(&team, app("etl").with(change), &["spec.driver", "unknown field \"coers\""]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_twelve_potatoes() -> Result<()> {
    in_namespace(async |team: Team| {
        let change = json!({"executor": {"memory": "12potatoes"}});
        refused(&team, app("etl").with(change), &["spec.executor.memory", "512m"]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_cores() -> Result<()> {
    in_namespace(async |team: Team| {
        refused(&team, app("etl").with(json!({"driver": {"cores": 0}})), &["spec.driver.cores"]).await
    })
    .await
}

/// Each rule that is written in the CRD: the API server itself says these.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_of_the_crd_forbid() -> Result<()> {
    in_namespace(async |team: Team| {
        let sql =
            |file: Value| json!({"type": "SQL", "mainClass": null, "arguments": null, "mainApplicationFile": file});
        let rust = |image: Value, file: &str| json!({"type": "Rust", "image": image, "mainApplicationFile": file});
        let allocation = json!({"enabled": true, "minExecutors": 3, "maxExecutors": 2});
        for (change, words) in [
            (json!({"driver": {"coreRequest": "0"}}), ["spec.driver.coreRequest", "CPU above zero"]),
            (json!({"executor": {"coreLimit": "lots"}}), ["spec.executor.coreLimit", "CPU above zero"]),
            (json!({"driver": {"memoryLimit": "0m"}}), ["spec.driver.memoryLimit", "amount of memory"]),
            (json!({"executor": {"memoryOverhead": "some"}}), ["spec.executor.memoryOverhead", "amount of memory"]),
            (json!({"driver": {"podName": "Not_A_Name"}}), ["spec.driver.podName", "the name of a pod"]),
            (json!({"executor": {"instances": 10_001}}), ["spec.executor.instances", "10000"]),
            (json!({"dynamicAllocation": allocation}), ["spec.dynamicAllocation", "not be more than maxExecutors"]),
            (json!({"imagePullPolicy": "Sometimes"}), ["spec.imagePullPolicy", "Always, IfNotPresent or Never"]),
            (json!({"memoryOverheadFactor": "much"}), ["spec.memoryOverheadFactor", "a number"]),
            (json!({"mode": "client"}), ["spec.mode", "must be cluster"]),
            (json!({"pythonVersion": "4"}), ["spec.pythonVersion", "\"2\" or \"3\""]),
            (json!({"queue": "Not a queue"}), ["spec.queue", "the name of a Queue"]),
            (sql(Value::Null), ["spec.mainApplicationFile", "is required"]),
            (sql(json!("https://example.org/a.sql")), ["spec.mainApplicationFile", "s3a://"]),
            (rust(Value::Null, "local:///app"), ["spec.image", "is required"]),
            (rust(json!("team/app:1"), "s3a://lake/app"), ["spec.mainApplicationFile", "local:///path"]),
        ] {
            refused(&team, app("etl").with(change), &words).await?;
        }
        refused(&team, app(&"a".repeat(53)), &["metadata.name", "52 characters"]).await?;
        refused(&team, app("1st"), &["metadata.name", "begins with a letter"]).await?;
        let named = |name: &str| app("named").with(json!({"suspend": true, "driver": {"podName": name}}));
        team.start(named("one")).await?;
        refused(&team, named("two"), &["spec.driver.podName", "cannot be changed"]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_not_there() -> Result<()> {
    in_namespace(async |team: Team| {
        for (name, uri) in [("bucket", "s3a://lake/scripts/none.sql"), ("image", "local:///scripts/none.sql")] {
            let message = team.start(app(name).script_at(uri)).await?.fails("BadInput").await?;
            ensure!(message.contains("none.sql"), "{message}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_with_an_error() -> Result<()> {
    in_namespace(async |team: Team| {
        for (name, script, words) in [
            ("syntax", "SELECT 1;\n\nSELEC 2;", "line 3: "),
            ("table", "SELECT 1;\nSELECT *\nFROM nowhere;", "nowhere"),
            ("column", "SELECT 1 AS a;\nSELECT b FROM (SELECT 1 AS a);", "line 2: "),
        ] {
            let run = team.start(app(name).sql(script)).await?;
            let message = run.fails("BadInput").await?;
            ensure!(message.starts_with("line ") && message.contains(words), "{name}: {message}");
            run.comes_to_rest().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_that_fails_while_it_runs() -> Result<()> {
    in_namespace(async |team: Team| {
        let script = "CREATE EXTERNAL TABLE nation STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/nation/';\n\
                      SELECT 10 / (n_nationkey - 5) AS x FROM nation;";
        let message = team.start(app("divides").sql(script)).await?.fails("ApplicationError").await?;
        ensure!(message.starts_with("line 2: ") && message.contains("ivide by zero"), "{message}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_does_not_exist() -> Result<()> {
    in_namespace(async |team: Team| {
        let script = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3a://no-such-bucket/t/';";
        let message = team.start(app("etl").sql(script)).await?.fails("BadInput").await?;
        ensure!(message.contains("no-such-bucket") && message.contains("does not exist"), "{message}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_s3_key() -> Result<()> {
    in_namespace(async |team: Team| {
        let keys = [
            (
                "unknown",
                json!({"spark.hadoop.fs.s3a.access.key": "nobody", "spark.hadoop.fs.s3a.secret.key": "s3cr3t"}),
            ),
            ("secret", json!({"spark.hadoop.fs.s3a.access.key": "onager", "spark.hadoop.fs.s3a.secret.key": "s3cr3t"})),
        ];
        let script = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/nation/';";
        for (name, conf) in keys {
            let run = team.start(app(name).sql(script).with(json!({"sparkConf": conf}))).await?;
            let message = run.fails("BadInput").await?;
            let key = conf["spark.hadoop.fs.s3a.access.key"].as_str().unwrap_or_default();
            ensure!(message.contains("lake") && message.contains(key), "{message}");
            ensure!(!message.contains("s3cr3t"), "a secret is shown: {message}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let _operator = Operator::start_impatient(&team).await?;
        let image = json!({"type": "Rust", "image": "onager/none:missing", "mainApplicationFile": "local:///app"});
        let run = team.start(app("etl").with(image)).await?;
        let status = run
            .until("says so while it is SUBMITTED", |status| {
                let state = &status.application_state;
                state.state == State::Submitted && state.reason.as_deref() == Some("ImagePullBackOff")
            })
            .await?;
        let message = status.application_state.error_message.unwrap_or_default();
        ensure!(message.contains("onager/none:missing"), "{message}");
        let message = run.fails("ImagePullBackOff").await?;
        ensure!(message.contains("gave up"), "{message}");
        run.comes_to_rest().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_memory_than_any_node_has() -> Result<()> {
    in_namespace(async |team: Team| {
        raise_quota(&team, json!({"requests.memory": "200Ti", "limits.memory": "200Ti"})).await?;
        let run = team.start(app("huge").with(json!({"executor": {"memory": "90000g"}}))).await?;
        let message = run.queues("TooLarge").await?;
        for words in ["memory", "too little", "it never fits"] {
            ensure!(message.contains(words), "{message}");
        }
        let ever = team.history.all().await?;
        ensure!(ever.is_empty(), "there were pods: {ever:?}");
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_quota_that_is_too_small_until_it_is_raised() -> Result<()> {
    in_namespace(async |team: Team| {
        raise_quota(&team, json!({"requests.memory": "1Gi"})).await?;
        let run = team.start(app("etl").executors(2)).await?;
        let message = run.queues("QuotaExceeded").await?;
        for words in ["requests.memory 1.9Gi", "quota team", "too little"] {
            ensure!(message.contains(words), "{message}");
        }
        let ever = team.history.all().await?;
        ensure!(ever.is_empty(), "there were pods: {ever:?}");
        raise_quota(&team, json!({"requests.memory": "4Gi"})).await?;
        run.completes().await?;
        team.history.check("etl").await
    })
    .await
}

async fn refused(team: &Team, app: App, words: &[&str]) -> Result<()> {
    let said = match team.start(app).await {
        Ok(run) => anyhow::bail!("{} was taken", run.name),
        Err(error) => format!("{error:#}"),
    };
    ensure!(words.iter().all(|word| said.contains(word)), "{said}");
    let ever = team.history.all().await?;
    ensure!(ever.is_empty(), "there were pods: {ever:?}");
    Ok(())
}

async fn raise_quota(team: &Team, hard: Value) -> Result<()> {
    let change = Patch::Merge(json!({"spec": {"hard": hard}}));
    team.api::<ResourceQuota>().patch("team", &PatchParams::default(), &change).await?;
    Ok(())
}
