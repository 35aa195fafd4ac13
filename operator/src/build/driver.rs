//! The driver's pod.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use onager_contract::{Application, Deps, DriverSpec, ExecutorDemand, endpoint};
use onager_core::{Settings, Workload, lifecycle::driver_pod_name, pod::Kind};
use onager_crds::SparkApplication;

use super::{Site, pod, pod::Part, ports::Ports};

/// Where the UI stands behind a proxy; Spark's key.
const UI_BASE_KEY: &str = "spark.ui.proxyBase";

/// The run that a process is told of.
pub(super) fn application(app: &SparkApplication, attempt: u32) -> Application {
    Application {
        namespace: app.metadata.namespace.clone().unwrap_or_default(),
        name: app.name_any(),
        uid: app.metadata.uid.clone().unwrap_or_default(),
        attempt,
    }
}

/// What is brought to a process before it begins.
pub(super) fn deps(app: &SparkApplication) -> Deps {
    let deps = app.spec.deps.clone().unwrap_or_default();
    Deps { files: deps.files, py_files: deps.py_files, archives: deps.archives }
}

/// The driver's pod of an attempt, which knows the operator by the digest of its token.
pub fn driver_pod(
    app: &SparkApplication,
    workload: &Workload,
    (attempt, control_digest): (u32, String),
    site: &Site<'_>,
    settings: &Settings,
) -> Pod {
    let size = &workload.driver;
    let identity = format!("{}/{attempt}/driver", app.metadata.uid.as_deref().unwrap_or_default());
    let ports = Ports::new(app, Kind::Driver, &identity, size.outline.host_network(), site);
    let mut conf = app.spec.conf();
    // The path under which the Ingress brings requests, as they are.
    if let Some(address) = site.ui.address(app).filter(|address| !address.path.is_empty()) {
        conf.insert(UI_BASE_KEY.into(), address.path);
    }
    let told = DriverSpec {
        application: application(app, attempt),
        program: workload.program.clone(),
        arguments: app.spec.arguments.clone(),
        conf,
        executors: ExecutorDemand {
            wanted: workload.wanted,
            minimum: workload.minimum,
            maximum: workload.maximum(),
            wait_seconds: settings.start_limit.as_secs(),
        },
        executor_cores: workload.executor.cores,
        memory_bytes: size.main_request.memory,
        deps: deps(app),
        local_dirs: size.outline.local_dirs(),
        metrics_port: ports.told(3, endpoint::METRICS_PORT),
        ui_port: ports.told(2, endpoint::UI_PORT),
        scheduler_port: ports.told(0, endpoint::SCHEDULER_PORT),
        control_port: ports.told(1, endpoint::CONTROL_PORT),
        control_digest: Some(control_digest),
    };
    Part {
        app,
        kind: Kind::Driver,
        name: driver_pod_name(app),
        attempt,
        size,
        binary: workload.binary.as_deref(),
        env: vec![pod::env(endpoint::ENV_DRIVER, serde_json::to_string(&told).unwrap_or_default())],
        labels: Vec::new(),
        ports,
        site,
    }
    .pod()
}
