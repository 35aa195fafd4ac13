//! An executor's pod.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use onager_contract::{ExecutorSpec, endpoint};
use onager_core::{Workload, lifecycle::executor_name, pod::Kind};
use onager_crds::SparkApplication;

use super::{
    Site,
    driver::{application, deps},
    names, pod,
    pod::Part,
    ports::Ports,
};

/// The pod of the executor of an index.
pub fn executor_pod(
    app: &SparkApplication,
    workload: &Workload,
    (attempt, index): (u32, u32),
    driver_host: &str,
    site: &Site<'_>,
) -> Pod {
    let size = &workload.executor;
    let identity = format!("{}/executor/{index}", app.metadata.uid.as_deref().unwrap_or_default());
    let ports = Ports::new(app, Kind::Executor, &identity, size.outline.host_network(), site);
    let told = ExecutorSpec {
        application: application(app, attempt),
        index,
        cores: size.cores,
        memory_bytes: size.main_request.memory,
        conf: app.spec.conf(),
        deps: deps(app),
        local_dirs: size.outline.local_dirs(),
        grace_seconds: u32::try_from(pod::grace_seconds(&size.outline)).ok(),
        metrics_port: ports.told(2, endpoint::METRICS_PORT),
        flight_port: ports.told(0, endpoint::FLIGHT_PORT),
        task_port: ports.told(1, endpoint::EXECUTOR_PORT),
    };
    Part {
        app,
        kind: Kind::Executor,
        name: executor_name(&app.name_any(), index),
        attempt,
        size,
        binary: workload.binary.as_deref(),
        env: vec![
            pod::env(endpoint::ENV_EXECUTOR, serde_json::to_string(&told).unwrap_or_default()),
            pod::env(endpoint::ENV_DRIVER_HOST, driver_host.to_string()),
        ],
        labels: vec![(names::INDEX, index.to_string()), (names::SPARK_EXECUTOR, index.to_string())],
        ports,
        site,
    }
    .pod()
}
