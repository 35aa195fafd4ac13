//! The control channel: the operator dials it with the application's token, asks how far the driver is and says which
//! executor is gone or is to get no more tasks. Health needs no token and tells nothing. It cannot start or stop a run.

use std::sync::Arc;

use axum::extract::{Json, Request, State as Extracted};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, serve as serve_router};
use onager_contract::{Application, Drain, ExecutorLost, Idle, Phase, Progress, control, token};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::scheduler::Scheduler;
use crate::executor::{executor_id, executor_index};

#[derive(Clone)]
pub(super) struct State {
    /// Of the token of who is answered. Without one, every request is refused.
    digest: Option<Arc<str>>,
    application: Application,
    phases: watch::Receiver<(Phase, u64)>,
    scheduler: Arc<Scheduler>,
}

impl State {
    pub(super) fn new(
        digest: Option<String>,
        application: Application,
        phases: watch::Receiver<(Phase, u64)>,
        scheduler: Arc<Scheduler>,
    ) -> Self {
        if digest.is_none() {
            warn!("there is no digest of a control token: the control channel answers nobody");
        }
        Self { digest: digest.map(Arc::from), application, phases, scheduler }
    }
}

/// Answers as long as the driver runs.
pub(super) async fn serve(listener: TcpListener, state: State) {
    let router = Router::new()
        .route(control::PROGRESS, get(progress))
        .route(control::EXECUTOR_LOST, post(executor_lost))
        .route(control::DRAIN, post(drain))
        .route_layer(from_fn_with_state(state.clone(), authorize))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(state);
    if let Err(error) = serve_router(listener, router).await {
        error!("the control channel is closed: {error}");
    }
}

async fn progress(Extracted(state): Extracted<State>) -> Json<Progress> {
    let load = state.scheduler.load().await;
    let executors = *state.scheduler.ledger().registered().borrow() as u32;
    let (phase, _) = *state.phases.borrow();
    let idle = idle(&state).await;
    Json(Progress { phase, executors, pending_tasks: load.pending_tasks, running_tasks: load.running_tasks, idle })
}

async fn idle(state: &State) -> Vec<Idle> {
    let idle = state.scheduler.ledger().idle().await;
    if idle.is_empty() {
        return Vec::new();
    }
    let holders = state.scheduler.holders().await;
    let idle = idle.into_iter().filter_map(|(id, time)| {
        let index = executor_index(&state.application, &id)?;
        Some(Idle { index, idle_seconds: time.as_secs(), holds_shuffle: holders.contains(&id) })
    });
    let mut idle: Vec<Idle> = idle.collect();
    idle.sort_by_key(|executor| executor.index);
    idle
}

async fn drain(Extracted(state): Extracted<State>, Json(drain): Json<Drain>) -> StatusCode {
    let id = executor_id(&state.application, drain.index);
    let may_go = state.scheduler.drain(&id, drain.with_shuffle).await;
    let answer = if may_go { "it gets none, and may go" } else { "it is needed and stays" };
    info!("executor {} is to get no more tasks: {answer}", drain.index);
    if may_go { StatusCode::NO_CONTENT } else { StatusCode::CONFLICT }
}

async fn executor_lost(Extracted(state): Extracted<State>, Json(lost): Json<ExecutorLost>) -> StatusCode {
    let id = executor_id(&state.application, lost.index);
    let known = state.scheduler.executor_lost(id, lost.reason.clone()).await;
    if !known {
        info!("executor {} is gone, and was not here: {}", lost.index, lost.reason);
    }
    StatusCode::NO_CONTENT
}

async fn authorize(Extracted(state): Extracted<State>, request: Request, next: Next) -> Result<Response, StatusCode> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    match &state.digest {
        // How long comparing digests takes says nothing about the token.
        Some(digest) if **digest == token::digest(given) => Ok(next.run(request).await),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}
