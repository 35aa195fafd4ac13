//! What the webhook counts. Labels are bounded: which webhook, and how it answered.

use std::time::Duration;

use jiff::Timestamp;
use prometheus::{HistogramOpts, HistogramVec, IntGaugeVec, Opts, Registry};

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
#[derive(Clone, Debug)]
pub struct WebhookMetrics {
    seconds: HistogramVec,
    /// Without a series until a certificate is served: zero would be an end long past.
    expiry: IntGaugeVec,
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
        let options = Opts::new(
            "onager_webhook_certificate_expiry_timestamp_seconds",
            "Until when the webhook's certificate is valid, in seconds since 1970",
        );
        let expiry = IntGaugeVec::new(options, &[])?;
        registry.register(Box::new(expiry.clone()))?;
        Ok(Self { seconds, expiry })
    }

    /// The certificate that is served from now on is valid until then.
    pub fn certificate_expires(&self, at: Timestamp) {
        self.expiry.with_label_values(&[] as &[&str]).set(at.as_second());
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
