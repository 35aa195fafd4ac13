//! An executor's own metrics: who it is, how much it may use and does. What its tasks do is told by the driver.

use std::time::Instant;

use futures::FutureExt;
use onager_contract::{ExecutorSpec, endpoint};

use crate::metrics::{self, Metrics, label, resident_bytes};
use crate::overrides::{bind_address, var};
use crate::readonly;

/// Opens the port.
pub(super) async fn serve(spec: &ExecutorSpec) {
    let started = Instant::now();
    let told = spec.clone();
    let answers = metrics::answers(move || {
        std::future::ready(of(&told, started.elapsed().as_secs_f64(), resident_bytes())).boxed()
    });
    let address = var(endpoint::ENV_POD_IP).and_then(|text| text.parse().ok()).unwrap_or_else(bind_address);
    let port = spec.metrics_port.unwrap_or(endpoint::METRICS_PORT);
    readonly::open((address, port).into(), "metrics", readonly::NO_PAGES.into(), answers).await;
}

fn of(spec: &ExecutorSpec, uptime: f64, resident: u64) -> String {
    let mut metrics = Metrics::default();
    let info = format!(
        "namespace=\"{}\",application=\"{}\",attempt=\"{}\",executor=\"{}\",version=\"{}\"",
        label(&spec.application.namespace),
        label(&spec.application.name),
        spec.application.attempt,
        spec.index,
        env!("CARGO_PKG_VERSION")
    );
    metrics.add("onager_executor_info", "gauge", "Whom this executor works for; always 1.", [(info.as_str(), 1.0)]);
    metrics.gauge("onager_executor_uptime_seconds", "Time since the executor started.", uptime);
    metrics.gauge("onager_executor_cores", "Tasks it runs at once.", f64::from(spec.cores));
    metrics.gauge("onager_executor_memory_bytes", "Resident memory of the executor.", resident as f64);
    metrics.gauge("onager_executor_memory_limit_bytes", "Memory of its container.", spec.memory_bytes as f64);
    metrics.into_string()
}
