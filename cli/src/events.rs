//! `onager events`: what was told of an application and its pods, the newest last.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{ResourceExt, api::ListParams};

use crate::{
    cluster::{Options, explain},
    print,
};

/// Lists them.
pub async fn run(options: &Options, name: &str) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let app = cluster.application(name).await?;
    let mine = ListParams::default().labels(&format!("onager.dev/app-name={name}"));
    let pods = cluster.api::<Pod>().list_metadata(&mine).await.map_err(explain)?;
    let about: BTreeSet<String> = pods.iter().filter_map(ResourceExt::uid).chain(app.uid()).collect();
    let events = cluster.api::<Event>().list(&ListParams::default()).await.map_err(explain)?.items;
    let is_ours = |event: &Event| event.involved_object.uid.as_ref().is_some_and(|uid| about.contains(uid));
    let mut events: Vec<Event> = events.into_iter().filter(is_ours).collect();
    if events.is_empty() {
        eprintln!("nothing was told of {name}: events are forgotten after a time, by default an hour");
        return Ok(ExitCode::SUCCESS);
    }
    events.sort_by_key(last_seen);
    print::out(&lines(&events, Timestamp::now()));
    Ok(ExitCode::SUCCESS)
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let times =
        [series, event.last_timestamp.as_ref().map(|time| time.0), event.event_time.as_ref().map(|time| time.0)];
    times.into_iter().flatten().max().or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

fn lines(events: &[Event], now: Timestamp) -> String {
    let mut rows = vec![["AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(String::from).to_vec()];
    rows.extend(events.iter().map(|event| {
        let about = &event.involved_object;
        let series = event.series.as_ref().and_then(|series| series.count);
        let times = series.or(event.count).filter(|count| *count > 1).map(|count| format!(" ({count} times)"));
        vec![
            last_seen(event).map(|time| print::ago(time, now)).unwrap_or_default(),
            event.type_.clone().unwrap_or_default(),
            event.reason.clone().unwrap_or_default(),
            format!(
                "{}/{}",
                about.kind.as_deref().unwrap_or_default().to_lowercase(),
                about.name.as_deref().unwrap_or_default()
            ),
            event.message.clone().unwrap_or_default().replace('\n', " ") + &times.unwrap_or_default(),
        ]
    }));
    print::table(&rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_come_in_one_line_each() {
        let event: Event = serde_json::from_value(json!({
            "involvedObject": {"kind": "Pod", "name": "etl-driver"}, "type": "Warning", "reason": "Failed",
            "message": "no such image:\nnone", "count": 3, "lastTimestamp": "2026-01-01T00:00:00Z", "metadata": {},
        }))
        .expect("event");
        let text = lines(&[event], "2026-01-01T00:00:09Z".parse().expect("time"));
        assert!(text.ends_with("9s   Warning  Failed  pod/etl-driver  no such image: none (3 times)\n"), "{text}");
    }
}
