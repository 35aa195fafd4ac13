//! What the webhook counts. Labels are bounded: which webhook, and how it answered.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, Registry};

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The object may be stored.
    Allowed,
    /// It may not.
    Denied,
    /// It could not be judged, and so may not.
    Error,
}

/// The webhook's metrics.
#[derive(Clone)]
pub struct WebhookMetrics {
    seconds: HistogramVec,
}

impl WebhookMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When one of their names is taken.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = HistogramOpts::new("onager_webhook_duration_seconds", "Seconds of one answer of the webhook")
            .buckets(prometheus::exponential_buckets(0.000_25, 2.0, 15)?);
        let seconds = HistogramVec::new(options, &["webhook", "answer"])?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { seconds })
    }

    /// Counts an answer.
    pub fn answered(&self, webhook: &str, answer: Answer, took: Duration) {
        let answer = match answer {
            Answer::Allowed => "allowed",
            Answer::Denied => "denied",
            Answer::Error => "error",
        };
        self.seconds.with_label_values(&[webhook, answer]).observe(took.as_secs_f64());
    }
}
