//! Jobs: the table of all, and one with its statement, stages and plans.

use std::collections::BTreeMap;

use super::overview::SHOWN_CHARS;
use super::stages::table;
use super::{Place, card, nothing, page, paged, progress, state};
use crate::driver::ui::format::{count, duration, several, time};
use crate::driver::ui::html::Html;
use crate::driver::ui::sentence;
use crate::driver::ui::view::{Job, State, View};
use crate::statements::one_line;

/// Stages whose plans are open from the start; more would bury the table.
const OPEN_PLANS: usize = 8;

pub(in crate::driver) fn jobs(view: &View, number: usize, refresh: bool) -> String {
    let place = Place::top("jobs", "jobs", refresh);
    let mut body = Html::default();
    body.put("<h2>Jobs</h2>", &[]);
    if view.jobs.is_empty() {
        nothing(&mut body, "No job has begun. Definitions and settings need none.");
        return page(view, &place, body);
    }
    let newest: Vec<&Job> = view.jobs.iter().rev().collect();
    let shown = paged(&mut body, &newest, number, "?page=");
    body.put(
        "<div class=\"wide\"><table><tr><th class=\"n\">#</th><th>Statement or name</th><th>State</th>\
         <th class=\"n\">Time</th><th>Stages</th><th>Partitions done</th><th>Submitted</th></tr>",
        &[],
    );
    for job in shown {
        body.put("<tr><td class=\"n\"><a href=\"jobs/{}\">{}</a></td><td class=\"text\">", &[&job.number, &job.number]);
        title(&mut body, view, job);
        if let Some(error) = &job.error {
            body.put("<div class=\"bad\">{}</div>", &[&one_line(error, SHOWN_CHARS)]);
        }
        body.put("</td><td>", &[]);
        state(&mut body, job.state);
        body.put("</td><td class=\"n\">{}</td>", &[&duration(job.milliseconds(view.now))]);
        body.put("<td>{} / {}</td><td>", &[&job.done_stages(), &job.stages.len()]);
        let (done, all) = job.progress();
        progress(&mut body, done, all);
        body.put("</td><td>{}</td></tr>", &[&time(job.queued_at)]);
    }
    body.put("</table></div>", &[]);
    if view.forgotten_jobs > 0 {
        let jobs = several(view.forgotten_jobs as usize, "older job");
        body.put("<p class=\"soft\">{} ended and are only counted.</p>", &[&jobs]);
    }
    page(view, &place, body)
}

/// What a job is for: its statement, or its name.
fn title(body: &mut Html, view: &View, job: &Job) {
    match view.statement_of(job) {
        Some(statement) => {
            body.put("<code>{}</code>", &[&one_line(&statement.text, SHOWN_CHARS)]);
            if !job.name.is_empty() {
                body.put("<div class=\"soft\">{}</div>", &[&job.name]);
            }
        }
        None if job.name.is_empty() => {
            body.put("<span class=\"soft\">a query of the program</span>", &[]);
        }
        None => {
            body.put("{}", &[&job.name]);
        }
    }
}

/// One job; `plans` are its stages'.
pub(in crate::driver) fn job(
    view: &View,
    number: u32,
    plans: &BTreeMap<usize, String>,
    refresh: bool,
) -> Option<String> {
    let job = view.jobs.iter().find(|job| job.number == number)?;
    // Who reads a plan is not disturbed once the job has ended.
    let refresh = refresh && matches!(job.state, State::Running | State::Waiting);
    let place = Place { area: "jobs", title: format!("job {number}"), depth: 1, refresh };
    let mut body = Html::default();
    body.put("<h2>Job {} ", &[&number]);
    state(&mut body, job.state);
    body.put("</h2>", &[]);
    if let Some(error) = &job.error {
        body.put("<p class=\"say bad\">{}</p>", &[error]);
    }
    if let Some(stage) = sentence::busiest(job) {
        let (id, all, how) = (stage.id, job.stages.len(), sentence::progress(stage));
        body.put("<p class=\"say\">Stage {} of {}: {}.</p>", &[&id, &all, &how]);
    }
    body.put("<div class=\"cards\">", &[]);
    card(&mut body, &duration(job.milliseconds(view.now)), &format!("since {}", time(job.queued_at)));
    card(&mut body, &format!("{} / {}", job.done_stages(), job.stages.len()), "stages done");
    let (done, all) = job.progress();
    card(&mut body, &format!("{} / {}", count(done as u64), count(all as u64)), "partitions done, of those known");
    let tasks = job.stages.iter().map(|stage| stage.running_tasks).sum::<usize>();
    card(&mut body, &count(tasks as u64), "tasks running");
    body.put("</div>", &[]);
    if let Some(statement) = view.statement_of(job) {
        let line = statement.line.map_or_else(String::new, |line| format!(", line {line}"));
        body.put("<h2>Statement {}{}</h2>", &[&statement.number, &line]);
        body.put("<pre class=\"sql\">{}</pre>", &[&statement.text]);
    }
    body.put("<h2>Stages</h2>", &[]);
    let stages: Vec<_> = job.stages.iter().map(|stage| (job, stage)).collect();
    table(&mut body, view, &stages, &place, false);
    if !plans.is_empty() {
        body.put("<h2>Physical plan</h2>", &[]);
    }
    for (stage, plan) in plans {
        let open = if plans.len() <= OPEN_PLANS { "open" } else { "" };
        body.put("<details {}><summary>Stage {}</summary><pre>{}</pre></details>", &[&open, stage, plan]);
    }
    Some(page(view, &place, body))
}
