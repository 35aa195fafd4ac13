//! What a real Prometheus sees: it finds the operator, a driver and executors by their annotations, the figures are those of
//! the applications that ran, and it can use the chart's alerts and answer every question of its dashboard.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use onager_crds::State;
use onager_e2e::data::longer;
use onager_e2e::ground::{OPERATOR_NAMESPACE, repository};
use onager_e2e::prometheus::{Prometheus, names_in};
use onager_e2e::{Team, app, in_namespace, until};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn by_prometheus_with_the_charts_alerts_and_dashboard() -> Result<()> {
    in_namespace(async |team: Team| {
        let prometheus = Prometheus::start(&team, OPERATOR_NAMESPACE).await?;
        at_least(&prometheus, "sum(up{job=\"services\"}) and max(onager_leading) == 1", 1.0).await?;
        let before = Counts::of(&prometheus).await?;

        let exposed = json!({"monitoring": {"exposeDriverMetrics": true, "exposeExecutorMetrics": true}});
        let long = team.start(app("long").sql(&longer(20)).executors(2).with(exposed)).await?;
        long.computes(2).await?;
        at_least(&prometheus, "sum(spark_application_running_count)", 1.0).await?;
        at_least(&prometheus, "sum(spark_executor_running_count)", 2.0).await?;
        pods(&prometheus).await?;
        long.delete().await?;
        team.start(app("pi").executors(2)).await?.completes().await?;
        team.start(app("wrong").sql("SELECT * FROM nowhere")).await?.reaches(State::Failed).await?;

        let nowhere = json!({"executor": {"nodeSelector": {"onager.dev/no-such": "node"}}});
        team.start(app("waits").with(nowhere)).await?.queues("NoMatchingNode").await?;

        before.have_grown(&prometheus).await?;
        for (query, least) in [
            ("onager_applications{state=\"COMPLETED\"}", 1.0),
            ("onager_application_failures_total{reason=\"BadInput\"}", 1.0),
            ("onager_waiting_applications{reason=\"NoMatchingNode\"}", 1.0),
            ("onager_reconcile_duration_seconds_count", 9.0),
            ("sum(onager_api_requests_total{verb=\"create\", resource=\"pods\", code=\"2xx\"})", 6.0),
            ("sum(onager_webhook_duration_seconds_count{answer=\"allowed\"})", 6.0),
            // Its certificate is for a year; a day of that is certain.
            ("onager_webhook_certificate_expiry_timestamp_seconds - time()", 86_400.0),
        ] {
            at_least(&prometheus, query, least).await?;
        }
        alerts(&prometheus).await?;
        dashboard(&prometheus).await
    })
    .await
}

/// The driver and both executors are found and scraped, and say the same about what runs.
async fn pods(prometheus: &Prometheus) -> Result<()> {
    at_least(prometheus, "sum(up{job=\"pods\"})", 3.0).await?;
    at_least(prometheus, "count(onager_driver_info{application=\"long\"})", 1.0).await?;
    at_least(prometheus, "onager_driver_executors{state=\"active\"}", 2.0).await?;
    at_least(prometheus, "onager_driver_tasks_running", 1.0).await?;
    at_least(prometheus, "count(onager_executor_info{application=\"long\"})", 2.0).await?;
    let failed = prometheus.query("up{job=\"pods\"} == 0").await?;
    ensure!(failed.is_empty(), "{failed:?}");
    Ok(())
}

/// Counters of which three applications change each.
struct Counts(Vec<(&'static str, f64, f64)>);

impl Counts {
    async fn of(prometheus: &Prometheus) -> Result<Self> {
        let mut counts = Vec::new();
        for (name, growth) in [
            ("spark_application_count", 3.0),
            ("spark_application_submit_count", 3.0),
            ("spark_application_success_count", 1.0),
            ("spark_application_failure_count", 1.0),
            ("spark_application_success_execution_time_seconds_count", 1.0),
            ("spark_application_submit_latency_seconds_count", 3.0),
            ("spark_application_start_latency_seconds_histogram_count", 2.0),
        ] {
            counts.push((name, value(prometheus, &format!("sum({name})")).await?.unwrap_or(0.0), growth));
        }
        Ok(Self(counts))
    }

    /// Other tests run beside this one, so that they may have grown by more.
    async fn have_grown(&self, prometheus: &Prometheus) -> Result<()> {
        for (name, before, growth) in &self.0 {
            at_least(prometheus, &format!("sum({name})"), before + growth).await?;
        }
        Ok(())
    }
}

/// The one value of a query, if there is one.
async fn value(prometheus: &Prometheus, query: &str) -> Result<Option<f64>> {
    let samples = prometheus.query(query).await?;
    let Some(sample) = samples.first() else { return Ok(None) };
    Ok(Some(sample["value"][1].as_str().context("a sample has a value")?.parse()?))
}

async fn at_least(prometheus: &Prometheus, query: &str, least: f64) -> Result<()> {
    until(&format!("{query} is at least {least}"), async || match value(prometheus, query).await? {
        Some(value) if value >= least => Ok(Some(())),
        other => bail!("{other:?}"),
    })
    .await
}

/// Every alert is loaded and can be evaluated, and speaks of metrics that are there.
async fn alerts(prometheus: &Prometheus) -> Result<()> {
    let text = fs::read_to_string(repository().join("charts/onager/files/monitoring/alerts.yaml"))?;
    let written = text.lines().filter(|line| line.trim_start().starts_with("- alert:")).count();
    let rules = until("the alerts are evaluated", async || {
        let groups = prometheus.get("/api/v1/rules").await?["groups"].take();
        let rules: Vec<Value> = groups
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|group| group["rules"].as_array().cloned())
            .flatten()
            .collect();
        let evaluated = !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown");
        Ok(evaluated.then_some(rules))
    })
    .await?;
    ensure!(rules.len() == written, "{} of {written} alerts are loaded", rules.len());
    let there = names(prometheus).await?;
    for rule in rules {
        ensure!(rule["health"] == "ok", "{rule}");
        ensure!(rule["annotations"]["runbook"].is_string(), "{} does not say what to do", rule["name"]);
        all_there(&there, rule["query"].as_str().unwrap_or_default())?;
    }
    Ok(())
}

/// Every panel's questions are answered, and speak of metrics that are there.
async fn dashboard(prometheus: &Prometheus) -> Result<()> {
    let file = repository().join("charts/onager/files/monitoring/dashboard.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let panels = dashboard["panels"].as_array().context("a dashboard has panels")?;
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array()).flatten();
    let questions: Vec<&str> = targets.filter_map(|target| target["expr"].as_str()).collect();
    ensure!(questions.len() > 20, "{questions:?}");
    let there = names(prometheus).await?;
    for question in questions {
        prometheus.query(question).await.with_context(|| question.to_string())?;
        all_there(&there, question)?;
    }
    Ok(())
}

/// Names of all series.
async fn names(prometheus: &Prometheus) -> Result<BTreeSet<String>> {
    Ok(serde_json::from_value(prometheus.get("/api/v1/label/__name__/values").await?)?)
}

fn all_there(there: &BTreeSet<String>, expression: &str) -> Result<()> {
    for name in names_in(expression)? {
        ensure!(there.contains(&name), "{expression}: there is no {name} among {there:?}");
    }
    Ok(())
}
