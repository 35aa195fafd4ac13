//! Metrics in Prometheus' text form, and where they are served. It knows no metric by name.

use std::fmt::Write;
use std::fs;
use std::sync::Arc;

use axum::http::StatusCode;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::readonly::{Answers, Reply};

/// Prometheus' text form.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text of metrics.
#[derive(Default)]
pub(crate) struct Metrics(String);

impl Metrics {
    /// Adds a metric with its series: labels as they stand in braces, or nothing, and a value.
    pub(crate) fn add<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        series: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in series {
            let _ = match labels {
                "" => writeln!(self.0, "{name} {value}"),
                labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
            };
        }
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.add(name, "gauge", help, [("", value)]);
    }

    pub(crate) fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.add(name, "counter", help, [("", value)]);
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// A label's value may hold anything but bare quotes, backslashes and line breaks.
pub(crate) fn label(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

/// Answers with metrics, which `text` makes each time.
pub(crate) fn answers(text: impl Fn() -> BoxFuture<'static, String> + Send + Sync + 'static) -> Answers {
    Arc::new(move |asked| match asked.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["metrics"] => {
            let text = text();
            async move { Reply::new(CONTENT_TYPE, text.await) }.boxed()
        }
        _ => std::future::ready(Reply::text(StatusCode::NOT_FOUND, "metrics are at /metrics")).boxed(),
    })
}

/// Resident memory of this process; 0 where it cannot be read.
pub(crate) fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_any_text() {
        assert_eq!(label("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes() > 0);
    }
}
