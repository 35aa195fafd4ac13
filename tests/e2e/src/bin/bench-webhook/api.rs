//! As much of an API server as an operator needs that waits to lead: it keeps Secrets, says that somebody else leads, and
//! that everybody may do everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Secrets = Arc<Mutex<BTreeMap<String, Value>>>;

/// The API server; it ends with the runtime it was started on.
pub struct Api {
    /// Where it listens, as a URL.
    pub address: String,
    secrets: Secrets,
}

impl Api {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the API server")?;
        let address = format!("http://{}", listener.local_addr()?);
        let secrets = Secrets::default();
        let router = Router::new().fallback(answer).with_state(secrets.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, secrets })
    }

    /// A Secret that somebody made.
    pub fn secret(&self, name: &str) -> Option<Value> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

async fn answer(State(secrets): State<Secrets>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut secrets = secrets.lock().unwrap_or_else(PoisonError::into_inner);
    let mut parts = uri.path().rsplit('/');
    let (last, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let sent = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let object = match (method, kind, last) {
        (Method::GET, "secrets", name) => secrets.get(name).cloned(),
        (Method::POST, _, "secrets") => {
            let mut secret = sent();
            secret["metadata"]["resourceVersion"] = "1".into();
            secrets.insert(secret["metadata"]["name"].as_str().unwrap_or_default().to_string(), secret.clone());
            Some(secret)
        }
        (Method::GET, "leases", _) => Some(json!({
            "metadata": {"name": last, "resourceVersion": "1"},
            "spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 86_400},
        })),
        (Method::POST, _, "subjectaccessreviews") => {
            let mut review = sent();
            review["status"] = json!({"allowed": true});
            Some(review)
        }
        _ => None,
    };
    match object {
        Some(object) => Json(object).into_response(),
        None => {
            let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
            (StatusCode::NOT_FOUND, Json(status)).into_response()
        }
    }
}
