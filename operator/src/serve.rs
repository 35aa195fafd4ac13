//! The operator's own HTTP: metrics on one port, probes on another.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State as Shared,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
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

async fn scrape(Shared((metrics, cache)): Shared<Counted>) -> Response {
    match metrics.text(&cache, Timestamp::now()) {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What must be true before the operator is ready, by name.
pub type Readiness = Vec<(&'static str, watch::Receiver<bool>)>;

/// Serves `/healthz` and `/readyz`, which names what it waits for.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn probes(address: SocketAddr, ready: watch::Receiver<Readiness>) -> std::io::Result<()> {
    let readiness = move || {
        let missing: Vec<&str> =
            ready.borrow().iter().filter(|(_, ready)| !*ready.borrow()).map(|(name, _)| *name).collect();
        let begun = !ready.borrow().is_empty();
        async move {
            match (begun, missing.as_slice()) {
                (true, []) => (StatusCode::OK, "ok".to_string()),
                (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "waiting for: the API server".to_string()),
                (true, missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for: {}", missing.join(", "))),
            }
        }
    };
    let app = Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(readiness));
    axum::serve(TcpListener::bind(address).await?, app).await
}
