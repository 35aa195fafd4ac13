//! When pods come to be bound, as a watch tells: how many a second, and for how long nothing came. Looks alone.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use onager_e2e::fleet::Fleet;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Pods that do not come for so long never will.
const STANDSTILL: Duration = Duration::from_secs(120);

/// How a turn went.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From the first create until all were bound.
    pub took: Duration,
    /// The longest time in which none came to be bound, that before the first included.
    pub longest_pause: Duration,
    /// From the first create until the first was bound.
    pub first: Duration,
    /// How many were bound.
    pub pods: usize,
}

impl Pace {
    /// Pods a second.
    pub fn rate(&self) -> f64 {
        self.pods as f64 / self.took.as_secs_f64()
    }

    /// The figures of a turn, beside the limit in pods a second.
    pub fn figures(&self, limit: f64) -> Value {
        json!({
            "pods_per_second": self.rate().round(),
            "ratio_to_limit": two(self.rate() / limit),
            "longest_pause_ms": self.longest_pause.as_millis(),
            "first_pod_ms": self.first.as_millis(),
        })
    }

    /// Says how it went.
    pub fn tell(&self, who: &str) {
        eprintln!(
            "{who}: {} pods bound in {:.1} s, {:.0} a second; the first after {} ms, the longest pause {} ms",
            self.pods,
            self.took.as_secs_f64(),
            self.rate(),
            self.first.as_millis(),
            self.longest_pause.as_millis()
        );
    }
}

/// Two digits after the point.
pub fn two(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Has pods made, by whatever `makes` them, and follows them until so many are bound to nodes, or no more come.
///
/// # Errors
/// When one cannot be made.
pub async fn time(fleet: &Fleet, wanted: usize, makes: impl Future<Output = Result<()>>) -> Result<Pace> {
    // Names are enough, and cost least.
    let pods: Api<PartialObjectMeta<Pod>> = Api::namespaced(fleet.client.clone(), &fleet.namespace);
    let (sender, mut bound) = mpsc::unbounded_channel();
    let follower = tokio::spawn(async move {
        let config = watcher::Config::default().fields("spec.nodeName!=");
        let mut events = std::pin::pin!(watcher(pods, config).default_backoff());
        let mut known = HashSet::new();
        while let Some(event) = events.next().await {
            let told = match event {
                Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => {
                    known.insert(pod.name_any()).then(|| Some(Instant::now()))
                }
                Ok(watcher::Event::InitDone) => Some(None),
                _ => None,
            };
            if told.is_some_and(|told| sender.send(told).is_err()) {
                break;
            }
        }
    });
    bound.recv().await.context("the watch of pods began")?;
    let began = Instant::now();
    let follow = async {
        let mut times = Vec::with_capacity(wanted);
        while times.len() < wanted {
            let Ok(news) = tokio::time::timeout(STANDSTILL, bound.recv()).await else {
                eprintln!("standstill at {} of {wanted} pods", times.len());
                break;
            };
            times.extend(news.context("the watch of pods ended")?);
        }
        anyhow::Ok(times)
    };
    let ((), times) = tokio::try_join!(makes, follow)?;
    follower.abort();
    Ok(pace(began, &times))
}

fn pace(began: Instant, times: &[Instant]) -> Pace {
    let before = std::iter::once(&began).chain(times);
    let pauses = before.zip(times).map(|(before, after)| after.saturating_duration_since(*before));
    let since = |time: Option<&Instant>| time.map_or(Duration::ZERO, |time| time.saturating_duration_since(began));
    Pace {
        took: since(times.last()),
        longest_pause: pauses.max().unwrap_or_default(),
        first: since(times.first()),
        pods: times.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_before_the_first_is_a_pause_too() {
        let began = Instant::now();
        let at = |milliseconds: u64| began + Duration::from_millis(milliseconds);
        let pace = pace(began, &[at(300), at(310), at(500)]);
        assert_eq!((pace.first, pace.longest_pause, pace.took), (at(300) - began, at(300) - began, at(500) - began));
        assert_eq!(pace.rate(), 6.0);
    }
}
