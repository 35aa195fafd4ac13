//! What a driver shows of itself in a cluster: pages and REST through its Services, metrics at the port its pod declares.

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use onager_e2e::data::LONG;
use onager_e2e::team::Team;
use onager_e2e::{app, command, in_namespace, until};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_shows_its_jobs_executors_and_metrics() -> Result<()> {
    in_namespace(async |team: Team| {
        let monitoring = json!({"monitoring": {
            "exposeDriverMetrics": true, "exposeExecutorMetrics": true, "prometheus": {"port": 8095}
        }});
        let run = team.start(app("shown").sql(LONG).executors(2).with(monitoring)).await?;
        run.computes(2).await?;
        for service in ["shown-ui-svc", "shown-driver"] {
            let address = at_service(&team, service).await?;
            // A Service is a moment ahead of kube-proxy.
            until("the Service leads to the driver's page", async || {
                let page = ask(&team, &address, "/").await?;
                ensure!(page.contains("shown") && page.contains("executors of 2"), "{service}: {page}");
                Ok(Some(()))
            })
            .await?;
        }
        let ui = at_service(&team, "shown-ui-svc").await?;
        until("the job that runs is shown", async || {
            let jobs: Value = serde_json::from_str(&ask(&team, &ui, &api("jobs")).await?)?;
            let is_running = jobs.as_array().is_some_and(|jobs| jobs.iter().any(|job| job["status"] == "RUNNING"));
            if is_running { Ok(Some(())) } else { bail!("{jobs}") }
        })
        .await?;
        let executors: Value = serde_json::from_str(&ask(&team, &ui, &api("executors")).await?)?;
        ensure!(executors.as_array().map(Vec::len) == Some(2), "{executors}");
        let metrics = ask(&team, &at_pod(&run.driver().await?, "jmx-exporter")?, "/metrics").await?;
        ensure!(metrics.contains("onager_driver_executors{state=\"active\"} 2"), "{metrics}");
        for executor in run.executors().await? {
            let metrics = ask(&team, &at_pod(&executor, "jmx-exporter")?, "/metrics").await?;
            ensure!(metrics.contains("onager_executor_cores"), "{metrics}");
        }
        let log = run.log().await?;
        ensure!(log.contains("2 of 2 executors are here") && log.contains("statement 2 of "), "{log}");
        run.delete().await
    })
    .await
}

fn api(what: &str) -> String {
    format!("/api/v1/applications/shown/{what}")
}

/// Address of the UI at a Service.
async fn at_service(team: &Team, name: &str) -> Result<String> {
    let service = team.api::<Service>().get(name).await?;
    let ip = service.spec.and_then(|spec| spec.cluster_ip).context("the Service has an address")?;
    Ok(format!("{ip}:4040"))
}

/// Address of a pod's port, by the port's name.
fn at_pod(pod: &Pod, port: &str) -> Result<String> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|one| one.ports.iter().flatten());
    let found = ports.find(|one| one.name.as_deref() == Some(port));
    let number = found.with_context(|| format!("the pod has a port {port}"))?.container_port;
    let ip = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref()).context("the pod has an address")?;
    ensure!(number == 8095, "the port is the one that monitoring names, not {number}");
    Ok(format!("{ip}:{number}"))
}

/// What is answered there.
async fn ask(team: &Team, address: &str, path: &str) -> Result<String> {
    let mut curl = team.cluster.inside("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "5"]);
    curl.arg(format!("http://{address}{path}"));
    command::output(curl).await
}
