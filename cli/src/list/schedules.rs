//! Schedules in lines: when each starts runs, and why one does not.

use jiff::Timestamp;
use kube::ResourceExt;
use onager_crds::ScheduledSparkApplication;
use serde_json::Value;

use crate::print;

/// One line each, below a head.
pub fn lines(schedules: &[ScheduledSparkApplication], with_namespace: bool, now: Timestamp) -> String {
    let head = ["NAMESPACE", "NAME", "SCHEDULE", "STATE", "LAST RUN", "STARTED", "NEXT RUN", "AGE", "REASON"];
    let skip = usize::from(!with_namespace);
    let mut rows = vec![head[skip..].iter().map(ToString::to_string).collect::<Vec<_>>()];
    rows.extend(schedules.iter().map(|schedule| {
        let status = schedule.status.clone().unwrap_or_default();
        let zone = schedule.spec.time_zone.as_ref().map(|zone| format!(" ({zone})"));
        let row = [
            schedule.namespace().unwrap_or_default(),
            schedule.name_any(),
            schedule.spec.schedule.clone() + &zone.unwrap_or_default(),
            state(schedule),
            status.last_run_name.unwrap_or_default(),
            status.last_run.map(|time| format!("{} ago", print::ago(time.0, now))).unwrap_or_default(),
            status.next_run.map(|time| print::second(time.0)).unwrap_or_default(),
            schedule.creation_timestamp().map(|time| print::ago(time.0, now)).unwrap_or_default(),
            status.reason.unwrap_or_default(),
        ];
        row[skip..].to_vec()
    }));
    print::table(&rows)
}

/// As the API writes it, NEW for none yet.
fn state(schedule: &ScheduledSparkApplication) -> String {
    let word = schedule.status.as_ref().and_then(|status| serde_json::to_value(status.schedule_state).ok());
    let word = word.as_ref().and_then(Value::as_str).filter(|word| !word.is_empty());
    word.unwrap_or("NEW").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_says_when_it_ran_and_will_run() {
        let schedule = |name: &str, spec: serde_json::Value, status: serde_json::Value| {
            let metadata = json!({"name": name, "namespace": "team", "creationTimestamp": "2026-01-01T00:00:00Z"});
            serde_json::from_value(json!({"apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication",
                "metadata": metadata, "spec": spec, "status": status}))
            .expect("schedule")
        };
        let nightly = json!({"schedule": "0 2 * * *", "timeZone": "Europe/Berlin", "template": {"type": "SQL"}});
        let ran = json!({"scheduleState": "Scheduled", "lastRunName": "nightly-1", "lastRun": "2026-01-03T01:00:00Z",
            "nextRun": "2026-01-04T01:00:00Z"});
        let plain = json!({"schedule": "@hourly", "template": {"type": "SQL"}});
        let all = [schedule("nightly", nightly, ran), schedule("new", plain, json!(null))];
        let text = lines(&all, false, "2026-01-03T01:30:00Z".parse().expect("time"));
        let expect = "\
NAME     SCHEDULE                   STATE      LAST RUN   STARTED  NEXT RUN              AGE  REASON
nightly  0 2 * * * (Europe/Berlin)  Scheduled  nightly-1  30m ago  2026-01-04T01:00:00Z  2d
new      @hourly                    NEW                                                  2d
";
        assert_eq!(text, expect);
    }
}
