//! The driver's own Service. Executors dial its ClusterIP: unlike a headless name it is known before the driver has an address,
//! and no DNS server caches that it is missing.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;
use onager_contract::endpoint;
use onager_core::{conf, lifecycle::driver_name};
use onager_crds::SparkApplication;

use super::names;

/// The driver's Service. Its ports lead to the driver's by their names: on its node's network they have other numbers.
pub fn service(app: &SparkApplication) -> Service {
    let port = |name: &str, port: u16, target: &str| ServicePort {
        name: Some(name.to_string()),
        port: i32::from(port),
        target_port: Some(IntOrString::String(target.to_string())),
        ..ServicePort::default()
    };
    let filled = conf::filled(&app.spec);
    let driver = filled.as_ref().map_or(&app.spec.driver, |spec| &spec.driver);
    let mut metadata = names::owned(app, driver_name(&app.name_any()), "driver");
    let mut labels = driver.service_labels.clone();
    labels.append(metadata.labels.get_or_insert_default());
    metadata.labels = Some(labels);
    metadata.annotations = Some(driver.service_annotations.clone()).filter(|annotations| !annotations.is_empty());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            selector: Some(names::driver_selector(app)),
            ports: Some(vec![
                port("scheduler", endpoint::SCHEDULER_PORT, names::SCHEDULER_PORT),
                port("control", endpoint::CONTROL_PORT, names::CONTROL_PORT),
                // Where the UI has no Service of its own, it is found here.
                port("ui", endpoint::UI_PORT, names::UI_PORT),
            ]),
            // Executors may dial as soon as the driver's pod has an address.
            publish_not_ready_addresses: Some(true),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
