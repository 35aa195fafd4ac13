//! The pages. Each is made from one view, works without a script, and links to others relatively, so that it may stand
//! below any path.

mod environment;
mod executors;
mod jobs;
mod overview;
mod stages;

use std::fmt::Display;

pub(super) use self::environment::environment;
pub(super) use self::executors::executors;
pub(super) use self::jobs::{job, jobs};
pub(super) use self::overview::overview;
pub(super) use self::stages::{StageQuery, stage, stages};

use super::format::{count, duration, time};
use super::html::Html;
use super::view::{State, View};

/// The style of all pages; the policy that is sent with them names it by its hash.
pub(super) const STYLE: &str = include_str!("../style.css");
/// Seconds after which a page comes again.
const REFRESH: u32 = 5;
/// Rows of a table on one page.
pub(super) const ROWS: usize = 100;

const PLACES: [(&str, &str); 5] = [
    ("", "Overview"),
    ("jobs", "Jobs"),
    ("stages", "Stages"),
    ("executors", "Executors"),
    ("environment", "Environment"),
];

/// Where a page is.
pub(super) struct Place {
    /// Of [`PLACES`].
    pub area: &'static str,
    /// Its title.
    pub title: String,
    /// How many slashes its path has behind the first.
    pub depth: usize,
    /// Whether it comes again by itself.
    pub refresh: bool,
}

impl Place {
    pub(super) fn top(area: &'static str, title: &str, refresh: bool) -> Self {
        Self { area, title: title.into(), depth: 0, refresh }
    }

    /// The way from this page to the first.
    pub(super) fn root(&self) -> String {
        if self.depth == 0 { "./".into() } else { "../".repeat(self.depth) }
    }
}

/// A whole page.
pub(super) fn page(view: &View, place: &Place, body: Html) -> String {
    let application = &view.application;
    let mut html = Html::default();
    html.put(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
        &[],
    );
    if place.refresh {
        html.put("<meta http-equiv=\"refresh\" content=\"{}\">", &[&REFRESH]);
    }
    html.put("<title>{} · {}</title><link rel=\"icon\" href=\"data:,\">", &[&application.name, &place.title]);
    let mut head = html.into_string();
    head.push_str("<style>");
    head.push_str(STYLE);
    head.push_str("</style>");
    let mut html = Html::default();
    html.put(
        "</head><body><header><h1>{}</h1><span class=\"where\">{} · {} · attempt {}</span><nav>",
        &[&application.name, &application.namespace, &view.program, &application.attempt],
    );
    let root = place.root();
    for (area, title) in PLACES {
        let here = if area == place.area { "here" } else { "" };
        html.put("<a class=\"{}\" href=\"{}{}\">{}</a>", &[&here, &root, &area, &title]);
    }
    html.put("</nav></header><main>", &[]).add(body).put("</main><footer>Onager {} · ", &[&env!("CARGO_PKG_VERSION")]);
    html.put("as of {}", &[&time(view.now)]);
    if place.refresh {
        html.put(" · comes again every {} s · <a href=\"?refresh=off\">stop</a>", &[&REFRESH]);
    }
    html.put("</footer></body></html>", &[]);
    head + &html.into_string()
}

/// A state as a coloured word.
pub(super) fn state(html: &mut Html, state: State) {
    let class = match state {
        State::Waiting => "",
        State::Running => "busy",
        State::Succeeded => "good",
        State::Failed => "bad",
    };
    html.put("<span class=\"state {}\">{}</span>", &[&class, &state.word()]);
}

/// A bar with its numbers.
pub(super) fn progress(html: &mut Html, done: usize, all: usize) {
    if all == 0 {
        html.put("<span class=\"soft\">–</span>", &[]);
        return;
    }
    let (shown, of) = (count(done as u64), count(all as u64));
    html.put("<progress value=\"{}\" max=\"{}\"></progress>{} / {}", &[&done, &all, &shown, &of]);
}

/// A number with what it counts.
pub(super) fn card(html: &mut Html, number: &dyn Display, what: &str) {
    html.put("<div class=\"card\"><b>{}</b><span>{}</span></div>", &[number, &what]);
}

/// A time that may be unknown.
pub(super) fn maybe(milliseconds: Option<u64>) -> String {
    milliseconds.map_or_else(|| "–".into(), duration)
}

/// The part of `all` that a page shows, and links to the others; pages count from 1, and `address` leads to one, up to its
/// number.
pub(super) fn paged<'a, T>(html: &mut Html, all: &'a [T], page: usize, address: &str) -> &'a [T] {
    let pages = all.len().div_ceil(ROWS).max(1);
    let page = page.clamp(1, pages);
    if pages > 1 {
        html.put("<div class=\"pages\"><span class=\"soft\">Page {} of {}</span>", &[&page, &count(pages as u64)]);
        let links = [("first", 1), ("previous", page - 1), ("next", page + 1), ("last", pages)];
        for (word, to) in links.into_iter().filter(|(_, to)| (1..=pages).contains(to) && *to != page) {
            html.put("<a href=\"{}{}\">{}</a>", &[&address, &to, &word]);
        }
        html.put("</div>", &[]);
    }
    let start = (page - 1) * ROWS;
    &all[start..all.len().min(start + ROWS)]
}

/// What is said where there is nothing to show.
pub(super) fn nothing(html: &mut Html, words: &str) {
    html.put("<div class=\"empty\">{}</div>", &[&words]);
}

/// An answer to what is not there.
pub(super) fn missing(view: &View, depth: usize) -> String {
    let mut body = Html::default();
    nothing(&mut body, "There is no such page here, or not any more: only the last jobs are kept.");
    page(view, &Place { area: "?", title: "not found".into(), depth, refresh: false }, body)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::super::view::Task;
    use super::*;

    #[test]
    fn long_tables_are_cut_into_pages() {
        let all: Vec<usize> = (0..10_000).collect();
        let mut html = Html::default();
        assert_eq!(paged(&mut html, &all, 100, "?page="), &all[9_900..]);
        assert_eq!(paged(&mut html, &all, 7_000, "?page=")[0], 9_900);
        assert_eq!(paged(&mut html, &all, 0, "?page=").len(), ROWS);
        assert!(html.into_string().contains("<a href=\"?page=99\">previous</a>"));
        assert!(paged(&mut Html::default(), &all[..0], 1, "").is_empty());
    }

    #[test]
    fn a_stage_of_ten_thousand_tasks_is_shown_a_hundred_at_a_time() {
        let tasks: Vec<Task> = (0..10_000)
            .map(|id| Task {
                id,
                state: if id == 7_777 { State::Failed } else { State::Succeeded },
                executor: Some((id % 40).to_string()),
                partitions: vec![id],
                started_at: 1_000,
                milliseconds: Some(id as u64),
                rows: 1,
                bytes: 2,
                error: (id == 7_777).then(|| "no luck".into()),
            })
            .collect();
        let view = example::view();
        let page = |sort: &str, page: usize| {
            let query = StageQuery { page, sort: sort.into() };
            stage(&view, 3, 2, &tasks, "plan", &query, true).expect("a stage")
        };
        let slowest = page("time", 1);
        assert!(slowest.len() < 100_000 && slowest.contains("<td class=\"n\">9999</td>"), "{} bytes", slowest.len());
        assert!(slowest.contains("Of 9,999 finished tasks") && slowest.contains("Page 1 of 100"));
        assert!(page("state", 1).contains("no luck") && !page("task", 100).contains("no luck"));
    }

    #[test]
    fn every_link_is_relative_and_stays_below_its_path() {
        let view = example::view();
        let query = StageQuery::default();
        let pages = [
            (0, overview(&view, 1, true)),
            (0, jobs(&view, 1, true)),
            (1, job(&view, 3, &Default::default(), true).expect("a job")),
            (0, stages(&view, 1, true)),
            (2, stage(&view, 3, 2, &[], "plan", &query, true).expect("a stage")),
            (0, executors(&view, true)),
            (0, environment(&view, &[("a".into(), "b".into())])),
            (3, missing(&view, 3)),
        ];
        for (depth, text) in pages {
            for link in text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
                assert!(!link.starts_with('/') && (link == "data:," || !link.contains(':')), "{link}");
                assert!(link.matches("../").count() <= depth, "{link} at depth {depth}");
            }
            assert!(!text.contains("<script>alert"), "hostile text is escaped");
        }
    }
}
