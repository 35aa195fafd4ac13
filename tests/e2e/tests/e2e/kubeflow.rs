//! The examples of Kubeflow's operator, as they are but for their `apiVersion`: what each comes to. Their image is not to be
//! had here, so that one with nothing in it stands in under its name: whatever runs is ours.

use std::fs;

use anyhow::{Result, ensure};
use onager_crds::{SparkApplicationStatus, State};
use onager_e2e::ground::{client, cluster, repository};
use onager_e2e::schedule::Scheduled;
use onager_e2e::{Run, Team, command, foreign, undisturbed, until};
use serde_json::json;

const IMAGE: &str = "docker.io/apache/spark:4.0.4";
/// As that image ends.
const LINES: &str = "WORKDIR /opt/spark/work-dir\nUSER spark\nENTRYPOINT [\"/opt/entrypoint.sh\"]";
const NAMESPACE: &str = "default";

/// A manifest as it is in the tree.
fn manifest(file: &str) -> Result<String> {
    let path = repository().join("tests/e2e/data/kubeflow").join(file);
    Ok(fs::read_to_string(path)?.replace("sparkoperator.k8s.io/v1beta2", "onager.dev/v1alpha1"))
}

async fn apply(team: &Team, text: &str) -> Result<String> {
    let mut kubectl = team.cluster.kubectl();
    kubectl.args(["apply", "--filename", "-"]);
    command::output_with_input(kubectl, text).await
}

async fn refused(team: &Team, text: &str) -> Result<String> {
    match apply(team, text).await {
        Ok(said) => anyhow::bail!("it should be refused, but: {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// The examples are written for the namespace `default`, and several share a name: one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn each_example_runs_or_says_why_not() -> Result<()> {
    let cluster = cluster()?;
    let team = Team::existing(cluster.clone(), client(&cluster).await?, NAMESPACE);
    foreign::image(&team.cluster, IMAGE, LINES).await?;
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "spark-operator-spark", "namespace": NAMESPACE}, "automountServiceAccountToken": false,
    });
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "test-configmap", "namespace": NAMESPACE}, "data": {"KEY1": "VALUE1"},
    });
    team.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [account, map]})).await?;
    team.kubectl(&["label", "namespace", NAMESPACE, "onager.dev/team=e2e", "--overwrite"]).await?;
    let result = all(&team).await;
    // What is still there must not be in the way of other tests.
    team.kubectl(&["delete", "scheduledsparkapp,sparkapp", "--all", "--wait=false"]).await?;
    team.kubectl(&["label", "namespace", NAMESPACE, "onager.dev/team-"]).await?;
    result
}

async fn all(team: &Team) -> Result<()> {
    // Its first run is due in three minutes, which the others take anyway.
    apply(team, &manifest("spark-pi-scheduled.yaml")?).await?;
    let schedule = Scheduled { team: team.clone(), name: "spark-pi-scheduled".into() };

    for (file, name) in [
        ("spark-pi.yaml", "spark-pi"),
        ("spark-pi-configmap.yaml", "spark-pi-configmap"),
        ("spark-pi-custom-resource.yaml", "spark-pi-custom-resource"),
        ("spark-pi-dynamic-allocation.yaml", "spark-pi-dynamic-allocation"),
        ("spark-pi-emptydir.yaml", "spark-pi"),
        ("spark-pi-kube-scheduler.yaml", "spark-pi-kube-scheduler"),
        ("spark-pi-volcano.yaml", "spark-pi-volcano"),
    ] {
        completes(team, &manifest(file)?, name).await?;
    }
    waits_for_its_queue(team, &manifest("spark-pi-yunikorn.yaml")?, "spark-pi-yunikorn").await?;
    // Its only gap is the name of an image.
    let prometheus = manifest("spark-pi-prometheus.yaml")?;
    ensure!(refused(team, &prometheus).await?.contains("yaml"), "it is no YAML until its image is filled in");
    let prometheus = prometheus
        .replace("{IMAGE_REGISTRY}/{IMAGE_REPOSITORY}/docker.io/apache/spark:4.0.4-gcs-prometheus", IMAGE)
        .replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent");
    completes(team, &prometheus, "spark-pi").await?;

    // Container fields at the level of the pod: Kubernetes drops them silently, so that nobody has what was written.
    let template = manifest("spark-pi-pod-template.yaml")?;
    let said = refused(team, &template).await?;
    ensure!(said.contains("spec.driver.template.spec.securityContext.capabilities"), "{said}");
    let lines = [
        "          capabilities:\n            drop:\n            - ALL\n",
        "          allowPrivilegeEscalation: false\n",
    ];
    // Of its ten thousand parts a hundred say as much: beside tests that take nodes away the rest only takes time.
    let template = lines.iter().fold(template, |text, line| text.replace(line, "")).replace("\"10000\"", "\"100\"");
    completes(team, &template, "spark-pi-pod-template").await?;

    for file in ["spark-pi-python.yaml", "spark-pi-prometheus-servlet.yaml"] {
        apply(team, &manifest(file)?).await?;
        let run = team.run("spark-pi-python");
        let message = run.fails("UnsupportedType").await?;
        ensure!(message.contains("Python"), "{message}");
        run.delete().await?;
    }

    undisturbed(async || {
        apply(team, &manifest("spark-pi-ttl.yaml")?).await?;
        team.run("spark-pi-ttl").reaches(State::Completed).await
    })
    .await?;
    until("its time to live is over", async || {
        let there = team.kubectl(&["get", "sparkapp", "--output", "name"]).await?;
        Ok((!there.contains("spark-pi-ttl")).then_some(()))
    })
    .await?;

    let run = a_run_of(&schedule).await?;
    team.kubectl(&["delete", "scheduledsparkapp", &schedule.name]).await?;
    run.vanishes().await?;

    // Another kind, which is not ours.
    let said = refused(team, &manifest("sparkconnect/spark-connect.yaml")?).await?;
    ensure!(said.contains("SparkConnect"), "{said}");
    Ok(())
}

/// It names a queue of YuniKorn's, and waits until there is one of ours.
async fn waits_for_its_queue(team: &Team, manifest: &str, name: &str) -> Result<()> {
    apply(team, manifest).await?;
    let message = team.run(name).queues("QueueMissing").await?;
    ensure!(message.contains("default/root.default"), "{message}");
    let queue = json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
        "metadata": {"name": "root.default", "namespace": NAMESPACE}, "spec": {"weight": 1},
    });
    team.apply(&queue).await?;
    completes(team, manifest, name).await?;
    team.kubectl(&["delete", "queue", "root.default"]).await?;
    Ok(())
}

async fn completes(team: &Team, manifest: &str, name: &str) -> Result<()> {
    undisturbed(async || {
        apply(team, manifest).await?;
        let run: Run = team.run(name);
        let summary = run.completes().await?;
        ensure!(summary.result.as_deref().is_some_and(|line| line.starts_with("Pi is roughly 3.1")), "{summary:?}");
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

/// One that completed. It begins when it is due, which may be while another test takes its node away: then it is the next.
async fn a_run_of(schedule: &Scheduled) -> Result<Run> {
    let first = schedule.next_run(None).await?;
    let over = |status: &SparkApplicationStatus| status.application_state.state.is_terminal();
    let end = first.until("has ended", over).await?.application_state;
    let disturbed = end.reason.as_deref() == Some("DriverLost");
    let run = if disturbed { schedule.next_run(Some(&first)).await? } else { first };
    run.completes().await?;
    Ok(run)
}
