//! Flags of the webhook.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, Args};

/// Where the webhook is served, and with which certificate.
#[derive(Args, Clone, Debug)]
pub struct WebhookSettings {
    /// Whether the admission webhook is served.
    #[arg(long, env = "ONAGER_WEBHOOK", default_value_t = true, action = ArgAction::Set)]
    pub webhook: bool,
    /// Where the webhook is served.
    #[arg(long, env = "ONAGER_WEBHOOK_ADDRESS", default_value = "0.0.0.0:9443")]
    pub webhook_address: SocketAddr,
    /// Name of the webhook's Service, which its certificate is made for.
    #[arg(long, env = "ONAGER_WEBHOOK_SERVICE", default_value = "onager-webhook")]
    pub webhook_service: String,
    /// Name of the Secret with the webhook's certificates, in the operator's namespace.
    #[arg(long, env = "ONAGER_WEBHOOK_SECRET", default_value = "onager-webhook")]
    pub webhook_secret: String,
    /// Name of the ValidatingWebhookConfiguration and of the MutatingWebhookConfiguration that are told whom to trust.
    #[arg(long, env = "ONAGER_WEBHOOK_CONFIGURATION", default_value = "onager")]
    pub webhook_configuration: String,
    /// Folder with tls.crt and tls.key, which somebody else makes and renews, such as cert-manager. Nothing is injected then.
    #[arg(long, env = "ONAGER_WEBHOOK_CERTIFICATE_DIR")]
    pub webhook_certificate_dir: Option<PathBuf>,
    /// Days a certificate of the webhook is valid; it is renewed after two thirds of them.
    #[arg(long, env = "ONAGER_WEBHOOK_CERTIFICATE_DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub webhook_certificate_days: u32,
    /// Seconds for which an old and a new certificate are both trusted, before the change and after it.
    #[arg(long, env = "ONAGER_WEBHOOK_OVERLAP_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub webhook_overlap_seconds: u64,
}

impl WebhookSettings {
    /// Names that the API server may call the webhook by.
    pub fn names(&self, namespace: &str) -> Vec<String> {
        let service = &self.webhook_service;
        vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
            format!("{service}.{namespace}"),
            service.clone(),
        ]
    }

    /// How long a certificate is valid.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.webhook_certificate_days) * 86_400)
    }

    /// How long old and new are both trusted.
    pub fn overlap(&self) -> Duration {
        Duration::from_secs(self.webhook_overlap_seconds)
    }
}
