//! The command line. Every flag can be given in the environment too.

use std::{collections::BTreeMap, net::SocketAddr, str::FromStr};

use clap::{Args, Parser, ValueEnum};
use k8s_openapi::api::networking::v1::IngressTLS;
use serde::de::DeserializeOwned;

use crate::{
    build::{UiSettings, check_url_format},
    webhook::WebhookSettings,
};

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
    /// Seconds the pods of a run may take to go before the next; after that the application is FAILED with reason PodsRemain.
    #[arg(long, env = "ONAGER_GOING_LIMIT_SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..))]
    pub going_limit_seconds: u64,
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
    /// How UIs are reached.
    #[command(flatten)]
    pub ui: UiFlags,
    /// The admission webhook's.
    #[command(flatten)]
    pub webhook: WebhookSettings,
}

/// How the drivers' UIs are reached.
#[derive(Args, Clone, Debug)]
pub struct UiFlags {
    /// Whether each application gets a Service of its own for its UI. Without it only those do that say `sparkUIOptions`.
    #[arg(long, env = "ONAGER_UI_SERVICE", default_value_t = true, action = clap::ArgAction::Set)]
    pub ui_service: bool,
    /// URL of a UI, such as `{{$appNamespace}}-{{$appName}}.ui.example.org`; with it each UI gets an Ingress.
    #[arg(long, env = "ONAGER_UI_INGRESS_URL_FORMAT", value_parser = check_url_format)]
    pub ui_ingress_url_format: Option<String>,
    /// Class of the Ingresses.
    #[arg(long, env = "ONAGER_UI_INGRESS_CLASS")]
    pub ui_ingress_class: Option<String>,
    /// Annotations of Ingresses whose application gives none, as a JSON object.
    #[arg(long, env = "ONAGER_UI_INGRESS_ANNOTATIONS", default_value = "{}")]
    pub ui_ingress_annotations: Json<BTreeMap<String, String>>,
    /// TLS of Ingresses whose application gives none, as a JSON list of `hosts` and `secretName`.
    #[arg(long, env = "ONAGER_UI_INGRESS_TLS", default_value = "[]")]
    pub ui_ingress_tls: Json<Vec<IngressTLS>>,
}

impl UiFlags {
    /// As objects are built from them.
    pub fn settings(&self) -> UiSettings {
        UiSettings {
            service: self.ui_service,
            url_format: self.ui_ingress_url_format.clone(),
            class: self.ui_ingress_class.clone(),
            annotations: self.ui_ingress_annotations.0.clone(),
            tls: self.ui_ingress_tls.0.clone(),
        }
    }
}

/// A value that is given as JSON.
#[derive(Clone, Debug)]
pub struct Json<T>(T);

impl<T: DeserializeOwned> FromStr for Json<T> {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &[&str]) -> Result<UiSettings, String> {
        let arguments = ["onager-operator", "--engine-image=onager/engine:1"].iter().chain(more);
        Config::try_parse_from(arguments).map(|config| config.ui.settings()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_word_each_ui_has_a_service_and_no_ingress() {
        let ui = parse(&[]).expect("settings");
        assert!(ui.service && ui.url_format.is_none() && ui.annotations.is_empty() && ui.tls.is_empty());
    }

    #[test]
    fn flags_say_what_ingresses_have() {
        let ui = parse(&[
            "--ui-service=false",
            "--ui-ingress-url-format={{$appName}}.example.org",
            "--ui-ingress-class=nginx",
            r#"--ui-ingress-annotations={"a":"b"}"#,
            r#"--ui-ingress-tls=[{"hosts":["*.example.org"],"secretName":"ui"}]"#,
        ])
        .expect("settings");
        assert!(!ui.service);
        assert_eq!((ui.class.as_deref(), ui.annotations["a"].as_str()), (Some("nginx"), "b"));
        assert_eq!(ui.tls[0].secret_name.as_deref(), Some("ui"));
    }

    #[test]
    fn what_cannot_work_is_refused_at_the_start() {
        let same = parse(&["--ui-ingress-url-format=ui.example.org"]).expect_err("one URL for all");
        assert!(same.contains("{{$appName}} or {{$appId}}"), "{same}");
        assert!(parse(&["--ui-ingress-annotations=[]"]).expect_err("a list").contains("expected a map"));
    }
}
