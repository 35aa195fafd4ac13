//! Counts what dynamic allocation does. Labels are bounded: answers.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// Dynamic allocation, in numbers.
#[derive(Clone)]
pub struct Elastic {
    /// Applications that are followed.
    pub applications: IntGauge,
    /// Executors that are wanted and have no room.
    pub short: IntGauge,
    asked: IntCounterVec,
    drained: IntCounterVec,
}

impl Elastic {
    /// Registers its metrics.
    ///
    /// # Errors
    /// When another metric has the name.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let elastic = Self {
            applications: IntGauge::new(
                "onager_elastic_applications",
                "Running applications with dynamic allocation that are followed",
            )?,
            short: IntGauge::new(
                "onager_elastic_executors_short",
                "Executors that dynamic allocation wants and that have no room",
            )?,
            asked: IntCounterVec::new(
                Opts::new("onager_driver_looks_total", "Drivers asked how far they are, by answer"),
                &["answer"],
            )?,
            drained: IntCounterVec::new(
                Opts::new("onager_executor_drains_total", "Drivers asked for leave for an idle executor, by answer"),
                &["answer"],
            )?,
        };
        registry.register(Box::new(elastic.applications.clone()))?;
        registry.register(Box::new(elastic.short.clone()))?;
        registry.register(Box::new(elastic.asked.clone()))?;
        registry.register(Box::new(elastic.drained.clone()))?;
        Ok(elastic)
    }

    /// A driver was asked how far it is.
    pub fn asked(&self, answer: &str) {
        self.asked.with_label_values(&[answer]).inc();
    }

    /// A driver was asked for leave for an executor.
    pub fn drained(&self, answer: &str) {
        self.drained.with_label_values(&[answer]).inc();
    }
}
