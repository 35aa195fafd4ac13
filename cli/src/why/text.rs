//! The answer as people read it. Decides nothing.

use jiff::Timestamp;
use kube::ResourceExt;
use onager_crds::{ResourceList, SparkApplication, State};

use super::answer::{Answer, Level};
use crate::{follow, print, queues::amounts, status};

/// All of it.
pub fn text(app: &SparkApplication, answer: &Answer, now: Timestamp) -> String {
    let mut text = if answer.waits { waits(answer, now) } else { does_not_wait(app, answer, now) };
    for note in &answer.notes {
        text += &format!("note: {note}\n");
    }
    text
}

fn waits(answer: &Answer, now: Timestamp) -> String {
    let since = answer.since.map(|since| format!(" for {}", print::ago(since, now))).unwrap_or_default();
    let why = answer.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = answer.message.as_deref().unwrap_or("the operator has not said why yet");
    let mut text = format!("{} waits{since}{why}: {message}.\n\n", answer.application);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut say = |name: &str, value: Option<String>| {
        rows.extend(value.map(|value| vec![format!("{name}:"), value]));
    };
    let none = || "none: it is held to its namespace's quota and to room on nodes".to_string();
    say("Queue", Some(answer.queue.clone().unwrap_or_else(none)));
    say("Position", answer.position.map(|position| place(answer, position)));
    say("Blocked by", answer.level.clone());
    say("Resource", answer.resource.clone());
    say("Short", answer.short.clone());
    text += &print::table(&rows);
    if !answer.levels.is_empty() {
        text += &format!("\n{}", table(answer));
    }
    text
}

fn place(answer: &Answer, position: u32) -> String {
    let before: Vec<String> = answer.before.iter().map(|one| format!("{} ({})", one.application, one.reason)).collect();
    let more = (position as usize - 1).saturating_sub(before.len());
    match (position, before.is_empty()) {
        (1, _) => "1: it is the first in line".into(),
        (_, true) => format!("{position} in line"),
        (_, false) if more > 0 => format!("{position} in line, after {} and {more} more", before.join(", ")),
        _ => format!("{position} in line, after {}", before.join(", ")),
    }
}

/// The levels, with the resource that blocks, or all where none is known.
fn table(answer: &Answer) -> String {
    let of = answer.resource.as_ref().map(|resource| format!(" ({resource})")).unwrap_or_default();
    let head = ["USED", "DESERVED", "GUARANTEE", "CAPABILITY"].map(|head| format!("{head}{of}"));
    let mut rows = vec![std::iter::once("LEVEL".to_string()).chain(head).collect::<Vec<_>>()];
    rows.extend(answer.levels.iter().map(|level| {
        let blocks = answer.level.as_ref() == Some(&level.name);
        let name = if blocks { format!("{} (blocks)", level.name) } else { level.name.clone() };
        std::iter::once(name).chain(figures(level, answer.resource.as_deref())).collect()
    }));
    print::table(&rows)
}

fn figures(level: &Level, resource: Option<&str>) -> [String; 4] {
    let known = &level.known;
    [&known.used, &known.deserved, &known.guarantee, &known.capability].map(|list| {
        let shown = match resource {
            Some(resource) => list.get(resource).map(|amount| amount.0.clone()).unwrap_or_default(),
            None => amounts(list as &ResourceList),
        };
        if shown.is_empty() { "-".into() } else { shown }
    })
}

/// What it does instead, and what to look at.
fn does_not_wait(app: &SparkApplication, answer: &Answer, now: Timestamp) -> String {
    let name = app.name_any();
    let report = app.status.clone().unwrap_or_default();
    let because = match (answer.reason.as_deref(), answer.message.as_deref()) {
        (Some(reason), Some(message)) => format!(": {reason}, {message}"),
        (Some(reason), None) => format!(": {reason}"),
        _ => String::new(),
    };
    let ago = |time: Option<Timestamp>| time.map(|time| format!(" {} ago", print::ago(time, now))).unwrap_or_default();
    let submitted = ago(report.last_submission_attempt_time.as_ref().map(|time| time.0));
    let ended = ago(report.termination_time.as_ref().map(|time| time.0));
    let executors =
        report.executors.as_ref().map(|executors| format!("{} of {} executors", executors.running, executors.wanted));
    let pod = report.driver_info.as_ref().map_or_else(|| format!("{name}-driver"), |driver| driver.pod_name.clone());
    let describe = format!("kubectl describe pod {pod}");
    let [status, logs, follow, events] = [
        format!("onager status {name}"),
        format!("onager logs {name}"),
        format!("onager logs {name} -f"),
        format!("onager events {name}"),
    ];
    let (sentence, look) = match follow::state(app) {
        _ if app.metadata.deletion_timestamp.is_some() => ("is being deleted; its pods go with it".into(), vec![]),
        State::New => {
            let there = ago(app.creation_timestamp().map(|time| time.0));
            (format!("was made{there}, and no operator has looked at it: does one serve its namespace?"), vec![events])
        }
        State::Queued => ("waits".into(), vec![status]),
        State::Submitted if because.is_empty() => {
            (format!("was admitted{submitted}, and its pods start"), vec![events])
        }
        State::Submitted => {
            (format!("was admitted{submitted}, and a pod does not start{because}"), vec![events, describe])
        }
        State::Running => {
            let with = executors.map(|executors| format!(" with {executors}")).unwrap_or_default();
            let time = status::duration(app, now).map(|time| format!(" for {time}")).unwrap_or_default();
            (format!("does not wait: it runs{time}{with}{because}"), vec![status, follow])
        }
        State::Unknown => (format!("has a driver on a node that does not answer{because}"), vec![status, describe]),
        State::Succeeding | State::Failing | State::SubmissionFailed => {
            (format!("has ended a run; what is left of it is removed before the next{because}"), vec![events])
        }
        State::PendingRerun => (format!("waits for the time of its next run{because}"), vec![status, events]),
        State::Invalidating => (format!("was edited: its pods are removed before it runs anew{because}"), vec![events]),
        State::Suspending => ("is suspended: its pods are removed".into(), vec![events]),
        State::Suspended => ("is held by spec.suspend: set it to false, and it goes on".into(), vec![status]),
        State::Resuming => ("was held, and is admitted again once its old pods are gone".into(), vec![events]),
        State::Completed => (format!("does not wait: it completed{ended}"), vec![status, logs]),
        State::Failed => (format!("does not wait: it failed{ended}{because}"), vec![logs, events]),
    };
    let look = if look.is_empty() { String::new() } else { format!("See: {}\n", look.join("; ")) };
    format!("{} {sentence}.\n{look}", answer.application)
}
