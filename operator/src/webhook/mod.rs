//! The admission webhook: the API server asks here before it stores one of our objects. Every replica serves it, leader or
//! not. What is right and wrong is decided in `onager_core::rules`; this room serves, asks for rights, and keeps the
//! certificate. It writes nothing but its certificate's Secret and the caBundle of its configurations.

mod certificate;
mod metrics;
mod queues;
mod review;
mod rights;
mod server;
mod settings;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use kube::Client;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use self::{certificate::Served, queues::Queues, rights::Rights, server::Phase};

#[cfg(test)]
pub use self::metrics::Answer;
pub use self::{metrics::WebhookMetrics, settings::WebhookSettings};

/// How long requests still come after the process was told to end: until every node knows that this endpoint is gone.
const DRAIN: Duration = Duration::from_secs(5);
/// How long answers under way may take after that.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// The webhook as it runs, beside everything else that this process does.
pub struct Webhook {
    phase: watch::Sender<Phase>,
    tasks: JoinSet<anyhow::Result<()>>,
    ready: watch::Receiver<bool>,
}

impl Webhook {
    /// Listens, and begins to make, serve and inject its certificate; `namespaces` are the namespaces in which Queues are looked for,
    /// all where it is empty. Without `--webhook` it does nothing and is ready.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(
        settings: &WebhookSettings,
        namespace: &str,
        namespaces: &[String],
        client: Client,
        registry: &prometheus::Registry,
    ) -> anyhow::Result<Self> {
        let (phase, phases) = watch::channel(Phase::Serving);
        let mut tasks = JoinSet::new();
        if !settings.webhook {
            let (_, ready) = watch::channel(true);
            return Ok(Self { phase, tasks, ready });
        }
        let (kept, ready) = watch::channel(false);
        let metrics = WebhookMetrics::register(registry)?;
        let certificate = Arc::new(Served::new(metrics.clone()));
        let listener = TcpListener::bind(settings.webhook_address)
            .await
            .with_context(|| format!("cannot listen on {}", settings.webhook_address))?;
        let queues = Queues::new(client.clone(), namespaces.to_vec());
        let app = review::router(Rights::new(client.clone()), queues, metrics, phases.clone());
        let tls = certificate::server_config(certificate.clone())?;
        tasks.spawn(server::serve(listener, tls, app, phases));
        match settings.webhook_certificate_dir.clone() {
            Some(folder) => tasks.spawn(certificate::follow(folder, certificate, kept)),
            None => tasks.spawn(certificate::keep(settings.clone(), namespace.to_string(), client, certificate, kept)),
        };
        Ok(Self { phase, tasks, ready })
    }

    /// True once a certificate is served that the API server was told to trust.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.ready.clone()
    }

    /// Returns when a part of it ended, which none does by itself.
    pub async fn broken(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error.context("the webhook cannot go on"),
            Some(ended) => anyhow::anyhow!("a part of the webhook ended: {ended:?}"),
            None => std::future::pending().await,
        }
    }

    /// Goes on serving until the API server has other endpoints, then answers what is under way and ends.
    pub async fn drain(mut self) {
        if self.tasks.is_empty() {
            return;
        }
        self.phase.send_replace(Phase::Draining);
        tokio::time::sleep(DRAIN).await;
        self.phase.send_replace(Phase::Stopping);
        if tokio::time::timeout(STOP_LIMIT, self.tasks.join_next()).await.is_err() {
            tracing::warn!("some answers of the webhook were not given in time");
        }
    }
}
