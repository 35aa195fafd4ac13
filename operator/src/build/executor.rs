//! An executor's pod.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use onager_contract::{Deps, ExecutorSpec, endpoint};
use onager_core::{Workload, lifecycle::executor_name};
use onager_crds::SparkApplication;

use super::{EngineImage, driver::application, names, pod, pod::Part};

/// The pod of the executor of an index.
pub fn executor_pod(
    app: &SparkApplication,
    workload: &Workload,
    (attempt, index): (u32, u32),
    driver_host: &str,
    limit_cpu: bool,
    engine: &EngineImage,
) -> Pod {
    let told = ExecutorSpec {
        application: application(app, attempt),
        index,
        cores: workload.executor.cores,
        memory_bytes: workload.executor.request.memory,
        conf: app.spec.conf(),
        deps: Deps::default(),
        local_dirs: Vec::new(),
        grace_seconds: None,
        metrics_port: None,
    };
    Part {
        app,
        role: "executor",
        name: executor_name(&app.name_any(), index),
        attempt,
        fields: &app.spec.executor.pod,
        size: &workload.executor,
        binary: workload.binary.as_deref(),
        env: vec![
            pod::env(endpoint::ENV_EXECUTOR, serde_json::to_string(&told).unwrap_or_default()),
            pod::env(endpoint::ENV_DRIVER_HOST, driver_host.to_string()),
        ],
        labels: vec![(names::INDEX, index.to_string())],
        limit_cpu,
        engine,
    }
    .pod()
}
