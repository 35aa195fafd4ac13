//! The chart, installed as it is for users: on its own rights in a list of namespaces, upgraded, and taken away without its
//! CRDs.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use onager_e2e::ground::repository;
use onager_e2e::{Team, alone, app, command, in_quiet_namespace};
use serde::Deserialize as _;
use serde_yaml::Value;

const CHART: &str = "charts/onager";
const TEAMS: &str = "teamNamespaces={team-a,team-b}";
const SELECTOR: &str = "namespaceSelector=onager.dev/team";

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_without_a_fault() -> Result<()> {
    let values = ["--values", "k3d/values-dev.yaml"];
    helm(&[&["lint", "--strict", CHART][..], &values].concat()).await?;
    ensure!(helm(&["template", "onager", CHART]).await.is_err(), "a chart without namespaces is refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_right_to_everything() -> Result<()> {
    for set in [TEAMS, SELECTOR] {
        let text = helm(&["template", "onager", CHART, "--set", set]).await?;
        let mut rules = 0;
        for document in serde_yaml::Deserializer::from_str(&text) {
            let object = Value::deserialize(document)?;
            for rule in object["rules"].as_sequence().into_iter().flatten() {
                rules += 1;
                for list in ["apiGroups", "resources", "verbs"] {
                    let wild = rule[list].as_sequence().context("a rule has lists")?.iter().any(|word| word == "*");
                    ensure!(!wild, "{set}: {rule:?}");
                }
            }
        }
        ensure!(rules > 5, "{rules} rules were looked at");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_nobody_and_writes_no_file() -> Result<()> {
    let (cluster, operator) = (onager_e2e::ground::cluster()?, "onager-system");
    let client = onager_e2e::ground::client(&cluster).await?;
    let deployment = Api::<Deployment>::namespaced(client, operator).get("onager").await?;
    let pod = deployment.spec.and_then(|spec| spec.template.spec).context("a template")?;
    ensure!(pod.security_context.and_then(|context| context.run_as_non_root) == Some(true));
    for container in pod.containers {
        let context = container.security_context.context("a security context")?;
        ensure!(context.read_only_root_filesystem == Some(true) && context.allow_privilege_escalation == Some(false));
        ensure!(container.volume_mounts.is_none(), "nothing is mounted to be written to");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_the_engine() -> Result<()> {
    let mut tree = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    tree.current_dir(repository());
    tree.args(["tree", "--package", "onager-operator", "--edges", "normal", "--prefix", "none", "--offline"]);
    let tree = command::output(tree).await?;
    let heavy: Vec<&str> = tree.lines().filter(|l| l.starts_with("datafusion") || l.starts_with("ballista")).collect();
    ensure!(heavy.is_empty() && tree.contains("kube v"), "{heavy:?}");
    Ok(())
}

/// Its rights hold in the namespaces of its list alone, and are enough there.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_release_for_a_list_of_namespaces() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let teams = format!("teamNamespaces={{{}}}", team.name);
        let release = ["upgrade", "--install", "second", CHART, "--namespace", &team.name, "--values"];
        let values = ["k3d/values-dev.yaml", "--set", &teams, "--set", "crds.install=false"];
        let install = [&release[..], &values, &["--wait", "--timeout=180s"]].concat();
        helm(&install).await?;
        team.is_answered().await?;
        team.start(app("first")).await?.completes().await?;

        helm(&[&install[..], &["--set", "workers=3"]].concat()).await?;
        let deployment = team.api::<Deployment>().get("second-onager").await?;
        let pod = deployment.spec.and_then(|spec| spec.template.spec).context("a template")?;
        let arguments = pod.containers[0].args.clone().unwrap_or_default();
        ensure!(arguments.contains(&"--workers=3".to_string()), "{arguments:?}");
        team.start(app("second")).await?.completes().await?;
        helm(&["uninstall", "second", "--namespace", &team.name, "--wait"]).await?;
        let left = team.kubectl(&["get", "role,rolebinding,deployment,service", "--output", "name"]).await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await
}

/// The installed release is taken away and comes back as `tests/e2e/run.sh` made it.
#[tokio::test(flavor = "multi_thread")]
async fn crds_that_outlive_the_release() -> Result<()> {
    alone(async |team: Team| {
        let before = team.start(app("before")).await?;
        before.completes().await?;
        let place = ["--namespace", "onager-system"];
        helm(&[&["get", "values", "onager", "--output", "yaml"][..], &place].concat())
            .await
            .and_then(|values| Ok(std::fs::write(values_file(), values)?))?;
        helm(&[&["uninstall", "onager", "--wait"][..], &place].concat()).await?;
        before.object().await.context("the application is still there")?;

        let after = team.start(app("after")).await?;
        let file = values_file();
        let install = ["install", "onager", CHART, "--values", &file, "--wait", "--timeout=180s"];
        let installed = helm(&[&install[..], &place].concat()).await;
        std::fs::remove_file(&file)?;
        installed?;
        after.completes().await?;
        team.history.check("before").await?;
        team.history.check("after").await
    })
    .await
}

fn values_file() -> String {
    std::env::temp_dir().join(format!("onager-e2e-values-{}.yaml", std::process::id())).display().to_string()
}

async fn helm(arguments: &[&str]) -> Result<String> {
    let mut helm = Command::new(onager_cluster::helm()?);
    helm.current_dir(repository()).args(arguments);
    if let Ok(cluster) = onager_e2e::ground::cluster() {
        helm.env("KUBECONFIG", cluster.kubeconfig());
    }
    command::output(helm).await
}
