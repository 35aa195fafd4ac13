//! The command line. Every flag can be given in the environment too.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};

use crate::webhook::WebhookSettings;

/// The operator of Onager: runs SparkApplications.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Namespaces to serve, separated by commas. Without this and the selector, all.
    #[arg(long, env = "ONAGER_NAMESPACES", value_delimiter = ',', conflicts_with = "namespace_selector")]
    pub namespaces: Vec<String>,
    /// Serves the namespaces whose labels match, such as `team=true`.
    #[arg(long, env = "ONAGER_NAMESPACE_SELECTOR")]
    pub namespace_selector: Option<String>,
    /// Applications worked on at once.
    #[arg(long, env = "ONAGER_WORKERS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: u16,
    /// The engine's image.
    #[arg(long, env = "ONAGER_ENGINE_IMAGE")]
    pub engine_image: String,
    /// When images are pulled, where the application does not say.
    #[arg(long, env = "ONAGER_ENGINE_IMAGE_PULL_POLICY", default_value = "IfNotPresent")]
    pub engine_image_pull_policy: String,
    /// Seconds a driver may take to start, and to wait for its executors.
    #[arg(long, env = "ONAGER_START_LIMIT_SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub start_limit_seconds: u64,
    /// Where metrics are served.
    #[arg(long, env = "ONAGER_METRICS_ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_address: SocketAddr,
    /// Stands before the metrics that have the Kubeflow operator's names.
    #[arg(long, env = "ONAGER_METRICS_PREFIX", default_value = "")]
    pub metrics_prefix: String,
    /// Labels of applications that those metrics have too, separated by commas; `namespace` is one more. Each combination of
    /// values is a series, of at most 1,000.
    #[arg(long, env = "ONAGER_METRICS_LABELS", value_delimiter = ',')]
    pub metrics_labels: Vec<String>,
    /// Where probes are served.
    #[arg(long, env = "ONAGER_PROBE_ADDRESS", default_value = "0.0.0.0:8081")]
    pub probe_address: SocketAddr,
    /// Form of the log.
    #[arg(long, env = "ONAGER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Whether only one of several replicas works at a time.
    #[arg(long, env = "ONAGER_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,
    /// Name of the Lease.
    #[arg(long, env = "ONAGER_LEASE_NAME", default_value = "onager-operator")]
    pub lease_name: String,
    /// The operator's namespace.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub pod_namespace: String,
    /// The operator's own name, by which it holds the Lease. Outside a pod: the host and the process.
    #[arg(long, env = "POD_NAME", default_value_t = own_name())]
    pub pod_name: String,
    /// The admission webhook's.
    #[command(flatten)]
    pub webhook: WebhookSettings,
}

fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}

/// Form of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}
