//! How queues stand, in numbers, and how long decisions take. Labels are bounded: queues are made by whoever runs the platform,
//! and those that are gone lose their series.

use onager_core::queue::{Amounts, Kinds, QueueReport};
use prometheus::{GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry, exponential_buckets};

/// Queues, in numbers.
#[derive(Clone)]
pub struct Queues {
    /// Seconds of one round of decisions.
    pub round_seconds: Histogram,
    used: GaugeVec,
    deserved: GaugeVec,
    share: GaugeVec,
    applications: IntGaugeVec,
    decisions: IntCounterVec,
}

impl Queues {
    /// Registers its metrics.
    ///
    /// # Errors
    /// When another metric has the name.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let of_queue = ["namespace", "queue"];
        let of_resource = ["namespace", "queue", "resource"];
        let buckets = exponential_buckets(0.0005, 2.0, 12)?;
        let seconds =
            HistogramOpts::new("onager_round_duration_seconds", "Seconds of one round of decisions on queues");
        let queues = Self {
            round_seconds: Histogram::with_opts(seconds.buckets(buckets))?,
            used: GaugeVec::new(Opts::new("onager_queue_used", "What a queue and those below it use"), &of_resource)?,
            deserved: GaugeVec::new(Opts::new("onager_queue_deserved", "What a queue deserves now"), &of_resource)?,
            share: GaugeVec::new(
                Opts::new("onager_queue_share", "The largest part that a queue uses of what it deserves"),
                &of_queue,
            )?,
            applications: IntGaugeVec::new(
                Opts::new("onager_queue_applications", "Applications of a queue that wait, and that are admitted"),
                &["namespace", "queue", "state"],
            )?,
            decisions: IntCounterVec::new(
                Opts::new("onager_queue_decisions_total", "Decisions: admit, grow, shrink, evict"),
                &["decision"],
            )?,
        };
        registry.register(Box::new(queues.round_seconds.clone()))?;
        for metric in [&queues.used, &queues.deserved, &queues.share] {
            registry.register(Box::new(metric.clone()))?;
        }
        registry.register(Box::new(queues.applications.clone()))?;
        registry.register(Box::new(queues.decisions.clone()))?;
        Ok(queues)
    }

    /// A decision was made.
    pub fn decided(&self, decision: &str) {
        self.decisions.with_label_values(&[decision]).inc();
    }

    /// How all queues stand. CPU in cores, memory in bytes.
    pub fn stand(&self, reports: &[QueueReport], kinds: &Kinds) {
        for metric in [&self.used, &self.deserved, &self.share] {
            metric.reset();
        }
        self.applications.reset();
        for report in reports {
            let Some(name) = &report.name else { continue };
            let queue = [name.namespace.as_str(), name.name.as_str()];
            let set = |metric: &GaugeVec, amounts: &Amounts| {
                for (kind, amount) in amounts.some() {
                    let unit = if kind == onager_core::queue::amounts::CPU { 1000.0 } else { 1.0 };
                    let labels = [queue[0], queue[1], kinds.name(kind)];
                    metric.with_label_values(&labels).set(amount as f64 / unit);
                }
            };
            set(&self.used, &report.used);
            set(&self.deserved, &report.deserved);
            self.share.with_label_values(&queue).set(report.share);
            for (state, count) in [("waiting", report.waiting), ("admitted", report.admitted)] {
                self.applications.with_label_values(&[queue[0], queue[1], state]).set(count.into());
            }
        }
    }
}
