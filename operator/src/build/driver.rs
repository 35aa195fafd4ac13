//! The driver's pod.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use onager_contract::{Application, Deps, DriverSpec, ExecutorDemand, endpoint};
use onager_core::{Settings, Workload, lifecycle::driver_name};
use onager_crds::SparkApplication;

use super::{EngineImage, names, pod, pod::Part};

/// The run that a process is told of.
pub(super) fn application(app: &SparkApplication, attempt: u32) -> Application {
    Application {
        namespace: app.metadata.namespace.clone().unwrap_or_default(),
        name: app.name_any(),
        uid: app.metadata.uid.clone().unwrap_or_default(),
        attempt,
    }
}

/// The driver's pod of an attempt.
pub fn driver_pod(
    app: &SparkApplication,
    workload: &Workload,
    attempt: u32,
    limit_cpu: bool,
    engine: &EngineImage,
    settings: &Settings,
) -> Pod {
    let told = DriverSpec {
        application: application(app, attempt),
        program: workload.program.clone(),
        arguments: app.spec.arguments.clone(),
        conf: app.spec.conf(),
        executors: ExecutorDemand {
            wanted: workload.wanted,
            minimum: workload.minimum,
            maximum: workload.wanted,
            wait_seconds: settings.start_limit.as_secs(),
        },
        executor_cores: workload.executor.cores,
        memory_bytes: workload.driver.request.memory,
        deps: Deps::default(),
        local_dirs: Vec::new(),
        metrics_port: None,
    };
    Part {
        app,
        role: "driver",
        name: driver_name(&app.name_any()),
        attempt,
        fields: &app.spec.driver.pod,
        size: &workload.driver,
        binary: workload.binary.as_deref(),
        env: vec![
            pod::env(endpoint::ENV_DRIVER, serde_json::to_string(&told).unwrap_or_default()),
            pod::secret_env(endpoint::ENV_CONTROL_TOKEN, &names::secret_name(app), names::TOKEN_KEY),
        ],
        labels: Vec::new(),
        limit_cpu,
        engine,
    }
    .pod()
}
