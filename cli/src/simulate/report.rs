//! What happened, for machines and for people. Decides nothing.

use std::collections::BTreeMap;

use onager_core::queue::play::{Event, EventKind, Player};
use serde_json::{Value, json};

use super::read::Scenario;
use crate::print;

/// One event as JSON.
pub fn json(player: &Player, start: i64, event: &Event) -> Value {
    let app = &player.snapshot.apps[event.app];
    json!({
        "at": seconds(event.at - start),
        "event": event.kind.name(),
        "application": app.name.to_string(),
        "queue": app.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
        "executors": event.executors,
        "nodes": nodes(player, event),
        "reason": event.reason,
    })
}

/// One event as a line.
pub fn line(player: &Player, start: i64, event: &Event) -> String {
    let app = &player.snapshot.apps[event.app];
    let what = match event.kind {
        EventKind::Admitted | EventKind::Resized => {
            let on: Vec<String> = nodes(player, event).iter().map(|(node, count)| format!("{node}:{count}")).collect();
            let reason = if event.reason.is_empty() { String::new() } else { format!(" ({})", event.reason) };
            format!("{} executors; pods by node {}{reason}", event.executors, on.join(" "))
        }
        _ => event.reason.clone(),
    };
    let at = clock(event.at - start);
    format!("{at:>10}  {:9}  {}  {what}", event.kind.name(), app.name).trim_end().to_string()
}

fn nodes(player: &Player, event: &Event) -> BTreeMap<String, u32> {
    let name = |node: usize| player.snapshot.nodes.get(node).map_or("(a new node)", |site| site.node.name.as_str());
    event.nodes.iter().map(|(node, count)| (name(*node).to_string(), *count)).collect()
}

/// Whole seconds as such.
fn seconds(milliseconds: i64) -> Value {
    if milliseconds % 1000 == 0 { (milliseconds / 1000).into() } else { (milliseconds as f64 / 1000.0).into() }
}

fn clock(milliseconds: i64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    format!("{}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Sums by queue.
#[derive(Default)]
pub struct Report {
    /// When the scenario begins, in milliseconds.
    pub start: i64,
    queues: BTreeMap<String, Sums>,
    /// Since when each application waits.
    waits: Vec<Option<i64>>,
    /// Since when each has so many millicores.
    holds: Vec<(i64, u64)>,
}

#[derive(Default)]
struct Sums {
    applications: u64,
    admissions: u64,
    completed: u64,
    evicted: u64,
    waited: i64,
    longest: i64,
    /// Millicore-milliseconds.
    used: u128,
}

impl Report {
    /// Nothing has happened yet.
    pub fn new(scenario: &Scenario) -> Self {
        let start = scenario.jobs.iter().map(|job| job.arrives).min().unwrap_or(0);
        let mut report = Self { start, ..Self::default() };
        for job in &scenario.jobs {
            let runs = job.app.pods.driver.is_some();
            report.queues.entry(called(&job.app)).or_default().applications += 1;
            report.waits.push((!runs).then_some(job.arrives));
            let shapes = &scenario.snapshot.shapes;
            let executors = shapes.get(job.app.executor).requests.get(0) * u64::from(job.app.pods.staying());
            let cores = if runs { shapes.get(job.app.driver).requests.get(0) + executors } else { 0 };
            report.holds.push((start, cores));
        }
        report
    }

    /// Takes in an event.
    pub fn note(&mut self, player: &Player, event: &Event) {
        let app = &player.snapshot.apps[event.app];
        let sums = self.queues.entry(called(app)).or_default();
        let (since, cores) = self.holds[event.app];
        sums.used += u128::try_from(event.at - since).unwrap_or(0) * u128::from(cores);
        let pods: u32 = event.nodes.values().sum();
        let shapes = &player.snapshot.shapes;
        let executors = shapes.get(app.executor).requests.get(0) * u64::from(event.executors);
        let driver = if pods > event.executors { shapes.get(app.driver).requests.get(0) } else { 0 };
        self.holds[event.app] = (event.at, driver + executors);
        match event.kind {
            EventKind::Admitted => {
                sums.admissions += 1;
                if let Some(since) = self.waits[event.app].take() {
                    sums.waited += event.at - since;
                    sums.longest = sums.longest.max(event.at - since);
                }
            }
            EventKind::Evicted => {
                sums.evicted += 1;
                self.waits[event.app] = Some(event.at);
            }
            EventKind::Completed => sums.completed += 1,
            EventKind::Resized | EventKind::Waiting => {}
        }
    }

    /// A row for each queue.
    pub fn table(&self, player: &Player) -> String {
        let row = |cells: [String; 9]| cells.to_vec();
        let head = ["QUEUE", "APPS", "ADMITTED", "COMPLETED", "EVICTED", "MEAN WAIT", "LONGEST", "CORE-HOURS", "SHARE"];
        let total: u128 = self.queues.values().map(|sums| sums.used).sum();
        let mut rows = vec![row(head.map(String::from))];
        for (name, sums) in &self.queues {
            let mean = sums.waited / i64::try_from(sums.admissions).unwrap_or(0).max(1);
            rows.push(row([
                name.clone(),
                sums.applications.to_string(),
                sums.admissions.to_string(),
                sums.completed.to_string(),
                sums.evicted.to_string(),
                clock(mean / 1000 * 1000),
                clock(sums.longest / 1000 * 1000),
                format!("{:.2}", sums.used as f64 / 3_600_000_000.0),
                format!("{:.0}%", sums.used as f64 * 100.0 / total.max(1) as f64),
            ]));
        }
        let mut text = print::table(&rows);
        let waiting = self.waits.iter().filter(|since| since.is_some()).count();
        let left = player.snapshot.apps.iter().filter(|app| app.pods.driver.is_some()).count();
        if waiting + left > 0 {
            text += &format!("\nAt the end {left} run for ever, and {waiting} wait for ever.\n");
        }
        text
    }
}

fn called(app: &onager_core::queue::App) -> String {
    app.queue.as_ref().map_or_else(|| "(no queue)".into(), ToString::to_string)
}
