//! docs/monitoring.md names every metric there is with its type and labels, and every alert.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};

use hyper::{Request, Response};
use jiff::Timestamp;
use kube::runtime::watcher::Event;
use onager_core::queue::{Amounts, Kinds, Name, QueueReport};
use onager_crds::SparkApplication;
use prometheus::proto::MetricType;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use super::Metrics;
use crate::{
    cache::Cache,
    webhook::{Answer, WebhookMetrics},
};

const PAGE: &str = include_str!("../../../docs/monitoring.md");
const ALERTS: &str = include_str!("../../../charts/onager/files/monitoring/alerts.yaml");

/// Type and labels by name.
type Described = BTreeMap<String, (String, BTreeSet<String>)>;

fn app(state: &str) -> SparkApplication {
    serde_json::from_value(json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
        "metadata": {"name": "etl", "namespace": "alpha", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"type": "SQL"},
        "status": {
            "applicationState": {"state": state, "reason": "AnyReason"}, "submissionAttempts": 1, "attempt": 1,
            "lastSubmissionAttemptTime": "2026-01-01T00:00:01Z", "terminationTime": "2026-01-01T00:01:01Z",
        },
    }))
    .expect("application")
}

/// Metrics of which each has counted something.
async fn all() -> Described {
    let metrics = Metrics::new("", &[]).expect("metrics");
    let used = Amounts::of(1, 1, 1);
    let report = QueueReport {
        name: Some(Name::new("platform", "teams")),
        used: used.clone(),
        deserved: used,
        ..QueueReport::default()
    };
    metrics.queues.stand(&[report], &Kinds::default());
    metrics.queues.decided("admit");
    for life in [["SUBMITTED", "RUNNING", "COMPLETED"], ["SUBMITTED", "RUNNING", "FAILED"]] {
        let mut old = None;
        for app in life.map(app) {
            metrics.saved(old.as_ref(), &app, Timestamp::UNIX_EPOCH);
            old = app.status.clone();
        }
    }
    metrics.elastic.asked("answered");
    metrics.elastic.drained("left");
    let answers = tower::service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    metrics.requests.layer(answers).oneshot(Request::new(())).await.expect("an answer");
    let webhook = WebhookMetrics::register(metrics.registry()).expect("metrics");
    webhook.answered("validate", Answer::Allowed, Duration::ZERO);
    webhook.certificate_expires(Timestamp::UNIX_EPOCH);
    let cache = Cache::default();
    cache.apps().take_in("", &Event::Apply(app("QUEUED")));
    metrics.text(&cache, Timestamp::UNIX_EPOCH).expect("text");
    let described = metrics.registry().gather().into_iter().map(|family| {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::SUMMARY => "summary",
            MetricType::HISTOGRAM => "histogram",
            MetricType::UNTYPED => "untyped",
        };
        let labels = family.get_metric().iter().flat_map(|metric| metric.get_label());
        let labels = labels.map(|label| label.name().to_string()).collect();
        (family.name().to_string(), (kind.to_string(), labels))
    });
    described.collect()
}

/// The cells of the rows whose first is a name that begins so.
fn rows(prefix: &str) -> Vec<[&'static str; 4]> {
    let rows = PAGE.lines().filter(|line| line.starts_with(&format!("| `{prefix}")));
    let cells = rows.map(|row| {
        let mut cells = row.trim_matches('|').splitn(4, '|').map(|cell| cell.trim_matches([' ', '`']));
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    });
    cells.collect()
}

#[tokio::test]
async fn every_metric_is_on_the_page_with_its_type_and_labels() {
    let all = all().await;
    assert!(all.len() > 20, "{all:?}");
    let mut told = Described::new();
    for [name, kind, labels, meaning] in [rows("onager_"), rows("spark_")].concat() {
        assert!(!meaning.is_empty(), "{name} means nothing");
        let labels = labels.split(", ").map(|label| label.trim_matches('`').to_string());
        told.insert(name.into(), (kind.into(), labels.filter(|label| !label.is_empty()).collect()));
    }
    assert_eq!(told, all);
}

#[test]
fn every_alert_is_on_the_page_with_its_severity() {
    let alerts: Value = serde_yaml::from_str(ALERTS).expect("YAML");
    let alerts = alerts["groups"][0]["rules"].as_array().expect("rules");
    let told: Vec<(&str, &str)> = rows("Onager").iter().map(|[name, severity, ..]| (*name, *severity)).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let all: Vec<(String, String)> =
        alerts.iter().map(|alert| (text(&alert["alert"]), text(&alert["labels"]["severity"]))).collect();
    assert_eq!(told, all.iter().map(|(name, severity)| (name.as_str(), severity.as_str())).collect::<Vec<_>>());
}
