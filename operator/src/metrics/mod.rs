//! What the operator counts. Labels are bounded: kinds of writes and states, never names of applications.

mod requests;

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use requests::Requests;

/// All metrics.
pub struct Metrics {
    registry: Registry,
    /// Seconds of one step of one application.
    pub reconcile_seconds: Histogram,
    /// Steps that failed and are repeated.
    pub reconcile_errors: IntCounter,
    /// Requests to the API server: a layer for the client.
    pub requests: Requests,
    /// Applications, by state.
    pub applications: IntGaugeVec,
    /// Events that were not written since too many were waiting.
    pub events_dropped: IntCounter,
    /// 1 while this process leads.
    pub leading: IntGauge,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// When two have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let buckets = prometheus::exponential_buckets(0.001, 2.0, 14)?;
        let metrics = Self {
            reconcile_seconds: Histogram::with_opts(
                HistogramOpts::new("onager_reconcile_duration_seconds", "Seconds of one step of one application")
                    .buckets(buckets),
            )?,
            reconcile_errors: IntCounter::new("onager_reconcile_errors_total", "Steps that failed and are repeated")?,
            requests: Requests::new(&registry)?,
            applications: IntGaugeVec::new(Opts::new("onager_applications", "Applications by state"), &["state"])?,
            events_dropped: IntCounter::new(
                "onager_events_dropped_total",
                "Events that were not written since too many were waiting",
            )?,
            leading: IntGauge::new("onager_leading", "1 while this process leads")?,
            registry,
        };
        metrics.registry.register(Box::new(metrics.reconcile_seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.reconcile_errors.clone()))?;
        metrics.registry.register(Box::new(metrics.applications.clone()))?;
        metrics.registry.register(Box::new(metrics.events_dropped.clone()))?;
        metrics.registry.register(Box::new(metrics.leading.clone()))?;
        Ok(metrics)
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
