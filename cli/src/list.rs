//! `onager list`: applications, one a line, the newest last.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use kube::{Api, ResourceExt, api::ListParams};
use onager_crds::SparkApplication;

use crate::{
    cluster::{Options, explain},
    print, status,
};

/// List applications.
#[derive(clap::Args)]
pub struct Arguments {
    /// Those of all namespaces.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Those with these labels, such as team=etl.
    #[arg(short = 'l', long)]
    selector: Option<String>,
}

/// Lists them.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let api = if arguments.all_namespaces { Api::all(cluster.client.clone()) } else { cluster.api() };
    let chosen = ListParams { label_selector: arguments.selector.clone(), ..ListParams::default() };
    let mut apps: Vec<SparkApplication> = api.list(&chosen).await.map_err(explain)?.items;
    if apps.is_empty() {
        let place =
            if arguments.all_namespaces { "any namespace".into() } else { format!("namespace {}", cluster.namespace) };
        eprintln!("there are no applications in {place}");
        return Ok(ExitCode::SUCCESS);
    }
    apps.sort_by_key(|app| app.creation_timestamp().map(|time| time.0));
    print::out(&lines(&apps, arguments.all_namespaces, Timestamp::now()));
    Ok(ExitCode::SUCCESS)
}

fn lines(apps: &[SparkApplication], with_namespace: bool, now: Timestamp) -> String {
    let head = ["NAMESPACE", "NAME", "STATE", "EXECUTORS", "DURATION", "AGE", "REASON"];
    let skip = usize::from(!with_namespace);
    let mut rows = vec![head[skip..].iter().map(ToString::to_string).collect::<Vec<_>>()];
    rows.extend(apps.iter().map(|app| {
        let (state, reason) = status::state(app);
        let status = app.status.as_ref();
        let executors = status.and_then(|status| status.executors.as_ref()).map(|executors| executors.summary.clone());
        let age = app.creation_timestamp().map(|time| print::ago(time.0, now));
        let row = [
            app.namespace().unwrap_or_default(),
            app.name_any(),
            state,
            executors.unwrap_or_default(),
            status::duration(app, now).unwrap_or_default(),
            age.unwrap_or_default(),
            reason.unwrap_or_default(),
        ];
        row[skip..].to_vec()
    }));
    print::table(&rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_says_who_waits_and_why() {
        let app = |name: &str, status: serde_json::Value| -> SparkApplication {
            let metadata = json!({"name": name, "namespace": "team", "creationTimestamp": "2026-01-01T00:00:00Z"});
            serde_json::from_value(json!({"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
                "metadata": metadata, "spec": {"type": "R"}, "status": status}))
            .expect("application")
        };
        let apps = [
            app("new", json!({})),
            app("etl", json!({"applicationState": {"state": "QUEUED", "reason": "QuotaExceeded"}})),
            app(
                "report",
                json!({
                "applicationState": {"state": "COMPLETED"}, "duration": "1m12s",
                "executors": {"wanted": 2, "running": 2, "failed": 0, "highestIndex": 2, "summary": "2/2"}}),
            ),
        ];
        let now = "2026-01-01T00:03:00Z".parse().expect("time");
        let text = lines(&apps, true, now);
        let expect = "\
NAMESPACE  NAME    STATE      EXECUTORS  DURATION  AGE  REASON
team       new     NEW                             3m
team       etl     QUEUED                          3m   QuotaExceeded
team       report  COMPLETED  2/2        1m12s     3m
";
        assert_eq!(text, expect);
    }
}
