//! The log of a pod of an application, once or as it grows. Following survives a pod that is not there yet, a log that is cut,
//! and a run that is repeated by another pod; it ends with the application.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{AsyncBufReadExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::{ResourceExt, api::LogParams};
use onager_core::lifecycle;
use onager_crds::SparkApplication;
use tokio::time::sleep;

use crate::{
    cluster::{Cluster, explain},
    follow, print, status,
};

/// How often is looked for a pod that is not there yet.
const PAUSE: Duration = Duration::from_millis(500);

/// Whose log.
#[derive(Clone, Copy)]
pub enum Source {
    /// The driver's.
    Driver,
    /// That of the executor of this index.
    Executor(u32),
}

/// Prints the log of a pod of an application.
///
/// # Errors
/// When there is none and, while following, none can come any more.
pub async fn print_log(cluster: &Cluster, name: &str, source: Source, follow: bool) -> Result<()> {
    let mut seen = None::<(String, Timestamp)>;
    let mut printed = false;
    loop {
        let app = match cluster.application(name).await {
            // Deleted while it was followed.
            Err(_) if printed => return Ok(()),
            other => other?,
        };
        let over = follow::state(&app).is_terminal();
        let pod_name = pod_name(&app, source);
        let pod = cluster.api::<Pod>().get_opt(&pod_name).await.map_err(explain)?;
        let begun = pod.as_ref().is_some_and(has_begun);
        match pod {
            Some(pod) if begun => {
                let uid = pod.uid().unwrap_or_default();
                let since = seen.take().filter(|(known, _)| *known == uid).map(|(_, at)| at);
                let last = copy(cluster, &pod, follow, since).await?;
                printed = true;
                if !follow || over {
                    return Ok(());
                }
                seen = last.or(since).map(|at| (uid, at));
            }
            _ if !follow || over => {
                if printed {
                    return Ok(());
                }
                bail!(no_log(&app, &pod_name, pod.is_some(), source));
            }
            _ => {}
        }
        sleep(PAUSE).await;
    }
}

fn pod_name(app: &SparkApplication, source: Source) -> String {
    let known =
        app.status.as_ref().and_then(|status| status.driver_info.as_ref()).map(|driver| driver.pod_name.clone());
    match source {
        Source::Driver => known.filter(|name| !name.is_empty()).unwrap_or_else(|| lifecycle::driver_pod_name(app)),
        Source::Executor(index) => lifecycle::executor_name(&app.name_any(), index),
    }
}

fn no_log(app: &SparkApplication, pod: &str, is_there: bool, source: Source) -> String {
    let now = status::in_a_line(app);
    match (is_there, source) {
        (true, _) => format!("pod {pod} has no log yet; the application is {now}"),
        (false, Source::Driver) => format!("there is no pod {pod}; the application is {now}"),
        (false, Source::Executor(_)) => {
            format!("there is no pod {pod}: executors go when they have ended; the application is {now}")
        }
    }
}

fn main_container(pod: &Pod) -> Option<&ContainerStatus> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    containers.iter().find(|container| container.name.starts_with("spark-kubernetes-")).or_else(|| containers.first())
}

fn has_begun(pod: &Pod) -> bool {
    let state = main_container(pod).and_then(|container| container.state.as_ref());
    state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

/// Copies a log to standard output, from after a time on. Answers the time of its last line.
async fn copy(cluster: &Cluster, pod: &Pod, follow: bool, since: Option<Timestamp>) -> Result<Option<Timestamp>> {
    let params = LogParams {
        container: main_container(pod).map(|container| container.name.clone()),
        follow,
        timestamps: true,
        since_time: since,
        ..LogParams::default()
    };
    let name = pod.name_any();
    let stream = match cluster.api::<Pod>().log_stream(&name, &params).await {
        // Gone, or on the way: looked at again by who follows.
        Err(kube::Error::Api(status)) if follow && matches!(status.code, 400 | 404) => return Ok(since),
        other => other.map_err(explain).with_context(|| format!("the log of pod {name}"))?,
    };
    let mut lines = stream.lines();
    let mut last = since;
    loop {
        match lines.try_next().await {
            Ok(Some(line)) => {
                let (time, text) = timed(&line);
                if time.is_some() && time <= since {
                    continue;
                }
                last = time.or(last);
                print::out(&format!("{text}\n"));
            }
            Ok(None) => return Ok(last),
            Err(error) if follow => {
                eprintln!("the log was cut, and is read on: {error}");
                return Ok(last);
            }
            Err(error) => return Err(error).with_context(|| format!("the log of pod {name}")),
        }
    }
}

/// A line and the time in front of it.
fn timed(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ').map(|(time, text)| (time.parse(), text)) {
        Some((Ok(time), text)) => (Some(time), text),
        _ => match line.parse() {
            Ok(time) => (Some(time), ""),
            Err(_) => (None, line),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_front_of_a_line_is_taken_off() {
        let (time, text) = timed("2026-11-21T07:00:00.123456789Z one  two");
        assert_eq!((time.map(|time| time.as_second()), text), (Some(1_795_244_400), "one  two"));
        assert_eq!(timed("2026-11-21T07:00:00Z").1, "");
        assert_eq!(timed("no time at all"), (None, "no time at all"));
    }
}
