//! The Services by which a driver is reached from outside: one of its UI, and one of each further port.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;
use onager_contract::endpoint;
use onager_crds::{DriverIngress, ServiceType, SparkApplication};

use super::{UiSettings, ui_service_name, ui_service_port};
use crate::build::names;

/// The name of a UI's port where the application does not say.
const UI_PORT_NAME: &str = "spark-driver-ui-port";

/// These Services, the UI's first.
pub fn ui_services(app: &SparkApplication, settings: &UiSettings) -> Vec<Service> {
    let options = app.spec.spark_ui_options.clone().unwrap_or_default();
    let ui = settings.has_service(app).then(|| {
        let port = ServicePort {
            name: Some(options.service_port_name.clone().unwrap_or_else(|| UI_PORT_NAME.into())),
            port: ui_service_port(app),
            target_port: Some(IntOrString::String(names::UI_PORT.into())),
            ..ServicePort::default()
        };
        let own = (options.service_annotations.clone(), options.service_labels.clone());
        service(app, ui_service_name(app), port, options.service_type, own)
    });
    let others = app.spec.driver_ingress_options.iter().map(|ingress| {
        let port = ServicePort {
            name: Some(ingress.service_port_name.clone()),
            port: ingress.service_port,
            target_port: Some(target(app, ingress.service_port)),
            ..ServicePort::default()
        };
        let own = (ingress.service_annotations.clone(), ingress.service_labels.clone());
        service(app, port_service_name(app, ingress), port, ingress.service_type, own)
    });
    ui.into_iter().chain(others).collect()
}

/// Names of what [`ui_services`] makes.
pub(in crate::build) fn ui_service_names(app: &SparkApplication, settings: &UiSettings) -> Vec<String> {
    let ui = settings.has_service(app).then(|| ui_service_name(app));
    ui.into_iter().chain(app.spec.driver_ingress_options.iter().map(|port| port_service_name(app, port))).collect()
}

/// The operator's own ports have another number where a driver uses its node's network.
fn target(app: &SparkApplication, port: i32) -> IntOrString {
    let declared = app.spec.driver.pod.ports.iter().any(|own| own.container_port == port);
    match port {
        port if port == i32::from(endpoint::UI_PORT) && !declared => IntOrString::String(names::UI_PORT.into()),
        port => IntOrString::Int(port),
    }
}

/// Name of the Service of a further port.
pub(super) fn port_service_name(app: &SparkApplication, ingress: &DriverIngress) -> String {
    format!("{}-driver-{}", app.name_any(), ingress.service_port)
}

type Own = (BTreeMap<String, String>, BTreeMap<String, String>);

fn service(
    app: &SparkApplication,
    name: String,
    port: ServicePort,
    kind: Option<ServiceType>,
    (annotations, labels): Own,
) -> Service {
    let mut metadata = names::owned(app, name, names::ROLE_UI);
    let mut all = labels;
    all.append(metadata.labels.get_or_insert_default());
    metadata.labels = Some(all);
    metadata.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            selector: Some(names::driver_selector(app)),
            ports: Some(vec![port]),
            type_: Some(kind.unwrap_or_default().as_str().into()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::golden::application;

    #[test]
    fn a_ui_has_a_service_that_follows_the_drivers_port() {
        let app = application(
            "etl",
            serde_json::json!({"type": "SQL", "sparkUIOptions": {
                "servicePort": 80, "servicePortName": "http", "serviceType": "NodePort", "serviceLabels": {"a": "b", "onager.dev/app-name": "x"},
                "serviceAnnotations": {"c": "d"}, "ingressAnnotations": {"e": "f"},
                "ingressTLS": [{"hosts": ["ui.example.org"], "secretName": "tls"}],
            }}),
        );
        let service = ui_services(&app, &UiSettings::default()).remove(0);
        assert_eq!(service.name_any(), "etl-ui-svc");
        assert_eq!((service.labels()["a"].as_str(), service.labels()[names::APP].as_str()), ("b", "etl"));
        assert_eq!(service.annotations()["c"], "d");
        let spec = service.spec.expect("spec");
        assert_eq!(spec.type_.as_deref(), Some("NodePort"));
        let port = &spec.ports.expect("ports")[0];
        assert_eq!((port.name.as_deref(), port.port), (Some("http"), 80));
        assert_eq!(port.target_port, Some(IntOrString::String("spark-ui".into())));
    }

    #[test]
    fn each_further_port_has_a_service() {
        let app = application(
            "etl",
            serde_json::json!({"type": "SQL", "driverIngressOptions": [
                {"servicePort": 8888, "servicePortName": "notebook", "ingressURLFormat": "{{$appName}}.example.org"},
                {"servicePort": 9999, "servicePortName": "debug"},
            ]}),
        );
        let names: Vec<String> = ui_services(&app, &UiSettings::default()).iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["etl-ui-svc", "etl-driver-8888", "etl-driver-9999"]);
    }
}
