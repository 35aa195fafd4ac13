//! The Ingresses to the Services of a driver's UI and further ports.
//!
//! Behind an Ingress with a path the driver takes the path off itself: it is told by `spark.ui.proxyBase`, and any ingress
//! controller can then pass requests on as they come. What listens on a further port is told nothing; there the controller
//! has to, as with Kubeflow's operator, and ingress-nginx does.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};
use kube::ResourceExt;
use onager_crds::{DriverIngress, SparkApplication};

use super::{
    Address, UiSettings, is_off, services::port_service_name, ui_ingress_name, ui_service_name, ui_service_port,
};
use crate::build::names;

/// By this annotation ingress-nginx takes a path off; other controllers do not look at it.
const NGINX_REWRITE: &str = "nginx.ingress.kubernetes.io/rewrite-target";
/// What of a path that is taken off so is left.
const NGINX_REST: &str = "/$2";

/// These Ingresses, the UI's first.
pub fn ingresses(app: &SparkApplication, settings: &UiSettings) -> Vec<Ingress> {
    let options = app.spec.spark_ui_options.clone().unwrap_or_default();
    let ui = settings.address(app).map(|address| {
        let to = (ui_service_name(app), ui_service_port(app));
        let own = (options.ingress_annotations.clone(), options.ingress_tls.clone());
        let path = if address.path.is_empty() { "/" } else { &address.path };
        let mut ingress = ingress(app, ui_ingress_name(app), &address.host, (path, "Prefix"), to, own, settings);
        // Written by hand for Kubeflow's operator, it would leave nothing of the path.
        if let Some(annotations) = &mut ingress.metadata.annotations {
            annotations.retain(|key, value| !(key == NGINX_REWRITE && value == NGINX_REST));
        }
        ingress
    });
    let others = app.spec.driver_ingress_options.iter().filter_map(|port| {
        let address = Address::of(port_url_format(port)?, app);
        let name = port_ingress_name(app, port);
        let to = (port_service_name(app, port), port.service_port);
        let own = (port.ingress_annotations.clone(), port.ingress_tls.clone());
        if address.path.is_empty() {
            return Some(ingress(app, name, &address.host, ("/", "Prefix"), to, own, settings));
        }
        let path = format!("{}(/|$)(.*)", address.path);
        let mut ingress = ingress(app, name, &address.host, (&path, "ImplementationSpecific"), to, own, settings);
        ingress.metadata.annotations.get_or_insert_default().insert(NGINX_REWRITE.into(), NGINX_REST.into());
        Some(ingress)
    });
    ui.into_iter().chain(others).collect()
}

/// Names of what [`ingresses`] makes.
pub(in crate::build) fn ingress_names(app: &SparkApplication, settings: &UiSettings) -> Vec<String> {
    let ui = settings.url_format.as_ref().filter(|_| !is_off(app)).map(|_| ui_ingress_name(app));
    let others = app.spec.driver_ingress_options.iter().filter(|port| port_url_format(port).is_some());
    ui.into_iter().chain(others.map(|port| port_ingress_name(app, port))).collect()
}

fn port_ingress_name(app: &SparkApplication, ingress: &DriverIngress) -> String {
    format!("{}-ing-{}", app.name_any(), ingress.service_port)
}

fn port_url_format(ingress: &DriverIngress) -> Option<&str> {
    ingress.ingress_url_format.as_deref().filter(|format| !format.is_empty())
}

fn ingress(
    app: &SparkApplication,
    name: String,
    host: &str,
    (path, path_type): (&str, &str),
    (service, port): (String, i32),
    (annotations, tls): (BTreeMap<String, String>, Vec<IngressTLS>),
    settings: &UiSettings,
) -> Ingress {
    let mut metadata = names::owned(app, name, names::ROLE_UI);
    let annotations = if annotations.is_empty() { settings.annotations.clone() } else { annotations };
    let tls = if tls.is_empty() { settings.tls.clone() } else { tls };
    metadata.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    let backend = IngressServiceBackend {
        name: service,
        port: Some(ServiceBackendPort { number: Some(port), ..ServiceBackendPort::default() }),
    };
    let rule = IngressRule {
        host: Some(host.to_string()).filter(|host| !host.is_empty()),
        http: Some(HTTPIngressRuleValue {
            paths: vec![HTTPIngressPath {
                backend: IngressBackend { service: Some(backend), ..IngressBackend::default() },
                path: Some(path.to_string()),
                path_type: path_type.into(),
            }],
        }),
    };
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: settings.class.clone(),
            rules: Some(vec![rule]),
            tls: Some(tls).filter(|tls| !tls.is_empty()),
            ..IngressSpec::default()
        }),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::golden::application;

    fn settings(format: &str) -> UiSettings {
        UiSettings { url_format: Some(format.into()), class: Some("nginx".into()), ..UiSettings::default() }
    }

    fn path_of(rule: &IngressRule) -> (&str, &str) {
        let path = &rule.http.as_ref().expect("http").paths[0];
        (path.path.as_deref().expect("path"), &path.path_type)
    }

    #[test]
    fn a_ui_has_an_ingress_by_the_operators_form() {
        let app = application(
            "etl",
            serde_json::json!({"type": "SQL", "sparkUIOptions": {
                "servicePort": 80, "servicePortName": "http", "serviceType": "NodePort", "serviceLabels": {"a": "b", "onager.dev/app-name": "x"},
                "serviceAnnotations": {"c": "d"}, "ingressAnnotations": {"e": "f"},
                "ingressTLS": [{"hosts": ["ui.example.org"], "secretName": "tls"}],
            }}),
        );
        assert!(ingresses(&app, &UiSettings::default()).is_empty());

        let ingress = ingresses(&app, &settings("ui.example.org/{{$appName}}")).remove(0);
        assert_eq!(ingress.name_any(), "etl-ui-ingress");
        assert_eq!(ingress.annotations()["e"], "f");
        let spec = ingress.spec.expect("spec");
        assert_eq!(spec.tls.expect("tls")[0].secret_name.as_deref(), Some("tls"));
        let rule = &spec.rules.expect("rules")[0];
        assert_eq!((rule.host.as_deref(), path_of(rule)), (Some("ui.example.org"), ("/etl", "Prefix")));
    }

    #[test]
    fn a_path_is_taken_off_by_the_driver_for_its_ui_and_by_the_controller_for_a_further_port() {
        let rewrite = serde_json::json!({(NGINX_REWRITE): "/$2", "a": "b"});
        let app = application(
            "etl",
            serde_json::json!({"type": "SQL", "sparkUIOptions": {"ingressAnnotations": rewrite}, "driverIngressOptions": [
                {"servicePort": 8888, "servicePortName": "notebook", "ingressURLFormat": "example.org/{{$appName}}"},
            ]}),
        );
        let both = ingresses(&app, &settings("ui.example.org/{{$appName}}"));
        let rules: Vec<&IngressRule> =
            both.iter().filter_map(|ingress| ingress.spec.as_ref()?.rules.as_ref()?.first()).collect();
        assert_eq!(path_of(rules[0]), ("/etl", "Prefix"));
        assert_eq!(both[0].annotations().keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(path_of(rules[1]), ("/etl(/|$)(.*)", "ImplementationSpecific"));
        assert_eq!(both[1].annotations()[NGINX_REWRITE], NGINX_REST);
    }

    #[test]
    fn a_further_port_has_an_ingress_where_it_names_a_url() {
        let app = application(
            "etl",
            serde_json::json!({"type": "SQL", "driverIngressOptions": [
                {"servicePort": 8888, "servicePortName": "notebook", "ingressURLFormat": "{{$appName}}.example.org"},
                {"servicePort": 9999, "servicePortName": "debug"},
            ]}),
        );
        let ingresses = ingresses(&app, &UiSettings::default());
        assert_eq!(ingresses.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["etl-ing-8888"]);
    }
}
