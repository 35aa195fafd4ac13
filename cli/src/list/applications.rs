//! Applications in lines: where each stands, and why it waits.

use jiff::Timestamp;
use kube::ResourceExt;
use onager_crds::SparkApplication;

use crate::{print, status};

/// One line each, below a head.
pub fn lines(apps: &[SparkApplication], with_namespace: bool, now: Timestamp) -> String {
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
