//! `onager status`: everything Onager reports of an application, for people; and its state in a line.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use kube::ResourceExt;
use onager_crds::{SparkApplication, SparkApplicationStatus};
use serde_json::Value;

use crate::{cluster::Options, print};

/// Shows it.
pub async fn run(options: &Options, name: &str) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let app = cluster.application(name).await?;
    print::out(&describe(&app, Timestamp::now()));
    Ok(ExitCode::SUCCESS)
}

/// The state as the API writes it, NEW for none yet, and the reason.
pub fn state(app: &SparkApplication) -> (String, Option<String>) {
    let state = app.status.as_ref().map(|status| &status.application_state);
    let word = state.and_then(|state| serde_json::to_value(state.state).ok());
    let word = word.as_ref().and_then(Value::as_str).filter(|word| !word.is_empty()).unwrap_or("NEW");
    (word.to_string(), state.and_then(|state| state.reason.clone()))
}

/// The state, why, and what to do: `QUEUED (QuotaExceeded): ...`.
pub fn in_a_line(app: &SparkApplication) -> String {
    let (mut line, reason) = state(app);
    if let Some(reason) = reason {
        line += &format!(" ({reason})");
    }
    if let Some(message) = app.status.as_ref().and_then(|status| status.application_state.error_message.as_ref()) {
        line += &format!(": {message}");
    }
    line
}

/// From submission to the end, or until now.
pub fn duration(app: &SparkApplication, now: Timestamp) -> Option<String> {
    let status = app.status.as_ref()?;
    if status.duration.is_some() || status.termination_time.is_some() {
        return status.duration.clone();
    }
    status.last_submission_attempt_time.as_ref().map(|time| print::ago(time.0, now))
}

fn describe(app: &SparkApplication, now: Timestamp) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut say = |name: &str, value: Option<String>| {
        rows.extend(value.filter(|value| !value.is_empty()).map(|value| [format!("{name}:"), value]));
    };
    let status = app.status.clone().unwrap_or_default();
    let since =
        |time: Option<Timestamp>| time.map(|time| format!("{} ({} ago)", print::second(time), print::ago(time, now)));
    say("Name", Some(app.name_any()));
    say("Namespace", app.namespace());
    say("Runs", runs(app));
    say("State", Some(state(app).0));
    say("Reason", status.application_state.reason.clone());
    say("Message", status.application_state.error_message.clone());
    say("Created", since(app.creation_timestamp().map(|time| time.0)));
    say("Submitted", since(status.last_submission_attempt_time.as_ref().map(|time| time.0)));
    say("Ended", since(status.termination_time.as_ref().map(|time| time.0)));
    say("Duration", duration(app, now));
    say("Attempts", attempts(&status));
    say("Driver", status.driver_info.as_ref().map(|driver| driver.pod_name.clone()));
    say("Executors", executors(&status));
    say("UI", ui(&status));
    say("Result", status.summary.as_ref().and_then(|summary| summary.result.clone()));
    say("Work", work(&status));
    let mut text = print::table(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
    let failures = status.executors.as_ref().map(|executors| executors.recent_failures.as_slice()).unwrap_or_default();
    if !failures.is_empty() {
        text += "\nExecutors lost last:\n";
        let rows = failures.iter().map(|lost| vec![format!("  {}", lost.pod_name), lost.reason.clone()]);
        text += &print::table(&rows.collect::<Vec<_>>());
    }
    if let Some(preview) = status.summary.as_ref().and_then(|summary| summary.preview.as_ref()) {
        let rows = status.summary.as_ref().map_or(0, |summary| summary.rows);
        let part = if rows > preview.rows.len() as u64 { format!(" (the first of {rows})") } else { String::new() };
        text += &format!("\nRows{part}:\n");
        let lines = std::iter::once(&preview.columns).chain(&preview.rows);
        let indented =
            |line: &Vec<String>| line.iter().enumerate().map(|(i, cell)| indent(i, cell)).collect::<Vec<_>>();
        text += &print::table(&lines.map(indented).collect::<Vec<_>>());
    }
    text
}

fn indent(column: usize, cell: &str) -> String {
    if column == 0 { format!("  {cell}") } else { cell.to_string() }
}

fn runs(app: &SparkApplication) -> Option<String> {
    let spec = &app.spec;
    let what = spec.main_class.as_ref().or(spec.main_application_file.as_ref())?;
    let kind = serde_json::to_value(spec.application_type).ok()?;
    Some(format!("{what} ({})", kind.as_str().unwrap_or_default()))
}

/// How often it ran, where it was not once.
fn attempts(status: &SparkApplicationStatus) -> Option<String> {
    let failed = status.failed_attempts;
    let row = if failed > 0 { format!(", {failed} failed in a row") } else { String::new() };
    (status.execution_attempts > 1 || failed > 0).then(|| format!("{} runs{row}", status.execution_attempts))
}

fn executors(status: &SparkApplicationStatus) -> Option<String> {
    let executors = status.executors.as_ref()?;
    let lost = if executors.failed > 0 { format!(", {} lost", executors.failed) } else { String::new() };
    Some(format!("{} running of {}{lost}", executors.running, executors.wanted))
}

fn ui(status: &SparkApplicationStatus) -> Option<String> {
    let status = serde_json::to_value(status).ok()?;
    let address = |field: &str| status.pointer(&format!("/driverInfo/{field}")).and_then(Value::as_str);
    address("webUIIngressAddress").or_else(|| address("webUIAddress")).map(String::from)
}

fn work(status: &SparkApplicationStatus) -> Option<String> {
    let summary = status.summary.as_ref()?;
    let count = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    Some(format!(
        "{}, {}, {}, {} bytes of shuffle in {:.1} s",
        count(u64::from(summary.statements), "statement"),
        count(summary.stages, "stage"),
        count(summary.tasks, "task"),
        summary.shuffle_bytes,
        summary.seconds
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_says_what_came_out() {
        let app: SparkApplication = serde_json::from_value(json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {"name": "report", "namespace": "team", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"type": "SQL", "mainApplicationFile": "s3a://lake/report.sql"},
            "status": {
                "applicationState": {"state": "COMPLETED"}, "duration": "12s",
                "lastSubmissionAttemptTime": "2026-01-01T00:00:01Z", "terminationTime": "2026-01-01T00:00:13Z",
                "driverInfo": {"podName": "report-driver"},
                "executors": {"wanted": 2, "running": 2, "failed": 1, "highestIndex": 3, "summary": "2/2",
                    "recentFailures": [{"podName": "report-exec-1", "reason": "OOMKilled"}]},
                "summary": {"result": "25 rows", "rows": 25, "statements": 2, "stages": 1, "tasks": 3,
                    "shuffleBytes": 0, "seconds": 1.25,
                    "preview": {"columns": ["nation", "sum"], "rows": [["CHINA", "1"], ["PERU", "22"]]}},
            },
        }))
        .expect("application");
        let text = describe(&app, "2026-01-01T00:03:00Z".parse().expect("time"));
        let expect = "\
Name:       report
Namespace:  team
Runs:       s3a://lake/report.sql (SQL)
State:      COMPLETED
Created:    2026-01-01T00:00:00Z (3m ago)
Submitted:  2026-01-01T00:00:01Z (2m ago)
Ended:      2026-01-01T00:00:13Z (2m ago)
Duration:   12s
Driver:     report-driver
Executors:  2 running of 2, 1 lost
Result:     25 rows
Work:       2 statements, 1 stage, 3 tasks, 0 bytes of shuffle in 1.2 s

Executors lost last:
  report-exec-1  OOMKilled

Rows (the first of 25):
  nation  sum
  CHINA   1
  PERU    22
";
        assert_eq!(text, expect);
    }
}
