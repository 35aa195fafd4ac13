//! How fast the webhook answers on one core: an operator that waits to lead, pinned to a core, and questions about an
//! application of usual size, over TLS as an API server asks them. First one at a time, then as many as it can take. The last
//! line is JSON.

mod api;

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::Client;
use onager_e2e::{ground, until};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use api::Api;

/// Questions that are not counted: connections, caches.
const WARM: usize = 200;
/// Questions asked one at a time.
const TURNS: usize = 4000;
/// Askers at once, and how many each asks.
const ASKERS: usize = 8;
const EACH: usize = 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let api = Api::start().await?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let _operator = operator(&api, port)?;
    let client = until("the webhook answers", async || {
        let client = client(&api, port)?;
        ask(&client, "/validate", 0).await?;
        Ok(Some(client))
    })
    .await?;

    let mut times = Vec::with_capacity(TURNS);
    for turn in 0..WARM + TURNS {
        let path = if turn % 2 == 0 { "/default" } else { "/validate" };
        let began = Instant::now();
        ask(&client, path, turn).await?;
        if turn >= WARM {
            times.push(began.elapsed());
        }
    }
    times.sort();
    let began = Instant::now();
    let mut askers = JoinSet::new();
    for _ in 0..ASKERS {
        let client = client.clone();
        askers.spawn(async move {
            for turn in 0..EACH {
                ask(&client, if turn % 2 == 0 { "/default" } else { "/validate" }, turn).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(asked) = askers.join_next().await {
        asked??;
    }
    let rate = (ASKERS * EACH) as f64 / began.elapsed().as_secs_f64();

    let (p50, p99) = (quantile(&times, 50), quantile(&times, 99));
    println!("one at a time: p50 {p50} ms, p99 {p99} ms of {TURNS}; {ASKERS} at once: {rate:.0} a second");
    println!("{}", json!({"p50_ms": p50, "p99_ms": p99, "requests_per_second": rate.round()}));
    Ok(())
}

/// In milliseconds, to the hundredth.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    (sorted.get(at).copied().unwrap_or_default().as_secs_f64() * 100_000.0).round() / 100.0
}

fn operator(api: &Api, port: u16) -> Result<Child> {
    let kubeconfig = std::env::temp_dir().join(format!("onager-bench-webhook-{}", std::process::id()));
    std::fs::write(&kubeconfig, onager_e2e::operator::kubeconfig_for(&api.address))?;
    // One core for it; who asks has the others.
    let mut command = Command::new("taskset");
    command
        .env_clear()
        .env("KUBECONFIG", &kubeconfig)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("RUST_LOG", "error")
        .args(["--cpu-list", "0"])
        .arg(ground::program("onager-operator")?)
        .args(["--engine-image", "none", "--metrics-address=127.0.0.1:0", "--probe-address=127.0.0.1:0"])
        .arg(format!("--webhook-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command.spawn().context("cannot start the operator under taskset")
}

/// One that trusts the certificate the operator made.
fn client(api: &Api, port: u16) -> Result<Client> {
    let secret = api.secret("onager-webhook").context("the operator has not made its certificate yet")?;
    let mut cluster =
        json!({"server": format!("https://127.0.0.1:{port}"), "tls-server-name": "onager-webhook.default.svc"});
    cluster["certificate-authority-data"] = secret["data"]["ca.crt"].clone();
    let kubeconfig = json!({
        "current-context": "webhook",
        "clusters": [{"name": "webhook", "cluster": cluster}],
        "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "nobody"}}],
        "users": [{"name": "nobody", "user": {}}],
    });
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&kubeconfig.to_string())?;
    let config = futures::executor::block_on(kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()))?;
    Ok(Client::try_from(config)?)
}

async fn ask(client: &Client, path: &str, turn: usize) -> Result<()> {
    let request = axum::http::Request::post(path)
        .header("content-type", "application/json")
        .body(question(turn).to_string().into_bytes())?;
    let answer: Value = client.request(request).await?;
    ensure!(answer["response"]["allowed"] == true, "{answer}");
    Ok(())
}

/// An application as teams write them, with what the API server adds.
fn question(turn: usize) -> Value {
    let env: Vec<Value> =
        (0..12).map(|number| json!({"name": format!("VARIABLE_{number}"), "value": "some value"})).collect();
    let pod = json!({
        "cores": 2, "coreRequest": "500m", "coreLimit": "2", "memory": "4g", "serviceAccount": "etl", "env": env,
        "envFrom": [{"secretRef": {"name": "object-store"}}], "labels": {"team": "alpha", "cost": "42"},
        "securityContext": {"runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": false},
        "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
        "tolerations": [{"key": "spark", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}}},
        "template": {"metadata": {"labels": {"version": "1"}}, "spec": {"nodeSelector": {"kubernetes.io/os": "linux"}}},
        "sidecars": [{"name": "shipper", "image": "team/shipper:1", "args": ["--follow", "/logs"]}],
    });
    let mut executor = pod.clone();
    executor["instances"] = 20.into();
    let conf: serde_json::Map<String, Value> =
        (0..20).map(|number| (format!("spark.sql.option.{number}"), "value".into())).collect();
    let spec = json!({
        "type": "SQL", "mode": "cluster", "mainApplicationFile": "s3a://lake/scripts/report.sql", "sparkConf": conf,
        "restartPolicy": {"type": "OnFailure", "onFailureRetries": 3, "onFailureRetryInterval": 10},
        "volumes": [{"name": "conf", "configMap": {"name": "conf"}}], "driver": pod, "executor": executor,
    });
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": format!("705ab4f5-6393-11e8-b7cc-{turn:012}"), "operation": "CREATE", "name": "report",
            "namespace": "team-alpha", "userInfo": {"username": "ann", "groups": ["system:authenticated"]},
            "kind": {"group": "onager.dev", "version": "v1alpha1", "kind": "SparkApplication"},
            "resource": {"group": "onager.dev", "version": "v1alpha1", "resource": "sparkapplications"},
            "object": {
                "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
                "metadata": {"name": "report", "namespace": "team-alpha"}, "spec": spec,
            },
        },
    })
}
