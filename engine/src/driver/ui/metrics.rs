//! What there is to see as metrics. Names and labels are few and fixed: an application of any size has as many series as
//! the smallest.

use super::view::{Executor, Standing, State, View};
use crate::metrics::{Metrics, label, resident_bytes};

/// The metrics of a driver.
pub(super) fn of(view: &View) -> String {
    let mut metrics = Metrics::default();
    let application = &view.application;
    let info = format!(
        "namespace=\"{}\",application=\"{}\",attempt=\"{}\",version=\"{}\"",
        label(&application.namespace),
        label(&application.name),
        application.attempt,
        env!("CARGO_PKG_VERSION")
    );
    metrics.add("onager_driver_info", "gauge", "What this driver runs; always 1.", [(info.as_str(), 1.0)]);
    let uptime = view.now.saturating_sub(view.started_at) as f64 / 1000.0;
    metrics.gauge("onager_driver_uptime_seconds", "Time since the driver began to serve.", uptime);
    metrics.gauge("onager_driver_memory_bytes", "Resident memory of the driver.", resident_bytes() as f64);

    let standing = |wanted: fn(&Standing) -> bool| {
        view.executors.iter().filter(|executor| wanted(&executor.standing)).count() as f64
    };
    metrics.add(
        "onager_driver_executors",
        "gauge",
        "Executors that are registered, by state.",
        [
            ("state=\"active\"", standing(|state| matches!(state, Standing::Active))),
            ("state=\"leaving\"", standing(|state| matches!(state, Standing::Drained | Standing::Leaving))),
        ],
    );
    metrics.gauge(
        "onager_driver_executors_wanted",
        "Executors with which the application begins.",
        f64::from(view.demand.wanted),
    );
    metrics.counter("onager_driver_executors_lost_total", "Executors that were lost.", f64::from(view.lost));
    let here = || view.executors.iter().filter(|executor| executor.standing.is_here());
    let sum = |of: fn(&Executor) -> u64| here().map(of).sum::<u64>() as f64;
    metrics.add(
        "onager_driver_executor_cores",
        "gauge",
        "Cores of the executors that are registered, by use.",
        [
            ("state=\"busy\"", sum(|executor| u64::from(executor.busy))),
            ("state=\"idle\"", sum(|executor| u64::from(executor.cores.saturating_sub(executor.busy)))),
        ],
    );
    metrics.gauge(
        "onager_driver_executor_memory_bytes",
        "Resident memory of the executors that are registered, as they reported it last.",
        sum(|executor| executor.memory_bytes),
    );

    let jobs = |state: State| view.jobs.iter().filter(|job| job.state == state).count() as f64;
    metrics.add(
        "onager_driver_jobs",
        "gauge",
        "Jobs that have not ended, by state.",
        [("state=\"waiting\"", jobs(State::Waiting)), ("state=\"running\"", jobs(State::Running))],
    );
    metrics.add(
        "onager_driver_jobs_total",
        "counter",
        "Jobs that ended, by result.",
        [
            ("result=\"succeeded\"", view.totals.successful_jobs as f64),
            ("result=\"failed\"", view.totals.failed_jobs as f64),
        ],
    );
    let stages = view.jobs.iter().filter(|job| job.state == State::Running).flat_map(|job| &job.stages);
    let running = stages.filter(|stage| stage.state == State::Running).count() as f64;
    metrics.gauge("onager_driver_stages_running", "Stages that run.", running);
    metrics.counter("onager_driver_stages_total", "Stages of which a task was launched.", view.totals.stages as f64);
    metrics.gauge("onager_driver_tasks_pending", "Cores that would be put to use at once.", view.pending_tasks as f64);
    metrics.gauge("onager_driver_tasks_running", "Tasks that run.", sum(|executor| executor.running_tasks));
    metrics.add(
        "onager_driver_tasks_total",
        "counter",
        "Tasks that ended, by result.",
        [("result=\"done\"", view.totals.done as f64), ("result=\"failed\"", view.totals.failed as f64)],
    );
    let (bytes, rows) = (view.totals.shuffle_bytes as f64, view.totals.shuffle_rows as f64);
    metrics.counter("onager_driver_shuffle_bytes_total", "Bytes written to shuffle files.", bytes);
    metrics.counter("onager_driver_shuffle_rows_total", "Rows written to shuffle files.", rows);
    metrics.into_string()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn every_series_has_its_help_and_type_and_a_number() {
        let text = of(&example::view());
        let mut known = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                known = rest.split(' ').next().unwrap_or_default().to_string();
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                assert_eq!(series.split('{').next(), Some(known.as_str()), "{line}");
                value.parse::<f64>().unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
        assert!(text.contains("onager_driver_executors{state=\"active\"} 2\n"), "{text}");
        assert!(text.contains("onager_driver_tasks_total{result=\"done\"} 412\n"), "{text}");
    }
}
