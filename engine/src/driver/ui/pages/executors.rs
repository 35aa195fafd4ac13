//! Executors: those that are here, and those that went with when and why.

use super::{Place, card, nothing, page};
use crate::driver::ui::format::{bytes, count, duration, time};
use crate::driver::ui::html::Html;
use crate::driver::ui::view::{Executor, Standing, View};

pub(in crate::driver) fn executors(view: &View, refresh: bool) -> String {
    let place = Place::top("executors", "executors", refresh);
    let mut body = Html::default();
    let here = || view.executors.iter().filter(|executor| executor.standing.is_here());
    let sum = |of: fn(&Executor) -> u64| here().map(of).sum::<u64>();
    body.put("<div class=\"cards\">", &[]);
    card(&mut body, &count(here().count() as u64), &format!("registered, {} wanted", view.demand.wanted));
    let (busy, cores) = (sum(|executor| executor.busy.into()), sum(|executor| executor.cores.into()));
    card(&mut body, &format!("{} / {}", count(busy), count(cores)), "cores at work");
    card(&mut body, &bytes(sum(|executor| executor.memory_bytes)), "memory of their processes");
    card(&mut body, &count(view.lost), "lost so far");
    body.put("</div><h2>Executors</h2>", &[]);
    if view.executors.is_empty() {
        nothing(&mut body, "No executor has registered yet.");
        return page(view, &place, body);
    }
    body.put(
        "<div class=\"wide\"><table><tr><th class=\"n\">#</th><th>Host</th><th>State</th><th class=\"n\">Cores busy</th>\
         <th class=\"n\">Tasks running</th><th class=\"n\">done</th><th class=\"n\">failed</th><th class=\"n\">Time of tasks</th>\
         <th class=\"n\">Written</th><th class=\"n\">Memory</th><th>Here</th></tr>",
        &[],
    );
    for executor in &view.executors {
        row(&mut body, view, executor);
    }
    body.put("</table></div>", &[]);
    page(view, &place, body)
}

fn row(body: &mut Html, view: &View, executor: &Executor) {
    let class = match executor.standing {
        Standing::Active => "good",
        Standing::Lost { .. } => "bad",
        Standing::Drained | Standing::Leaving => "busy",
        Standing::Left { .. } => "",
    };
    body.put("<tr><td class=\"n\">{}</td><td>{}:{}</td><td>", &[&executor.id, &executor.host, &executor.port]);
    body.put("<span class=\"state {}\">{}</span></td>", &[&class, &executor.standing.word()]);
    let memory = if executor.memory_bytes > 0 { bytes(executor.memory_bytes) } else { "–".into() };
    let cells = [
        format!("{} / {}", executor.busy, executor.cores),
        count(executor.running_tasks),
        count(executor.work.done),
        count(executor.work.failed),
        duration(executor.work.milliseconds),
        bytes(executor.work.bytes),
        memory,
    ];
    for cell in cells {
        body.put("<td class=\"n\">{}</td>", &[&cell]);
    }
    match &executor.standing {
        Standing::Left { at, reason } | Standing::Lost { at, reason } => {
            let stayed = duration(at.saturating_sub(executor.since));
            body.put("<td class=\"text\">until {}, for {}: {}</td></tr>", &[&time(*at), &stayed, reason]);
        }
        _ => {
            let stayed = duration(view.now.saturating_sub(executor.since));
            body.put("<td class=\"text\">for {}, since {}</td></tr>", &[&stayed, &time(executor.since)]);
        }
    }
}
