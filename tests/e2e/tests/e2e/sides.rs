//! What stands beside an application's pods on a real cluster: it is there while the application runs, comes back when
//! somebody deletes it, and goes with the run. And pods that wait for something that is not there: the reason names it.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, EvictParams};
use kube::{Api, ResourceExt};
use onager_e2e::data::longer;
use onager_e2e::ground::client_without_retry;
use onager_e2e::operator::Operator;
use onager_e2e::{App, Run, Team, app, in_namespace, in_quiet_namespace, until};
use serde_json::json;

/// An application that asks for everything there is.
fn everything(name: &str, script: &str) -> App {
    app(name).sql(script).with(json!({
        "driverPodDisruptionBudget": true,
        "sparkUIOptions": {"servicePort": 80, "servicePortName": "ui", "serviceLabels": {"team": "e2e"}},
        "driverIngressOptions": [
            {"servicePort": 8888, "servicePortName": "notebook", "ingressURLFormat": "{{$appName}}.example.org"},
        ],
    }))
}

fn all_of(name: &str) -> Vec<String> {
    [
        format!("Service {name}-driver"),
        format!("Service {name}-driver-8888"),
        format!("Service {name}-ui-svc"),
        format!("Ingress {name}-ing-8888"),
        format!("PodDisruptionBudget {name}-driver"),
    ]
    .into()
}

async fn has(run: &Run, wanted: &[String]) -> Result<()> {
    until("all stands beside the pods", async || {
        let there = run.sides().await?;
        ensure!(there == wanted, "there are {there:?}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_was_asked_for_is_there_while_it_runs_and_gone_at_the_end() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(everything("etl", &longer(40))).await?;
        run.computes(1).await?;
        has(&run, &all_of("etl")).await?;
        let address = team.api::<Service>().get("etl-ui-svc").await?.spec.and_then(|spec| spec.cluster_ip);
        let info = run.object().await?.status.and_then(|status| status.driver_info).unwrap_or_default();
        ensure!(info.web_ui_service_name.as_deref() == Some("etl-ui-svc"), "{info:?}");
        ensure!(
            info.web_ui_port == Some(80) && info.web_ui_address == address.map(|ip| format!("{ip}:80")),
            "{info:?}"
        );
        is_kept(&team, &run).await?;
        // A run that ends otherwise than well leaves no more behind.
        run.kill_driver().await?;
        run.fails("DriverFailed").await?;
        run.comes_to_rest().await?;

        let run = team.start(everything("short", "SELECT 1")).await?;
        run.completes().await?;
        run.comes_to_rest().await
    })
    .await
}

/// Nobody drains the node of a driver that runs.
async fn is_kept(team: &Team, run: &Run) -> Result<()> {
    let driver = run.driver().await?.name_any();
    until("the disruption budget counts the driver", async || {
        let status = team.api::<PodDisruptionBudget>().get(&driver).await?.status.unwrap_or_default();
        Ok((status.current_healthy == 1 && status.disruptions_allowed == 0).then_some(()))
    })
    .await?;
    // The usual client asks again until nobody holds the eviction up.
    let pods: Api<Pod> = Api::namespaced(client_without_retry(&team.cluster).await?, &team.name);
    let answer = pods.evict(&driver, &EvictParams::default()).await;
    ensure!(
        matches!(&answer, Err(kube::Error::Api(status)) if status.code == 429),
        "an eviction is refused for now: {answer:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ui_service_that_somebody_deletes_is_made_again() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("etl").sql(&longer(40))).await?;
        run.computes(1).await?;
        let services = team.api::<Service>();
        let first = services.get("etl-ui-svc").await?.uid();
        services.delete("etl-ui-svc", &DeleteParams::default()).await?;
        until("there is another UI Service", async || {
            let there = services.get_opt("etl-ui-svc").await?;
            Ok(there.filter(|service| service.uid() != first).map(|_| ()))
        })
        .await?;
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disruption_budget_comes_and_goes_with_its_field() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(everything("etl", &longer(40))).await?;
        run.computes(1).await?;
        let (all, mut without) = (all_of("etl"), all_of("etl"));
        without.pop();
        has(&run, &all).await?;
        run.edit(json!({"driverPodDisruptionBudget": false})).await?;
        has(&run, &without).await?;
        run.edit(json!({"driverPodDisruptionBudget": true})).await?;
        has(&run, &all).await?;
        team.history.check("etl").await?;
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_application_leaves_nothing() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(everything("etl", &longer(40))).await?;
        run.computes(1).await?;
        has(&run, &all_of("etl")).await?;
        run.delete().await?;
        run.vanishes().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_somebody_else_is_left_alone_and_the_run_goes_on() -> Result<()> {
    in_namespace(async |team: Team| {
        team.apply(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "etl-ui-svc", "namespace": team.name},
            "spec": {"ports": [{"port": 1}]},
        }))
        .await?;
        let before = team.api::<Service>().get("etl-ui-svc").await?.uid();
        let run = team.start(app("etl")).await?;
        run.completes().await?;
        run.comes_to_rest().await?;
        ensure!(team.api::<Service>().get("etl-ui-svc").await?.uid() == before, "it is the one there was");
        until("somebody is told", async || {
            let told = run.events().await?;
            Ok(told.iter().any(|reason| reason == "SparkObjectRefused").then_some(()))
        })
        .await
    })
    .await
}

/// None of these can be seen to be missing in the same place: mounts are in events alone, the environment in the container's
/// state, a claim in the pod's conditions.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_driver_waits_for_in_vain_is_named_when_it_fails() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let _operator = Operator::start_impatient(&team).await?;
        let volume = |source: serde_json::Value| {
            let mut volume = json!({"name": "missing"});
            volume.as_object_mut().expect("object").extend(source.as_object().cloned().unwrap_or_default());
            json!({"volumes": [volume], "driver": {"volumeMounts": [{"name": "missing", "mountPath": "/missing"}]}})
        };
        let cases = [
            ("map", volume(json!({"configMap": {"name": "nobodys-map"}})), "FailedMount", "\"nobodys-map\" not found"),
            (
                "secret",
                volume(json!({"secret": {"secretName": "nobodys-secret"}})),
                "FailedMount",
                "\"nobodys-secret\" not found",
            ),
            (
                "env",
                json!({"driver": {"envFrom": [{"configMapRef": {"name": "nobodys-env"}}]}}),
                "CreateContainerConfigError",
                "\"nobodys-env\" not found",
            ),
            (
                "claim",
                volume(json!({"persistentVolumeClaim": {"claimName": "nobodys-claim"}})),
                "Unschedulable",
                "\"nobodys-claim\" not found",
            ),
        ];
        let mut runs = Vec::new();
        for (name, change, reason, named) in cases {
            runs.push((name, team.start(app(name).with(change)).await?, reason, named));
        }
        for (name, run, reason, named) in runs {
            let message = run.fails(reason).await?;
            ensure!(message.contains(named), "{name}: {message}");
            run.comes_to_rest().await?;
        }
        Ok(())
    })
    .await
}
