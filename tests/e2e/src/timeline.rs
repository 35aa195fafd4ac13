//! Where the time of one application goes: what the API server told of it and what its driver logged, by milliseconds since
//! its creation.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use futures::StreamExt;
use futures::future::ready;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{LogParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use onager_crds::{SparkApplication, State};

use crate::Team;

/// When, and what.
pub type Line = (Duration, String);

/// Follows an application from its creation to its end.
///
/// # Errors
/// When it cannot be made or followed.
pub async fn follow(team: &Team, application: &SparkApplication) -> Result<Vec<Line>> {
    let name = application.name_any();
    let pods = watcher(team.api::<Pod>(), watcher::Config::default().labels(&format!("onager.dev/app-name={name}")));
    let pods =
        pods.default_backoff().touched_objects().filter_map(|pod| ready(pod.ok().map(|pod| (show_pod(&pod), false))));
    let own =
        watcher(team.api::<SparkApplication>(), watcher::Config::default().fields(&format!("metadata.name={name}")));
    let own =
        own.default_backoff().touched_objects().filter_map(|app| ready(app.ok().map(|app| show_application(&app))));
    let mut events = futures::stream::select(pods.boxed(), own.boxed());
    let began = SystemTime::now();
    team.api::<SparkApplication>().create(&PostParams::default(), application).await?;
    let mut lines: Vec<Line> = Vec::new();
    while let Some((what, last)) = events.next().await {
        if !lines.iter().any(|(_, before)| *before == what) {
            lines.push((began.elapsed()?, what));
        }
        if last {
            break;
        }
    }
    lines.extend(log_of_driver(team, &name, began).await?);
    lines.sort();
    Ok(lines)
}

fn show_application(application: &SparkApplication) -> (String, bool) {
    let status = application.status.clone().unwrap_or_default();
    let executors = status.executors.map(|executors| executors.summary).unwrap_or_default();
    let state = status.application_state.state;
    (format!("application {state:?} {executors}"), matches!(state, State::Completed | State::Failed))
}

fn show_pod(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let bound = if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) { "bound" } else { "made" };
    let container = status.container_statuses.unwrap_or_default().into_iter().next().and_then(|status| status.state);
    let container = match container {
        Some(ContainerState { running: Some(_), .. }) => "runs",
        Some(ContainerState { terminated: Some(_), .. }) => "has ended",
        Some(_) => "waits",
        None => "unknown",
    };
    format!("pod {} {bound}, {}, container {container}", pod.name_any(), status.phase.unwrap_or_default())
}

async fn log_of_driver(team: &Team, name: &str, began: SystemTime) -> Result<Vec<Line>> {
    let stamped = LogParams { timestamps: true, ..LogParams::default() };
    let log = team.api::<Pod>().logs(&format!("{name}-driver"), &stamped).await?;
    let mut lines = Vec::new();
    for line in log.lines() {
        let (at, text) = line.split_once(' ').context("a line has a time")?;
        let at = SystemTime::from(at.parse::<Timestamp>()?);
        // The driver writes its own time too.
        let text = text.split_once("Z ").map_or(text, |(_, rest)| rest);
        lines.push((at.duration_since(began).unwrap_or_default(), format!("  driver: {}", text.trim())));
    }
    Ok(lines)
}
