//! The examples of Kubeflow's operator, as they are but for their `apiVersion`: what each comes to. Their image is not to be
//! had here, so that one with nothing in it stands in under its name: whatever runs is ours.

use std::fs;

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::future::try_join_all;
use onager_crds::{SparkApplicationStatus, State};
use onager_e2e::ground::{client, cluster, repository};
use onager_e2e::schedule::Scheduled;
use onager_e2e::{Run, Team, command, foreign, undisturbed, until};
use serde_json::json;

const IMAGE: &str = "docker.io/apache/spark:4.0.4";
/// As that image ends.
const LINES: &str = "WORKDIR /opt/spark/work-dir\nUSER spark\nENTRYPOINT [\"/opt/entrypoint.sh\"]";
const NAMESPACE: &str = "default";
/// A schedule runs every three minutes: this many of its runs may be hit by tests that take nodes away.
const RUNS: usize = 3;

/// What an example comes to.
#[derive(Clone, Copy)]
enum End {
    /// It estimates pi.
    Completes,
    /// The same, once its queue is there.
    WaitsForItsQueue,
    /// The same, once the name of its image is filled in: its only gap.
    LacksItsImage,
    /// The same, once it has no fields where Kubernetes drops them silently, so that nobody has what was written.
    HasFieldsInVain,
    /// The same, and then it goes by itself.
    Goes,
    /// It fails, since it is written in Python.
    NeedsPython,
}

/// Files, the applications in them, and what these come to. All are of one namespace and several share a name, so that they are
/// there in groups.
const EXAMPLES: [&[(&str, &str, End)]; 4] = [
    &[
        ("spark-pi-ttl.yaml", "spark-pi-ttl", End::Goes),
        ("spark-pi.yaml", "spark-pi", End::Completes),
        ("spark-pi-python.yaml", "spark-pi-python", End::NeedsPython),
    ],
    &[
        ("spark-pi-emptydir.yaml", "spark-pi", End::Completes),
        ("spark-pi-configmap.yaml", "spark-pi-configmap", End::Completes),
        ("spark-pi-custom-resource.yaml", "spark-pi-custom-resource", End::Completes),
        ("spark-pi-prometheus-servlet.yaml", "spark-pi-python", End::NeedsPython),
    ],
    &[
        ("spark-pi-prometheus.yaml", "spark-pi", End::LacksItsImage),
        ("spark-pi-kube-scheduler.yaml", "spark-pi-kube-scheduler", End::Completes),
        ("spark-pi-yunikorn.yaml", "spark-pi-yunikorn", End::WaitsForItsQueue),
    ],
    &[
        ("spark-pi-pod-template.yaml", "spark-pi-pod-template", End::HasFieldsInVain),
        ("spark-pi-dynamic-allocation.yaml", "spark-pi-dynamic-allocation", End::Completes),
        ("spark-pi-volcano.yaml", "spark-pi-volcano", End::Completes),
    ],
];

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

/// Applies what is refused for a reason with these words.
async fn is_refused(team: &Team, text: &str, words: &str) -> Result<()> {
    let said = match apply(team, text).await {
        Ok(said) => bail!("it should be refused, but: {said}"),
        Err(error) => format!("{error:#}"),
    };
    ensure!(said.contains(words), "\"{words}\" is not in: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_example_runs_or_says_why_not() -> Result<()> {
    let cluster = cluster()?;
    let team = Team::existing(cluster.clone(), client(&cluster).await?, NAMESPACE);
    undisturbed(async || prepare(&team).await).await?;
    let result = all(&team).await;
    if let Err(error) = &result {
        team.tell(error).await;
    }
    // What is still there must not be in the way of other tests.
    let cleared = undisturbed(async || {
        team.kubectl(&["delete", "scheduledsparkapp,sparkapp", "--all", "--wait=false"]).await?;
        team.kubectl(&["label", "namespace", NAMESPACE, "onager.dev/team-"]).await
    });
    result.and(cleared.await.map(drop))
}

async fn prepare(team: &Team) -> Result<()> {
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
    team.kubectl(&["label", "namespace", NAMESPACE, "onager.dev/team=e2e", "--overwrite"]).await.map(drop)
}

async fn all(team: &Team) -> Result<()> {
    // Its first run is due in three minutes, which the others take anyway.
    let schedule = Scheduled { team: team.clone(), name: "spark-pi-scheduled".into() };
    let scheduled = format!("{}.yaml", schedule.name);
    undisturbed(async || {
        // Another kind, which is not ours.
        is_refused(team, &manifest("sparkconnect/spark-connect.yaml")?, "SparkConnect")
            .await
            .context("sparkconnect")?;
        apply(team, &manifest(&scheduled)?).await
    })
    .await?;
    for group in EXAMPLES {
        let each = group.iter().map(async |(file, name, end)| {
            let came = comes_to(team, &manifest(file)?, &team.run(name), *end).await;
            came.map_err(|error| anyhow!("{file}: {error:#}"))
        });
        undisturbed(async || try_join_all(each).await).await?;
    }
    has_a_run(&schedule).await.map_err(|error| anyhow!("{scheduled}: {error:#}"))
}

/// Nobody may disturb it meanwhile: none of them would run again after the loss of its driver's node.
async fn comes_to(team: &Team, manifest: &str, run: &Run, end: End) -> Result<()> {
    match end {
        End::Completes => {
            apply(team, manifest).await?;
            completes(run).await?;
        }
        End::WaitsForItsQueue => {
            apply(team, manifest).await?;
            let message = run.queues("QueueMissing").await?;
            ensure!(message.contains("default/root.default"), "{message}");
            let queue = json!({
                "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
                "metadata": {"name": "root.default", "namespace": NAMESPACE}, "spec": {"weight": 1},
            });
            team.apply(&queue).await?;
            completes(run).await?;
            team.kubectl(&["delete", "queue", "root.default"]).await?;
        }
        End::LacksItsImage => {
            is_refused(team, manifest, "yaml").await?;
            let filled = manifest
                .replace("{IMAGE_REGISTRY}/{IMAGE_REPOSITORY}/docker.io/apache/spark:4.0.4-gcs-prometheus", IMAGE)
                .replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent");
            apply(team, &filled).await?;
            completes(run).await?;
        }
        End::HasFieldsInVain => {
            is_refused(team, manifest, "spec.driver.template.spec.securityContext.capabilities").await?;
            let lines = [
                "          capabilities:\n            drop:\n            - ALL\n",
                "          allowPrivilegeEscalation: false\n",
            ];
            apply(team, &lines.iter().fold(manifest.to_string(), |text, line| text.replace(line, ""))).await?;
            completes(run).await?;
        }
        End::Goes => {
            apply(team, manifest).await?;
            run.reaches(State::Completed).await?;
            until("its time to live is over", async || {
                let there = team.kubectl(&["get", "sparkapp", "--output", "name"]).await?;
                Ok((!there.contains(&run.name)).then_some(()))
            })
            .await?;
        }
        End::NeedsPython => {
            apply(team, manifest).await?;
            let message = run.fails("UnsupportedType").await?;
            ensure!(message.contains("Python"), "{message}");
            run.delete().await?;
            run.vanishes().await?;
        }
    }
    Ok(())
}

async fn completes(run: &Run) -> Result<()> {
    let summary = run.completes().await?;
    ensure!(summary.result.as_deref().is_some_and(|line| line.starts_with("Pi is roughly 3.1")), "{summary:?}");
    run.delete().await?;
    run.vanishes().await
}

/// A run completes, and goes with its schedule. It begins when it is due, which may be while another test takes its node away: then
/// one of the next does.
async fn has_a_run(schedule: &Scheduled) -> Result<()> {
    let mut run = schedule.next_run(None).await?;
    let over = |status: &SparkApplicationStatus| status.application_state.state.is_terminal();
    for _ in 1..RUNS {
        let end = run.until("has ended", over).await?.application_state;
        if end.reason.as_deref() != Some("DriverLost") {
            break;
        }
        run = schedule.next_run(Some(&run)).await?;
    }
    run.completes().await?;
    schedule.team.kubectl(&["delete", "scheduledsparkapp", &schedule.name]).await?;
    run.vanishes().await
}
