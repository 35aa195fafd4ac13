//! A real Prometheus beside the control plane, which finds what to scrape by the annotations that charts and pods carry, and
//! evaluates the chart's alerts.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::Team;
use crate::ground::repository;

/// A Prometheus; it is killed when this is dropped.
pub struct Prometheus {
    address: String,
    folder: PathBuf,
    _child: Child,
}

impl Prometheus {
    /// Starts one that scrapes every Service and pod with `prometheus.io/scrape`, in the operator's namespace and in that
    /// of `team`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(team: &Team, operator_namespace: &str) -> Result<Self> {
        // Built where the cache does not hold it, which takes a while.
        let program = tokio::task::spawn_blocking(onager_cluster::prometheus).await??;
        let folder = std::env::temp_dir().join(format!("onager-prometheus-{}", team.name));
        fs::create_dir_all(&folder)?;
        let config = folder.join("prometheus.json");
        fs::write(&config, config_for(team, operator_namespace).to_string())?;
        let server = team.cluster.api_server();
        let host = server.trim_start_matches("https://").split(':').next().context("the cluster has an address")?;
        let address = format!("{host}:{}", free_port()?);
        let log = File::create(folder.join("log"))?;
        let mut command = Command::from(team.cluster.inside(&program.display().to_string()));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().context("cannot start Prometheus")?;
        Ok(Self { address, folder, _child: child })
    }

    /// What it answers to a query.
    ///
    /// # Errors
    /// When it refuses the query.
    pub async fn query(&self, query: &str) -> Result<Vec<Value>> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(query))).await?;
        Ok(answer["result"].as_array().cloned().unwrap_or_default())
    }

    /// An answer of its API, without what is around it.
    ///
    /// # Errors
    /// When it does not answer, or says that it failed.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(&self.address).await.with_context(|| self.last_words())?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a body")?;
        let body: Value = serde_json::from_str(body).with_context(|| format!("{path}: {head}\n{body}"))?;
        ensure!(body["status"] == "success", "{path}: {body}");
        Ok(body["data"].clone())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn config_for(team: &Team, operator_namespace: &str) -> Value {
    let found = |role: &str, namespace: &str| {
        json!([{
            "role": role, "kubeconfig_file": team.cluster.kubeconfig(), "namespaces": {"names": [namespace]},
        }])
    };
    // What every scraping configuration by annotations does.
    let annotated = |of: &str| {
        json!([
            {"source_labels": [format!("__meta_kubernetes_{of}_annotation_prometheus_io_scrape")], "action": "keep", "regex": "true"},
            {
                "source_labels": [format!("__meta_kubernetes_{of}_annotation_prometheus_io_path")],
                "action": "replace", "regex": "(.+)", "target_label": "__metrics_path__",
            },
            {
                "source_labels": ["__address__", format!("__meta_kubernetes_{of}_annotation_prometheus_io_port")],
                "action": "replace", "regex": "([^:]+)(?::\\d+)?;(\\d+)", "replacement": "$1:$2", "target_label": "__address__",
            },
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        ])
    };
    json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [repository().join("charts/onager/files/monitoring/alerts.yaml")],
        "scrape_configs": [
            {
                "job_name": "services", "kubernetes_sd_configs": found("endpointslice", operator_namespace),
                "relabel_configs": annotated("service"),
            },
            {"job_name": "pods", "kubernetes_sd_configs": found("pod", &team.name), "relabel_configs": annotated("pod")},
        ],
    })
}

/// A port that nobody of the host listens on: the namespace that it is for is as good as empty.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The names of Onager's metrics in an expression.
///
/// # Errors
/// When there is none.
pub fn names_in(expression: &str) -> Result<Vec<String>> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = |word: &&str| word.starts_with("onager_") || word.starts_with("spark_");
    let names: Vec<String> = words.filter(ours).map(str::to_string).collect();
    if names.is_empty() {
        bail!("{expression} is about nothing of ours");
    }
    Ok(names)
}
