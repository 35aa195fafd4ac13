//! Stages: the table of all, and one with its tasks, by executor and one by one, and how evenly they share the work.

use std::collections::BTreeMap;

use super::{Place, card, maybe, nothing, page, paged, progress, state};
use crate::driver::ui::format::{bytes, count, duration, several, time};
use crate::driver::ui::html::Html;
use crate::driver::ui::sentence;
use crate::driver::ui::spread::{Spread, spread};
use crate::driver::ui::view::{Job, Stage, State, Task, View};
use crate::statements::one_line;

/// What of a stage's tasks is asked for.
#[derive(Debug, Default)]
pub(in crate::driver) struct StageQuery {
    /// Of the table of tasks, from 1.
    pub page: usize,
    /// A column; by number where it is none of them.
    pub sort: String,
}

pub(in crate::driver) fn stages(view: &View, number: usize, refresh: bool) -> String {
    let place = Place::top("stages", "stages", refresh);
    let mut body = Html::default();
    body.put("<h2>Stages</h2>", &[]);
    let mut all: Vec<(&Job, &Stage)> =
        view.jobs.iter().rev().flat_map(|job| job.stages.iter().map(move |stage| (job, stage))).collect();
    // Those that run come first, the newest job's before others.
    all.sort_by_key(|(job, stage)| (stage.state != State::Running, job.state != State::Running));
    if all.is_empty() {
        nothing(&mut body, "No stage has begun.");
    } else {
        let shown = paged(&mut body, &all, number, "?page=");
        table(&mut body, view, shown, &place, true);
    }
    page(view, &place, body)
}

/// A table of stages; it tells their jobs where `of_job` is set.
pub(super) fn table(body: &mut Html, view: &View, stages: &[(&Job, &Stage)], place: &Place, of_job: bool) {
    let root = place.root();
    body.put("<div class=\"wide\"><table><tr>", &[]);
    if of_job {
        body.put("<th class=\"n\">Job</th>", &[]);
    }
    body.put(
        "<th class=\"n\">Stage</th><th>Does</th><th>State</th><th>Partitions done</th><th class=\"n\">Tasks</th>\
         <th class=\"n\">Time</th><th class=\"n\">Read</th><th class=\"n\">Written</th><th class=\"n\">Rows written</th></tr>",
        &[],
    );
    for (job, stage) in stages {
        body.put("<tr>", &[]);
        if of_job {
            body.put("<td class=\"n\"><a href=\"{}jobs/{}\">{}</a></td>", &[&root, &job.number, &job.number]);
        }
        body.put("<td class=\"n\"><a href=\"{}stages/{}/{}\">{}", &[&root, &job.number, &stage.id, &stage.id]);
        if stage.attempt > 0 {
            body.put(".{}", &[&stage.attempt]);
        }
        body.put("</a></td><td>{}", &[&stage.operator]);
        if !stage.inputs.is_empty() {
            body.put(" <span class=\"soft\">of {}</span>", &[&inputs(stage)]);
        }
        body.put("</td><td>", &[]);
        state(body, stage.state);
        body.put("</td><td>", &[]);
        progress(body, stage.done_partitions, stage.partitions);
        let failed = if stage.failed_tasks > 0 { format!(", {} failed", stage.failed_tasks) } else { String::new() };
        let tasks = match stage.running_tasks {
            0 => format!("{}{failed}", count(stage.done_tasks as u64)),
            running => format!("{} + {running} running{failed}", count(stage.done_tasks as u64)),
        };
        body.put(
            "</td><td class=\"n\">{}</td><td class=\"n\">{}</td>",
            &[&tasks, &maybe(stage.milliseconds(view.now))],
        );
        let [read, written, rows] = [bytes(stage.read_bytes), bytes(stage.bytes), count(stage.rows)];
        body.put(
            "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            &[&read, &written, &rows],
        );
    }
    body.put("</table></div>", &[]);
}

fn inputs(stage: &Stage) -> String {
    let inputs: Vec<String> = stage.inputs.iter().take(12).map(usize::to_string).collect();
    let more = if stage.inputs.len() > 12 { " …" } else { "" };
    inputs.join(", ") + more
}

/// One stage of a job.
pub(in crate::driver) fn stage(
    view: &View,
    job_number: u32,
    stage_id: usize,
    tasks: &[Task],
    plan: &str,
    query: &StageQuery,
    refresh: bool,
) -> Option<String> {
    let job = view.jobs.iter().find(|job| job.number == job_number)?;
    let stage = job.stages.iter().find(|stage| stage.id == stage_id)?;
    let refresh = refresh && matches!(stage.state, State::Running | State::Waiting) && job.state == State::Running;
    let place = Place { area: "stages", title: format!("stage {stage_id} of job {job_number}"), depth: 2, refresh };
    let mut body = Html::default();
    body.put("<h2>Stage {} of <a href=\"../../jobs/{}\">job {}</a> ", &[&stage_id, &job_number, &job_number]);
    state(&mut body, stage.state);
    body.put("</h2>", &[]);
    if let Some(error) = &stage.error {
        body.put("<p class=\"say bad\">{}</p>", &[error]);
    }
    match stage.state {
        State::Running => body.put("<p class=\"say\">{}.</p>", &[&sentence::progress(stage)]),
        State::Waiting if !stage.inputs.is_empty() => {
            body.put("<p class=\"say\">Waits for what it reads: stage {}.</p>", &[&inputs(stage)])
        }
        _ => &mut body,
    };
    body.put("<div class=\"cards\">", &[]);
    let since = stage.started_at.map_or_else(|| "has not begun".into(), |at| format!("since {}", time(at)));
    card(&mut body, &maybe(stage.milliseconds(view.now)), &since);
    let (done, all) = (count(stage.done_partitions as u64), count(stage.partitions as u64));
    let waiting = format!("partitions done, {} wait for a core", count(stage.waiting_partitions as u64));
    card(&mut body, &format!("{done} / {all}"), &waiting);
    card(&mut body, &bytes(stage.read_bytes), &format!("read, {} rows", count(stage.read_rows)));
    card(&mut body, &bytes(stage.bytes), &format!("written, {} rows", count(stage.rows)));
    if stage.attempt > 0 {
        card(&mut body, &stage.attempt, "times begun anew");
    }
    body.put("</div>", &[]);
    if tasks.is_empty() {
        nothing(&mut body, "No task was launched yet.");
    } else {
        shares(&mut body, tasks);
        by_executor(&mut body, view, tasks);
        one_by_one(&mut body, view, tasks, query);
    }
    body.put("<h2>Physical plan</h2><pre>{}</pre>", &[&plan]);
    Some(page(view, &place, body))
}

/// How evenly tasks share the work.
fn shares(body: &mut Html, tasks: &[Task]) {
    let done: Vec<&Task> = tasks.iter().filter(|task| task.state == State::Succeeded).collect();
    if done.is_empty() {
        return;
    }
    let of = |value: fn(&Task) -> u64| spread(done.iter().map(|task| value(task)).collect());
    body.put("<h2>How tasks share the work</h2>", &[]);
    body.put(
        "<div class=\"wide\"><table><tr><th>Of {}</th><th class=\"n\">Least</th><th class=\"n\">Quarter</th>\
         <th class=\"n\">Median</th><th class=\"n\">Three quarters</th><th class=\"n\">Most</th></tr>",
        &[&several(done.len(), "finished task")],
    );
    let mut row = |what: &str, spread: Spread, show: fn(u64) -> String| {
        body.put("<tr><td>{}</td>", &[&what]);
        for value in [spread.least, spread.quarter, spread.median, spread.three_quarters, spread.most] {
            body.put("<td class=\"n\">{}</td>", &[&show(value)]);
        }
        body.put("</tr>", &[]);
    };
    row("Time", of(|task| task.milliseconds.unwrap_or_default()), duration);
    row("Rows written", of(|task| task.rows), count);
    row("Bytes written", of(|task| task.bytes), bytes);
    body.put("</table></div>", &[]);
}

#[derive(Default)]
struct Share {
    running: u64,
    done: u64,
    failed: u64,
    milliseconds: u64,
    rows: u64,
    bytes: u64,
}

fn by_executor(body: &mut Html, view: &View, tasks: &[Task]) {
    let mut shares: BTreeMap<(u32, &str), Share> = BTreeMap::new();
    for task in tasks {
        let Some(executor) = task.executor.as_deref() else { continue };
        let share = shares.entry((executor.parse().unwrap_or(u32::MAX), executor)).or_default();
        match task.state {
            State::Succeeded => share.done += 1,
            State::Failed => share.failed += 1,
            State::Running | State::Waiting => share.running += 1,
        }
        share.milliseconds += task.time(view.now);
        share.rows += task.rows;
        share.bytes += task.bytes;
    }
    body.put(
        "<h2>By executor</h2><div class=\"wide\"><table><tr><th class=\"n\">Executor</th><th class=\"n\">Running</th>\
         <th class=\"n\">Done</th><th class=\"n\">Failed</th><th class=\"n\">Time of tasks</th>\
         <th class=\"n\">Rows written</th><th class=\"n\">Bytes written</th></tr>",
        &[],
    );
    for ((_, executor), share) in &shares {
        body.put("<tr><td class=\"n\">{}</td>", &[executor]);
        let cells = [
            count(share.running),
            count(share.done),
            count(share.failed),
            duration(share.milliseconds),
            count(share.rows),
            bytes(share.bytes),
        ];
        for cell in cells {
            body.put("<td class=\"n\">{}</td>", &[&cell]);
        }
        body.put("</tr>", &[]);
    }
    body.put("</table></div>", &[]);
}

const COLUMNS: [(&str, &str); 6] = [
    ("task", "Task"),
    ("state", "State"),
    ("executor", "Executor"),
    ("time", "Time"),
    ("rows", "Rows written"),
    ("bytes", "Bytes written"),
];

fn one_by_one(body: &mut Html, view: &View, tasks: &[Task], query: &StageQuery) {
    let mut sorted: Vec<&Task> = tasks.iter().collect();
    let sort = COLUMNS.iter().map(|(name, _)| *name).find(|name| *name == query.sort).unwrap_or("task");
    match sort {
        "state" => sorted.sort_by_key(|task| (order(task.state), task.id)),
        "executor" => sorted.sort_by_key(|task| task.executor.as_ref().and_then(|id| id.parse::<u32>().ok())),
        "time" => sorted.sort_by_key(|task| std::cmp::Reverse(task.time(view.now))),
        "rows" => sorted.sort_by_key(|task| std::cmp::Reverse(task.rows)),
        "bytes" => sorted.sort_by_key(|task| std::cmp::Reverse(task.bytes)),
        _ => {}
    }
    body.put("<h2>Tasks</h2>", &[]);
    let shown = paged(body, &sorted, query.page, &format!("?sort={sort}&page="));
    body.put("<div class=\"wide\"><table><tr>", &[]);
    for (name, title) in COLUMNS {
        let class = if matches!(name, "state") { "" } else { "n" };
        body.put("<th class=\"{}\"><a href=\"?sort={}\">{}</a></th>", &[&class, &name, &title]);
    }
    body.put("<th>Partitions</th><th>Launched</th></tr>", &[]);
    for task in shown {
        body.put("<tr><td class=\"n\">{}</td><td>", &[&task.id]);
        state(body, task.state);
        let executor = task.executor.as_deref().unwrap_or("–");
        let cells = [executor.to_string(), duration(task.time(view.now)), count(task.rows), bytes(task.bytes)];
        body.put("</td>", &[]);
        for cell in cells {
            body.put("<td class=\"n\">{}</td>", &[&cell]);
        }
        body.put("<td>{}</td><td>{}</td></tr>", &[&partitions(task), &time(task.started_at)]);
        if let Some(error) = &task.error {
            body.put("<tr><td></td><td class=\"text bad\" colspan=\"7\">{}</td></tr>", &[&one_line(error, 500)]);
        }
    }
    body.put("</table></div>", &[]);
}

/// What is of interest first.
fn order(state: State) -> u8 {
    match state {
        State::Failed => 0,
        State::Running => 1,
        State::Waiting => 2,
        State::Succeeded => 3,
    }
}

/// `7`, `0–7`, `0, 4, 9 …`.
fn partitions(task: &Task) -> String {
    let all = &task.partitions;
    match (all.first(), all.last()) {
        (Some(first), Some(last)) if all.len() > 2 && last - first + 1 == all.len() => format!("{first}–{last}"),
        _ => {
            let some: Vec<String> = all.iter().take(6).map(usize::to_string).collect();
            some.join(", ") + if all.len() > 6 { " …" } else { "" }
        }
    }
}
