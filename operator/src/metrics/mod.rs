//! What the operator counts: under names of its own, `onager_*`, and under those of the Kubeflow operator. Labels are
//! bounded: kinds, states, reasons, queues, and what an administrator has chosen; never names of applications.

mod elastic;
mod labels;
#[cfg(test)]
mod page;
mod peer;
mod queues;
mod requests;
mod summary;

use jiff::Timestamp;
use onager_crds::{SparkApplication, SparkApplicationStatus, State};
use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::cache::Cache;
pub use elastic::Elastic;
use labels::Labels;
use peer::Peer;
pub use queues::Queues;
use requests::Requests;

/// Reasons that become series of their own: they come from a kubelet too, so nothing else bounds them.
const REASONS: usize = 60;

/// All metrics.
pub struct Metrics {
    registry: Registry,
    /// Those with the Kubeflow operator's names.
    pub peer: Peer,
    /// Dynamic allocation.
    pub elastic: Elastic,
    /// Queues.
    pub queues: Queues,
    /// Seconds of one step of one application.
    pub reconcile_seconds: Histogram,
    /// Steps that failed and are repeated.
    pub reconcile_errors: IntCounter,
    /// Applications that wait for a worker.
    pub queue: IntGauge,
    /// Requests to the API server: a layer for the client.
    pub requests: Requests,
    /// Events that were not written since too many were waiting.
    pub events_dropped: IntCounter,
    /// 1 while this process leads.
    pub leading: IntGauge,
    applications: IntGaugeVec,
    waiting: IntGaugeVec,
    longest_wait: Gauge,
    failures: IntCounterVec,
    reasons: std::sync::Mutex<std::collections::HashSet<String>>,
}

impl Metrics {
    /// Registers all metrics; those with the Kubeflow operator's names get the prefix and, as labels, these labels of
    /// applications.
    ///
    /// # Errors
    /// When two have one name, or one is not a name.
    pub fn new(prefix: &str, labels: &[String]) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let buckets = prometheus::exponential_buckets(0.001, 2.0, 14)?;
        let seconds = HistogramOpts::new("onager_reconcile_duration_seconds", "Seconds of one step of one application");
        let metrics = Self {
            peer: Peer::new(&registry, prefix, Labels::new(labels))?,
            elastic: Elastic::new(&registry)?,
            queues: Queues::new(&registry)?,
            reconcile_seconds: Histogram::with_opts(seconds.buckets(buckets))?,
            reconcile_errors: IntCounter::new("onager_reconcile_errors_total", "Steps that failed and are repeated")?,
            queue: IntGauge::new("onager_queue_length", "Applications that wait for a worker")?,
            requests: Requests::new(&registry)?,
            events_dropped: IntCounter::new(
                "onager_events_dropped_total",
                "Events that were not written since too many were waiting",
            )?,
            leading: IntGauge::new("onager_leading", "1 while this process leads")?,
            applications: IntGaugeVec::new(Opts::new("onager_applications", "Applications by state"), &["state"])?,
            waiting: IntGaugeVec::new(
                Opts::new("onager_waiting_applications", "Applications that wait to be admitted, by reason"),
                &["reason"],
            )?,
            longest_wait: Gauge::new("onager_longest_wait_seconds", "How long the first of those has waited")?,
            failures: IntCounterVec::new(
                Opts::new("onager_application_failures_total", "Applications that failed, by reason"),
                &["reason"],
            )?,
            reasons: std::sync::Mutex::default(),
            registry,
        };
        let all: [Box<dyn prometheus::core::Collector>; 9] = [
            Box::new(metrics.reconcile_seconds.clone()),
            Box::new(metrics.reconcile_errors.clone()),
            Box::new(metrics.queue.clone()),
            Box::new(metrics.events_dropped.clone()),
            Box::new(metrics.leading.clone()),
            Box::new(metrics.applications.clone()),
            Box::new(metrics.waiting.clone()),
            Box::new(metrics.longest_wait.clone()),
            Box::new(metrics.failures.clone()),
        ];
        all.into_iter().try_for_each(|metric| metrics.registry.register(metric))?;
        Ok(metrics)
    }

    /// Where other rooms register theirs.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts what a saved status has changed.
    pub fn saved(&self, old: Option<&SparkApplicationStatus>, app: &SparkApplication, now: Timestamp) {
        self.peer.saved(old, app, now);
        let state = app.status.as_ref().map(|status| &status.application_state);
        let failed = state.filter(|state| state.state == State::Failed);
        if let Some(failed) = failed.filter(|_| old.is_none_or(|old| old.application_state.state != State::Failed)) {
            let reason = self.bounded(failed.reason.as_deref().unwrap_or("Unknown"));
            self.failures.with_label_values(&[&reason]).inc();
        }
    }

    /// Everything in Prometheus' text format, with what is counted in the cache.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn text(&self, cache: &Cache, now: Timestamp) -> Result<String, prometheus::Error> {
        self.refresh(cache, now);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn refresh(&self, cache: &Cache, now: Timestamp) {
        self.peer.refresh(cache);
        let counts = cache.apps().count();
        for state in State::ALL {
            let word = serde_json::to_value(state).ok().and_then(|word| word.as_str().map(str::to_string));
            let word = word.filter(|word| !word.is_empty()).unwrap_or_else(|| "NEW".into());
            self.applications.with_label_values(&[&word]).set(counts.get(&state).copied().unwrap_or(0));
        }
        self.waiting.reset();
        let mut longest = 0.0_f64;
        for app in cache.apps().in_state(|state| state == State::Queued) {
            let Some(status) = &app.status else { continue };
            let reason = self.bounded(status.application_state.reason.as_deref().unwrap_or("Unknown"));
            self.waiting.with_label_values(&[&reason]).inc();
            let since = status.conditions.iter().find(|condition| condition.type_ == "Admitted");
            let waited = since.map_or(0.0, |since| now.duration_since(since.last_transition_time.0).as_secs_f64());
            longest = longest.max(waited);
        }
        self.longest_wait.set(longest);
    }

    /// The reason itself, or `other` when there were too many different ones.
    fn bounded(&self, reason: &str) -> String {
        let mut reasons = self.reasons.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if reasons.contains(reason) {
            return reason.to_string();
        }
        if reasons.len() >= REASONS {
            return "other".into();
        }
        reasons.insert(reason.to_string());
        reason.to_string()
    }
}
