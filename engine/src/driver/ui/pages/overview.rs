//! The first page: what is run, what it does or waits for, and the last statements.

use onager_contract::Phase;

use super::{Place, card, maybe, nothing, page, paged, state};
use crate::driver::ui::format::{bytes, count, duration, several, time};
use crate::driver::ui::html::Html;
use crate::driver::ui::sentence;
use crate::driver::ui::view::{State, View};
use crate::statements::{End, Statement, one_line};

/// Characters of a statement in a table.
pub(super) const SHOWN_CHARS: usize = 240;

pub(in crate::driver) fn overview(view: &View, number: usize, refresh: bool) -> String {
    let place = Place::top("", "overview", refresh);
    let mut body = Html::default();
    let lost = view.registered() == 0 && view.phase == Phase::Running && view.pending_tasks > 0;
    let class = if lost { "bad" } else { "" };
    body.put("<p class=\"say {}\">{}</p>", &[&class, &sentence::now(view)]);
    figures(&mut body, view);
    body.put("<h2>Statements</h2>", &[]);
    if view.statements.is_empty() {
        nothing(&mut body, "No statement has begun.");
    } else {
        let newest: Vec<&Statement> = view.statements.iter().rev().collect();
        let shown = paged(&mut body, &newest, number, "?page=");
        statements(&mut body, view, shown);
    }
    page(view, &place, body)
}

fn figures(body: &mut Html, view: &View) {
    body.put("<div class=\"cards\">", &[]);
    let phase = match view.phase {
        Phase::WaitingForExecutors => "waiting",
        Phase::Running => "running",
        Phase::Ending => "ending",
    };
    card(body, &phase, &format!("since {}", time(view.phase_since)));
    card(body, &duration(view.now.saturating_sub(view.started_at)), "since the driver began");
    let lost = if view.lost > 0 { format!(", {} lost", view.lost) } else { String::new() };
    let wanted = format!("executors of {}{lost}", view.demand.wanted);
    card(body, &count(view.registered() as u64), &wanted);
    let running = view.jobs.iter().filter(|job| job.state == State::Running).count();
    let failed = match view.totals.failed_jobs {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    card(body, &count(view.totals.successful_jobs), &format!("jobs done, {running} running{failed}"));
    let at_work = view.executors.iter().map(|executor| executor.running_tasks).sum::<u64>();
    card(body, &count(at_work), &format!("tasks running, {} waiting", count(view.pending_tasks)));
    card(body, &count(view.totals.done), &format!("tasks done, {} failed", count(view.totals.failed)));
    card(body, &bytes(view.totals.shuffle_bytes), &format!("shuffled in {} rows", count(view.totals.shuffle_rows)));
    body.put("</div>", &[]);
}

fn statements(body: &mut Html, view: &View, shown: &[&Statement]) {
    body.put(
        "<div class=\"wide\"><table><tr><th class=\"n\">#</th><th>Statement</th><th>State</th><th class=\"n\">Time</th>\
         <th class=\"n\">Rows</th><th>Jobs</th></tr>",
        &[],
    );
    for statement in shown {
        body.put("<tr><td class=\"n\">{}</td>", &[&statement.number]);
        body.put("<td class=\"text\"><code>{}</code>", &[&one_line(&statement.text, SHOWN_CHARS)]);
        if let Some((_, End::Failed(error))) = &statement.end {
            body.put("<div class=\"bad\">{}</div>", &[error]);
        }
        body.put("</td><td>", &[]);
        state(body, view.state_of(statement));
        let rows = match &statement.end {
            Some((_, End::Done(Some(rows)))) => count(*rows),
            _ => "–".into(),
        };
        body.put(
            "</td><td class=\"n\">{}</td><td class=\"n\">{}</td>",
            &[&maybe(Some(view.time_of(statement))), &rows],
        );
        body.put("<td>", &[]);
        for job in view.jobs_of(statement) {
            body.put("<a href=\"jobs/{}\">{}</a> ", &[&job.number, &job.number]);
        }
        body.put("</td></tr>", &[]);
    }
    body.put("</table></div>", &[]);
    if let Some(expected) = view.expected_statements {
        body.put("<p class=\"soft\">The script has {}.</p>", &[&several(expected as usize, "statement")]);
    }
}
