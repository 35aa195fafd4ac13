//! The operator's own HTTP: metrics on one port, probes on another.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::State as Shared, http::StatusCode, routing::get};
use jiff::Timestamp;
use tokio::{net::TcpListener, sync::watch};

use crate::{cache::Cache, metrics::Metrics};

type Counted = (Arc<Metrics>, Arc<Cache>);

/// Serves `/metrics`.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn metrics(address: SocketAddr, metrics: Arc<Metrics>, cache: Arc<Cache>) -> std::io::Result<()> {
    let app = Router::new().route("/metrics", get(scrape)).with_state((metrics, cache));
    axum::serve(TcpListener::bind(address).await?, app).await
}

async fn scrape(Shared((metrics, cache)): Shared<Counted>) -> (StatusCode, String) {
    match metrics.text(&cache, Timestamp::now()) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Serves `/healthz` and `/readyz`; ready means that the API server has answered.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn probes(address: SocketAddr, ready: watch::Receiver<bool>) -> std::io::Result<()> {
    let readiness = move || {
        let ready = *ready.borrow();
        async move {
            if ready {
                (StatusCode::OK, "ok")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "the API server has not answered yet")
            }
        }
    };
    let app = Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(readiness));
    axum::serve(TcpListener::bind(address).await?, app).await
}
