//! Daily work with the command `onager`: what it prints, and what scripts learn from its exit codes.

use anyhow::{Result, ensure};
use onager_e2e::cli::{Said, onager};
use onager_e2e::{Run, Team, app, in_namespace};
use serde_json::{Value, json};

/// As the Kubeflow operator has it.
fn theirs(mut manifest: Value) -> Value {
    manifest["items"][0]["apiVersion"] = "sparkoperator.k8s.io/v1beta2".into();
    manifest
}

fn holds(said: &Said, words: &[&str]) -> Result<()> {
    let text = format!("{}{}", said.out, said.err);
    for word in words {
        ensure!(text.contains(word), "no {word:?} in:\n{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_day_of_an_application() -> Result<()> {
    in_namespace(async |team: Team| {
        let manifest = theirs(app("etl").with(json!({"proxyUser": "somebody"})).manifest(&team.name));
        let said = onager(&team, &["submit", "-", "--follow"], Some(&manifest)).await?.exits(0)?;
        holds(&said, &["warning: etl: spec.proxyUser: not used", "etl: RUNNING", "etl: COMPLETED"])?;
        ensure!(said.out.contains("Pi is roughly 3.1"), "the driver's log is followed: {said:?}");

        let said = onager(&team, &["submit", "-"], Some(&manifest)).await?.exits(1)?;
        holds(&said, &["\"etl\" in namespace", "already"])?;
        let said = onager(&team, &["list"], None).await?.exits(0)?;
        holds(&said, &["NAME  STATE      EXECUTORS", "etl   COMPLETED  1/1"])?;
        let said = onager(&team, &["status", "etl"], None).await?.exits(0)?;
        holds(&said, &["State:      COMPLETED", "Driver:     etl-driver", "Result:     Pi is roughly 3.1"])?;
        let said = onager(&team, &["logs", "etl"], None).await?.exits(0)?;
        holds(&said, &["Pi is roughly 3.1"])?;
        let said = onager(&team, &["events", "etl"], None).await?.exits(0)?;
        holds(&said, &["sparkapplication/etl", "pod/etl-driver"])?;

        onager(&team, &["kill", "etl"], None).await?.exits(0)?;
        let pods = Run::of(team.clone(), "etl").pods().await?;
        ensure!(pods.is_empty(), "{} pods are left", pods.len());
        let said = onager(&team, &["status", "etl"], None).await?.exits(1)?;
        holds(&said, &["error: there is no SparkApplication \"etl\" in namespace"])?;
        let said = onager(&team, &["list"], None).await?.exits(0)?;
        holds(&said, &["there are no applications in namespace"])
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_fails_when_its_application_does() -> Result<()> {
    in_namespace(async |team: Team| {
        let manifest = app("etl").script_at("s3a://lake/scripts/none.sql").manifest(&team.name);
        let said = onager(&team, &["submit", "-", "--wait"], Some(&manifest)).await?.exits(3)?;
        holds(&said, &["etl: FAILED (BadInput): ", "none.sql"])?;

        let client = app("client").with(json!({"mode": "client", "driver": {"coers": 1}})).manifest(&team.name);
        let said = onager(&team, &["submit", "-"], Some(&client)).await?.exits(1)?;
        holds(&said, &["spec.mode: must be cluster", "spec.driver.coers: unknown field"])?;
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        let said = onager(&team, &["submit", "-"], Some(&config)).await?.exits(1)?;
        holds(&said, &["a ConfigMap", "kubectl"])
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_a_run_that_goes_on_and_its_kill() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").pi(1_000_000)).await?;
        // A RUNNING application's executors may still be on their way.
        run.computes(1).await?;
        let said = onager(&team, &["logs", "long", "--executor", "7"], None).await?.exits(1)?;
        holds(&said, &["there is no pod long-exec-7", "RUNNING"])?;
        onager(&team, &["logs", "long", "--executor", "1"], None).await?.exits(0)?;
        let (followed, killed) =
            tokio::join!(onager(&team, &["logs", "long", "-f"], None), onager(&team, &["kill", "long", "none"], None));
        holds(&killed?.exits(1)?, &["long deleted", "there is no SparkApplication \"none\""])?;
        followed?;
        run.vanishes().await
    })
    .await
}
