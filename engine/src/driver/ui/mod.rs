//! What goes on, for people and programs that look: pages and REST on one port, metrics on another. It reads on request,
//! and changes nothing; a port that cannot be had ends no run.

#[cfg(test)]
mod example;
mod facts;
mod format;
mod html;
mod metrics;
mod narrate;
mod pages;
mod rest;
mod sentence;
mod spread;
mod view;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use futures::FutureExt;
use onager_contract::{DriverSpec, endpoint};

pub(super) use self::facts::Facts;
pub(super) use self::narrate::narrate;
use self::pages::StageQuery;
use crate::metrics as metrics_text;
use crate::overrides::bind_address;
use crate::readonly::{self, Answers, Asked, Reply};

/// `spark.ui.enabled`: pages and REST may be switched off, as in Spark.
const ENABLED_KEY: &str = "spark.ui.enabled";

/// `spark.ui.proxyBase`: the path below which an Ingress leads here. Pages are there and at the root.
const BASE_KEY: &str = "spark.ui.proxyBase";

/// Opens both ports.
pub(super) async fn serve(spec: &DriverSpec, facts: &Arc<Facts>) {
    let is_off = spec.conf.get(ENABLED_KEY).is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
    let ui_port = if is_off { 0 } else { spec.ui_port.unwrap_or(endpoint::UI_PORT) };
    let base = spec.conf.get(BASE_KEY).map(|base| segments(base)).unwrap_or_default();
    let for_pages = facts.clone();
    let pages: Answers = Arc::new(move |asked| match below(&base, asked) {
        Ok(asked) => {
            let facts = for_pages.clone();
            async move { answer(&facts, &asked).await }.boxed()
        }
        Err(elsewhere) => std::future::ready(elsewhere).boxed(),
    });
    let policy = format!(
        "default-src 'none'; style-src {}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        readonly::allowed(pages::STYLE)
    );
    let at = |port: u16| SocketAddr::new(bind_address(), port);
    readonly::open(at(ui_port), "the user interface", policy, pages).await;
    let metrics_port = spec.metrics_port.unwrap_or(endpoint::METRICS_PORT);
    let facts = facts.clone();
    let answers = metrics_text::answers(move || {
        let facts = facts.clone();
        async move { metrics::of(&facts.view().await) }.boxed()
    });
    readonly::open(at(metrics_port), "metrics", readonly::NO_PAGES.into(), answers).await;
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_string).collect()
}

/// What is asked for without the path below which all is, or a better address: links are relative, so that it matters how a
/// path ends.
fn below(base: &[String], mut asked: Asked) -> Result<Asked, Reply> {
    if !base.is_empty() && asked.path.starts_with(base) {
        if asked.path.len() == base.len() && !asked.is_folder {
            return Err(Reply::elsewhere(format!("{}/", base[base.len() - 1])));
        }
        asked.path.drain(..base.len());
    }
    match asked.path.last() {
        Some(last) if asked.is_folder => Err(Reply::elsewhere(format!("../{last}"))),
        _ => Ok(asked),
    }
}

async fn answer(facts: &Facts, asked: &Asked) -> Reply {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    if let ["api", "v1", rest @ ..] = path.as_slice() {
        return rest::answer(facts, rest, asked).await;
    }
    let view = facts.view().await;
    let refresh = asked.value("refresh") != "off";
    let number = asked.number("page").unwrap_or(1);
    let page = match path.as_slice() {
        [] => Some(pages::overview(&view, number, refresh)),
        ["jobs"] => Some(pages::jobs(&view, number, refresh)),
        ["stages"] => Some(pages::stages(&view, number, refresh)),
        ["executors"] => Some(pages::executors(&view, refresh)),
        ["environment"] => Some(pages::environment(&view, &facts.conf)),
        ["jobs", job] => match job.parse() {
            Ok(job) => {
                let plans: BTreeMap<usize, String> = facts.plans(job).await.unwrap_or_default();
                pages::job(&view, job, &plans, refresh)
            }
            Err(_) => None,
        },
        ["stages", job, stage] => match (job.parse(), stage.parse()) {
            (Ok(job), Ok(stage)) => {
                let tasks = facts.tasks(job, stage).await.unwrap_or_default();
                let plan = facts.plan(job, stage).await.unwrap_or_default();
                let query = StageQuery { page: number, sort: asked.value("sort").to_string() };
                pages::stage(&view, job, stage, &tasks, &plan, &query, refresh)
            }
            _ => None,
        },
        _ => None,
    };
    let html = "text/html; charset=utf-8";
    match page {
        Some(page) => Reply::new(html, page),
        None => {
            let depth = path.len().saturating_sub(1);
            Reply { status: StatusCode::NOT_FOUND, ..Reply::new(html, pages::missing(&view, depth)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path that is answered, or where the answer leads.
    fn at(base: &str, path: &str) -> Result<String, String> {
        let asked = Asked::of(&path.parse().expect("URI"));
        match below(&segments(base), asked) {
            Ok(asked) => Ok(asked.path.join("/")),
            Err(reply) => Err(reply.location.expect("a location")),
        }
    }

    #[test]
    fn pages_are_at_the_root_and_below_the_path_of_an_ingress() {
        for base in ["", "/team-alpha/etl", "/team-alpha/etl/"] {
            assert_eq!(at(base, "/").as_deref(), Ok(""));
            assert_eq!(at(base, "/stages/1/2?sort=rows").as_deref(), Ok("stages/1/2"));
        }
        let base = "/team-alpha/etl";
        assert_eq!(at(base, "/team-alpha/etl/").as_deref(), Ok(""));
        assert_eq!(at(base, "/team-alpha/etl/jobs/3").as_deref(), Ok("jobs/3"));
        assert_eq!(at(base, "/team-alpha/other").as_deref(), Ok("team-alpha/other"));
    }

    #[test]
    fn an_address_whose_links_would_go_astray_leads_to_the_right_one() {
        assert_eq!(at("/team-alpha/etl", "/team-alpha/etl"), Err("etl/".into()));
        assert_eq!(at("/team-alpha/etl", "/team-alpha/etl/jobs/"), Err("../jobs".into()));
        assert_eq!(at("", "/jobs/3/"), Err("../3".into()));
    }
}
