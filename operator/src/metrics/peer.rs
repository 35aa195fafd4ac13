//! Metrics with the names of the Kubeflow operator, so that its dashboards go on working. A change of state is counted when
//! the status that makes it is saved, so each is counted once, whatever is repeated; what runs is counted when it is asked
//! for.

use jiff::Timestamp;
use kube::ResourceExt;
use onager_crds::{SparkApplication, SparkApplicationStatus, State};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::{labels::Labels, summary::SummaryVec};
use crate::cache::Cache;

/// Upper bounds in seconds from create to submission, and to a running driver: the Kubeflow operator's.
const SUBMIT: [f64; 10] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
const START: [f64; 10] = [30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 210.0, 240.0, 270.0, 300.0];

/// States in which a run has ended, and has been counted.
const ENDED: [State; 4] = [State::Succeeding, State::Failing, State::SubmissionFailed, State::PendingRerun];

/// All of them.
pub struct Peer {
    labels: Labels,
    count: IntCounterVec,
    submitted: IntCounterVec,
    submission_failed: IntCounterVec,
    running: IntGaugeVec,
    succeeded: IntCounterVec,
    failed: IntCounterVec,
    success_seconds: SummaryVec,
    failure_seconds: SummaryVec,
    submit_latency: SummaryVec,
    submit_latency_buckets: HistogramVec,
    start_latency: SummaryVec,
    start_latency_buckets: HistogramVec,
    executors_running: IntGaugeVec,
    executors_succeeded: IntCounterVec,
    executors_failed: IntCounterVec,
}

impl Peer {
    /// Registers them.
    ///
    /// # Errors
    /// When the prefix or a label cannot be part of a name.
    pub fn new(registry: &Registry, prefix: &str, labels: Labels) -> Result<Self, prometheus::Error> {
        let names = labels.names();
        let prefix = prefix.replace('-', "_");
        let opts = |name: &str, help: &str| Opts::new(format!("{prefix}spark_{name}"), help);
        let counter = |name: &str, help: &str| {
            let counter = IntCounterVec::new(opts(name, help), &names)?;
            registry.register(Box::new(counter.clone()))?;
            if names.is_empty() {
                // There from the start, so that a rate sees the first.
                counter.with_label_values(&[] as &[&str]);
            }
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGaugeVec::new(opts(name, help), &names)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let summary = |name: &str, help: &str| {
            let summary = SummaryVec::new(opts(name, help), &names)?;
            registry.register(Box::new(summary.clone()))?;
            Ok::<_, prometheus::Error>(summary)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let options = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
            let histogram = HistogramVec::new(options, &names)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        Ok(Self {
            count: counter("application_count", "Applications that were taken up")?,
            submitted: counter("application_submit_count", "Runs that were admitted and submitted")?,
            submission_failed: counter("application_failed_submission_count", "Runs whose driver did not come to run")?,
            running: gauge("application_running_count", "Applications that run")?,
            succeeded: counter("application_success_count", "Applications that completed")?,
            failed: counter("application_failure_count", "Applications that failed")?,
            success_seconds: summary("application_success_execution_time_seconds", "Seconds of runs that completed")?,
            failure_seconds: summary("application_failure_execution_time_seconds", "Seconds of runs that failed")?,
            submit_latency: summary("application_submit_latency_seconds", "Seconds from create to submission")?,
            submit_latency_buckets: histogram(
                "application_submit_latency_seconds_histogram",
                "Seconds from create to submission, in buckets",
                &SUBMIT,
            )?,
            start_latency: summary("application_start_latency_seconds", "Seconds from create to a running driver")?,
            start_latency_buckets: histogram(
                "application_start_latency_seconds_histogram",
                "Seconds from create to a running driver, in buckets",
                &START,
            )?,
            executors_running: gauge("executor_running_count", "Executors that run")?,
            executors_succeeded: counter("executor_success_count", "Executors that ended well")?,
            executors_failed: counter("executor_failure_count", "Executors that failed")?,
            labels,
        })
    }

    /// Counts what a saved status has changed.
    pub fn saved(&self, old: Option<&SparkApplicationStatus>, app: &SparkApplication, now: Timestamp) {
        let Some(status) = &app.status else { return };
        let (before, state) =
            (old.map(|old| old.application_state.state).unwrap_or_default(), status.application_state.state);
        let values = self.labels.values(&app.namespace().unwrap_or_default(), Some(app));
        if old.is_none() {
            self.count.with_label_values(&values).inc();
        }
        if before == state {
            return;
        }
        let age = app.creation_timestamp().map_or(0.0, |created| now.duration_since(created.0).as_secs_f64().max(0.0));
        let ran = || {
            let start = status.last_submission_attempt_time.as_ref()?;
            Some(status.termination_time.as_ref()?.0.duration_since(start.0).as_secs_f64().max(0.0))
        };
        match state {
            State::Submitted => {
                self.submitted.with_label_values(&values).inc();
                if status.attempt == 1 {
                    self.submit_latency.observe(&values, age);
                    self.submit_latency_buckets.with_label_values(&values).observe(age);
                }
            }
            State::Running if before == State::Submitted && status.attempt == 1 => {
                self.start_latency.observe(&values, age);
                self.start_latency_buckets.with_label_values(&values).observe(age);
            }
            State::Completed | State::Succeeding => {
                self.succeeded.with_label_values(&values).inc();
                ran().into_iter().for_each(|seconds| self.success_seconds.observe(&values, seconds));
            }
            State::SubmissionFailed => self.submission_failed.with_label_values(&values).inc(),
            // What ends a run that had ended before is no second failure of it.
            State::Failed | State::Failing if !ENDED.contains(&before) => {
                if before == State::Submitted && state == State::Failed {
                    self.submission_failed.with_label_values(&values).inc();
                }
                self.failed.with_label_values(&values).inc();
                ran().into_iter().for_each(|seconds| self.failure_seconds.observe(&values, seconds));
            }
            _ => {}
        }
    }

    /// Counts an executor that has ended.
    pub fn executor_ended(&self, namespace: &str, app: Option<&SparkApplication>, well: bool) {
        let counter = if well { &self.executors_succeeded } else { &self.executors_failed };
        counter.with_label_values(&self.labels.values(namespace, app)).inc();
    }

    /// Counts what runs at this moment.
    pub fn refresh(&self, cache: &Cache) {
        self.running.reset();
        self.executors_running.reset();
        if self.labels.names().is_empty() {
            self.running.with_label_values(&[] as &[&str]).set(0);
            self.executors_running.with_label_values(&[] as &[&str]).set(0);
        }
        for app in cache.apps().in_state(|state| state == State::Running) {
            let values = self.labels.values(&app.namespace().unwrap_or_default(), Some(&app));
            self.running.with_label_values(&values).inc();
        }
        let executors = cache.pods().running_executors();
        for ((namespace, name), count) in executors {
            let app = cache.apps().get(&namespace, &name);
            let values = self.labels.values(&namespace, app.as_deref());
            self.executors_running.with_label_values(&values).add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(state: &str, attempts: u32) -> SparkApplication {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {"name": "etl", "namespace": "alpha", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"type": "SQL", "driver": {}, "executor": {}},
            "status": {
                "applicationState": {"state": state}, "attempt": attempts,
                "lastSubmissionAttemptTime": "2026-01-01T00:00:01Z", "terminationTime": "2026-01-01T00:01:01Z",
            },
        }))
        .expect("an application")
    }

    fn text(registry: &Registry) -> String {
        prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("text")
    }

    #[test]
    fn a_change_is_counted_once_and_a_status_of_the_same_state_not_at_all() {
        let registry = Registry::new();
        let peer = Peer::new(&registry, "", Labels::default()).expect("metrics");
        let now: Timestamp = "2026-01-01T00:00:03Z".parse().expect("a time");
        let life = [app("SUBMITTED", 1), app("RUNNING", 1), app("RUNNING", 1), app("COMPLETED", 1)];
        let mut old = None;
        for app in &life {
            peer.saved(old.as_ref(), app, now);
            old = app.status.clone();
        }
        let text = text(&registry);
        for line in [
            "spark_application_count 1",
            "spark_application_submit_count 1",
            "spark_application_success_count 1",
            "spark_application_failure_count 0",
            "spark_application_success_execution_time_seconds_sum 60",
            "spark_application_submit_latency_seconds_count 1",
            "spark_application_start_latency_seconds_sum 3",
            "spark_application_start_latency_seconds_histogram_count 1",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn every_run_of_an_application_is_counted_once() {
        let registry = Registry::new();
        let peer = Peer::new(&registry, "", Labels::default()).expect("metrics");
        let mut old = None;
        for (state, attempt) in [
            ("SUBMITTED", 1),
            ("SUBMISSION_FAILED", 1),
            ("PENDING_RERUN", 1),
            ("SUBMITTED", 2),
            ("RUNNING", 2),
            ("FAILING", 2),
            ("PENDING_RERUN", 2),
            ("FAILED", 2),
        ] {
            let app = app(state, attempt);
            peer.saved(old.as_ref(), &app, Timestamp::UNIX_EPOCH);
            old = app.status.clone();
        }
        let text = text(&registry);
        for line in [
            "spark_application_submit_count 2",
            "spark_application_failed_submission_count 1",
            "spark_application_failure_count 1",
            "spark_application_success_count 0",
            "spark_application_submit_latency_seconds_count 1",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_prefix_stands_before_every_name() {
        let registry = Registry::new();
        Peer::new(&registry, "data-", Labels::new(&["namespace".into()])).expect("metrics").saved(
            None,
            &app("FAILED", 1),
            Timestamp::UNIX_EPOCH,
        );
        assert!(text(&registry).contains("data_spark_application_failure_count{namespace=\"alpha\"} 1"));
    }
}
