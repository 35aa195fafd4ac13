//! Waits for the end of an application, and tells what becomes of it on the way.

use std::pin::pin;

use anyhow::{Result, bail};
use futures::StreamExt;
use kube::{
    ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use onager_crds::{SparkApplication, State};

use crate::{
    cluster::{Cluster, explain},
    status,
};

/// How it ended.
pub enum End {
    /// In a final state.
    State(Box<SparkApplication>),
    /// It was deleted.
    Deleted,
}

/// Waits until an application has ended. Each state it comes to is told on standard error.
///
/// # Errors
/// When it may not be watched. A cluster that does not answer for a while is waited for.
pub async fn to_the_end(cluster: &Cluster, name: &str, uid: &str) -> Result<End> {
    let mut changes = pin!(watcher::watch_object(cluster.api::<SparkApplication>(), name).default_backoff());
    let mut told = String::new();
    let mut silent = false;
    while let Some(change) = changes.next().await {
        let app = match change {
            Ok(Some(app)) if app.uid().as_deref() == Some(uid) => app,
            Ok(_) => return Ok(End::Deleted),
            Err(error) => {
                if let watcher::Error::InitialListFailed(kube::Error::Api(status)) = &error
                    && matches!(status.code, 401 | 403)
                {
                    return Err(explain(kube::Error::Api(status.clone())));
                }
                if !std::mem::replace(&mut silent, true) {
                    eprintln!("the cluster does not answer; waiting: {error}");
                }
                continue;
            }
        };
        silent = false;
        let now = status::in_a_line(&app);
        if now != told {
            eprintln!("{name}: {now}");
            told = now;
        }
        if state(&app).is_terminal() {
            return Ok(End::State(Box::new(app)));
        }
    }
    bail!("the watch of {name} ended")
}

/// The state it is in.
pub fn state(app: &SparkApplication) -> State {
    app.status.as_ref().map(|status| status.application_state.state).unwrap_or_default()
}
