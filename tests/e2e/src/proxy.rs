//! An HTTP proxy in front of the API server that counts writes, and that can kill who writes: before it passes a write on,
//! or after the write was done and before the answer. What was killed is told apart by nothing: the next one starts with
//! what is in the cluster.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kube::Client;
use onager_cluster::Cluster;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::{command, ground};

/// The API server takes no more.
const BODY_LIMIT: usize = 3 << 20;

/// When the writer dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The write never reaches the API server.
    Before,
    /// The write is done, and nobody hears of it.
    After,
}

/// Which write is the last.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its number, from 1.
    pub write: usize,
    /// On which side of it.
    pub when: When,
}

#[derive(Clone)]
struct Shared {
    client: Client,
    fault: Option<Fault>,
    victim: Arc<Mutex<Option<u32>>>,
    written: Arc<Mutex<Vec<String>>>,
    count: Arc<AtomicUsize>,
    fired: Arc<watch::Sender<bool>>,
}

/// A proxy; it ends with the runtime it was started on.
pub struct Proxy {
    address: String,
    shared: Shared,
}

impl Proxy {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen or the cluster cannot be reached.
    pub async fn start(cluster: &Cluster, fault: Option<Fault>) -> Result<Self> {
        let client = ground::client_without_retry(cluster).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the proxy")?;
        let address = format!("http://{}", listener.local_addr()?);
        let shared = Shared {
            client,
            fault,
            victim: Arc::default(),
            written: Arc::default(),
            count: Arc::default(),
            fired: Arc::new(watch::Sender::new(false)),
        };
        let router = Router::new().fallback(pass).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// Where it listens, as a URL.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Who is to be killed.
    pub fn aim_at(&self, pid: u32) {
        *self.shared.victim.lock().unwrap_or_else(PoisonError::into_inner) = Some(pid);
    }

    /// Whether it has killed.
    pub fn has_fired(&self) -> bool {
        *self.shared.fired.borrow()
    }

    /// The writes so far.
    pub fn writes(&self) -> Vec<String> {
        self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// In a task of its own, which goes on when the writer's connection breaks: what was sent is done.
async fn pass(State(shared): State<Shared>, request: Request) -> Response {
    let passed = tokio::spawn(pass_or_kill(shared, request)).await;
    passed.unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response())
}

async fn pass_or_kill(shared: Shared, request: Request) -> Response {
    let written = format!("{} {}", request.method(), request.uri().path());
    let mut due = None;
    if is_write(request.method()) {
        let number = shared.count.fetch_add(1, Ordering::SeqCst) + 1;
        due = shared.fault.filter(|fault| fault.write == number).map(|fault| fault.when);
        let due = due.map_or(String::new(), |when| format!(" (killed {when:?})"));
        shared.written.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{number}: {written}{due}"));
    }
    if due == Some(When::Before) {
        return shared.kill().await;
    }
    let answer = match forward(&shared.client, request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    };
    if due == Some(When::After) { shared.kill().await } else { answer }
}

impl Shared {
    /// Kills the writer; what is answered reaches nobody.
    async fn kill(&self) -> Response {
        let victim = self.victim.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pid) = victim {
            let mut kill = std::process::Command::new("kill");
            kill.args(["-KILL", &pid.to_string()]);
            if let Err(error) = command::output(kill).await {
                eprintln!("the operator could not be killed: {error:#}");
            }
        }
        self.fired.send_replace(true);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

fn is_write(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

async fn forward(client: &Client, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await?;
    // The client sets those of its own connection.
    for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let request = axum::http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    let (mut parts, body) = client.send(request).await?.into_parts();
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, Body::new(body)))
}
