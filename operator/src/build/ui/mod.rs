//! How a driver is reached from outside: a Service and, where the operator or the application has a form of URL, an Ingress
//! for its UI, and the same for each further port. Names are those of Kubeflow's operator. Nothing is said of when.
//!
//! Behind an Ingress with a path the driver takes the path off itself: it is told by `spark.ui.proxyBase`, and any ingress
//! controller can then pass requests on as they come. What listens on a further port is told nothing; there the controller
//! has to, as with Kubeflow's operator, and ingress-nginx does.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        core::v1::{Service, ServicePort, ServiceSpec},
        networking::v1::{
            HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
            IngressSpec, IngressTLS, ServiceBackendPort,
        },
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;
use onager_contract::endpoint;
use onager_core::lifecycle::driver_name;
use onager_crds::{DriverInfo, DriverIngress, ServiceType, SparkApplication};

use super::names;

/// The name of a UI's port where the application does not say.
const UI_PORT_NAME: &str = "spark-driver-ui-port";
/// By this annotation ingress-nginx takes a path off; other controllers do not look at it.
const NGINX_REWRITE: &str = "nginx.ingress.kubernetes.io/rewrite-target";
/// What of a path that is taken off so is left.
const NGINX_REST: &str = "/$2";
/// Spark's key by which an application does without a UI.
const ENABLED_KEY: &str = "spark.ui.enabled";
/// What may stand in a form of URL.
const PLACEHOLDERS: [&str; 3] = ["$appName", "$appNamespace", "$appId"];

/// What the operator's administrator says of UIs.
#[derive(Clone, Debug)]
pub struct UiSettings {
    /// Whether each UI gets a Service of its own. Otherwise those that need one do, and the others are found at the driver's.
    pub service: bool,
    /// URL of a UI, such as `{{$appNamespace}}-{{$appName}}.ui.example.org`; without it no UI has an Ingress.
    pub url_format: Option<String>,
    /// Class of the Ingresses.
    pub class: Option<String>,
    /// Annotations of Ingresses whose application gives none.
    pub annotations: BTreeMap<String, String>,
    /// TLS of Ingresses whose application gives none.
    pub tls: Vec<IngressTLS>,
}

impl Default for UiSettings {
    fn default() -> Self {
        Self { service: true, url_format: None, class: None, annotations: BTreeMap::new(), tls: Vec::new() }
    }
}

impl UiSettings {
    /// The address of an application's UI, if it has an Ingress.
    pub fn address(&self, app: &SparkApplication) -> Option<Address> {
        let format = self.url_format.as_deref().filter(|_| !is_off(app))?;
        Some(Address::of(format, app))
    }

    /// Whether the UI of an application has a Service of its own: by default, for an Ingress, or since it asks for one.
    pub fn has_service(&self, app: &SparkApplication) -> bool {
        !is_off(app) && (self.service || self.url_format.is_some() || app.spec.spark_ui_options.is_some())
    }
}

/// Whether an application does without a UI.
fn is_off(app: &SparkApplication) -> bool {
    app.spec.spark_conf.get(ENABLED_KEY).is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
}

/// Checks the form of a UI's URL.
///
/// # Errors
/// With what is wrong, when it has a placeholder that nobody fills in, or would be the same for all applications.
pub fn check_url_format(format: &str) -> Result<String, String> {
    let names: Vec<&str> =
        format.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or(rest).trim()).collect();
    if let Some(unknown) = names.iter().find(|name| !PLACEHOLDERS.contains(name)) {
        return Err(format!(
            "{{{{{unknown}}}}} is not known; there are {{{{$appName}}}}, {{{{$appNamespace}}}} and {{{{$appId}}}}"
        ));
    }
    if !names.iter().any(|name| matches!(*name, "$appName" | "$appId")) {
        return Err("it must have {{$appName}} or {{$appId}} in it, or all applications would have the same URL".into());
    }
    Ok(format.to_string())
}

/// A URL, in the parts that an Ingress has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As it is shown.
    pub url: String,
    host: String,
    /// Without the slash at its end; empty for the root.
    pub path: String,
}

impl Address {
    /// From a form with `{{$appName}}`, `{{$appNamespace}}` and `{{$appId}}`.
    fn of(format: &str, app: &SparkApplication) -> Self {
        let id = names::spark_id(app);
        let namespace = app.namespace().unwrap_or_default();
        let values = [app.name_any(), namespace, id];
        let filled = fill(format, &PLACEHOLDERS.into_iter().zip(values).collect::<Vec<_>>());
        let url = if filled.contains("://") { filled } else { format!("http://{filled}") };
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.split(':').next().unwrap_or_default().to_string();
        let path = path.trim_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Self { host, path, url: url.trim_end_matches('/').to_string() }
    }
}

/// Puts values in the place of `{{ $name }}`; what is not known stays.
fn fill(format: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else { return filled + "{{" + after };
        match values.iter().find(|(known, _)| *known == name.trim()) {
            Some((_, value)) => filled.push_str(value),
            None => filled.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = behind;
    }
    filled + rest
}

/// Name of the Service of an application's UI.
pub fn ui_service_name(app: &SparkApplication) -> String {
    format!("{}-ui-svc", app.name_any())
}

/// Name of the Ingress of an application's UI.
pub fn ui_ingress_name(app: &SparkApplication) -> String {
    format!("{}-ui-ingress", app.name_any())
}

/// The port at which a UI's Service is reached.
pub fn ui_service_port(app: &SparkApplication) -> i32 {
    let options = app.spec.spark_ui_options.as_ref();
    options.and_then(|options| options.service_port).unwrap_or(i32::from(endpoint::UI_PORT))
}

/// Where the UI of an application is found, as its status says it; `ip` is the address of a Service of that name, if it
/// has one.
pub fn show(app: &SparkApplication, settings: &UiSettings, info: &mut DriverInfo, ip: impl Fn(&str) -> Option<String>) {
    if is_off(app) {
        return;
    }
    let (name, port) = match settings.has_service(app) {
        true => (ui_service_name(app), ui_service_port(app)),
        false => (driver_name(&app.name_any()), i32::from(endpoint::UI_PORT)),
    };
    info.web_ui_address =
        ip(&name).map(|ip| if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") });
    info.web_ui_service_name = Some(name);
    info.web_ui_port = Some(port);
    let address = settings.address(app);
    info.web_ui_ingress_name = address.as_ref().map(|_| ui_ingress_name(app));
    info.web_ui_ingress_address = address.map(|address| address.url);
}

/// The Services by which a driver is reached from outside: its UI's first.
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
pub(super) fn ui_service_names(app: &SparkApplication, settings: &UiSettings) -> Vec<String> {
    let ui = settings.has_service(app).then(|| ui_service_name(app));
    ui.into_iter().chain(app.spec.driver_ingress_options.iter().map(|port| port_service_name(app, port))).collect()
}

/// Names of what [`ingresses`] makes.
pub(super) fn ingress_names(app: &SparkApplication, settings: &UiSettings) -> Vec<String> {
    let ui = settings.url_format.as_ref().filter(|_| !is_off(app)).map(|_| ui_ingress_name(app));
    let others = app.spec.driver_ingress_options.iter().filter(|port| port_url_format(port).is_some());
    ui.into_iter().chain(others.map(|port| port_ingress_name(app, port))).collect()
}

/// The operator's own ports have another number where a driver uses its node's network.
fn target(app: &SparkApplication, port: i32) -> IntOrString {
    let declared = app.spec.driver.pod.ports.iter().any(|own| own.container_port == port);
    match port {
        port if port == i32::from(endpoint::UI_PORT) && !declared => IntOrString::String(names::UI_PORT.into()),
        port => IntOrString::Int(port),
    }
}

fn port_service_name(app: &SparkApplication, ingress: &DriverIngress) -> String {
    format!("{}-driver-{}", app.name_any(), ingress.service_port)
}

fn port_ingress_name(app: &SparkApplication, ingress: &DriverIngress) -> String {
    format!("{}-ing-{}", app.name_any(), ingress.service_port)
}

fn port_url_format(ingress: &DriverIngress) -> Option<&str> {
    ingress.ingress_url_format.as_deref().filter(|format| !format.is_empty())
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

/// The Ingresses to those Services.
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

    #[test]
    fn an_address_is_filled_in_and_taken_apart() {
        let app = application("etl", serde_json::json!({"type": "SQL"}));
        let of = |format: &str| Address::of(format, &app);
        let plain = of("{{$appName}}.{{ $appNamespace }}.example.org");
        assert_eq!((plain.host.as_str(), plain.path.as_str()), ("etl.team-alpha.example.org", ""));
        assert_eq!(plain.url, "http://etl.team-alpha.example.org");
        let path = of("https://ui.example.org:8443/{{$appNamespace}}/{{$appName}}/");
        assert_eq!((path.host.as_str(), path.path.as_str()), ("ui.example.org", "/team-alpha/etl"));
        assert_eq!(of("{{$nobody}}.org").host, "{{$nobody}}.org");
    }

    #[test]
    fn a_ui_has_a_service_that_follows_the_drivers_port_and_an_ingress_by_the_operators_form() {
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
        assert!(ingresses(&app, &UiSettings::default()).is_empty());

        let ingress = ingresses(&app, &settings("ui.example.org/{{$appName}}")).remove(0);
        assert_eq!(ingress.name_any(), "etl-ui-ingress");
        assert_eq!(ingress.annotations()["e"], "f");
        let spec = ingress.spec.expect("spec");
        assert_eq!(spec.tls.expect("tls")[0].secret_name.as_deref(), Some("tls"));
        let rule = &spec.rules.expect("rules")[0];
        assert_eq!((rule.host.as_deref(), path_of(rule)), (Some("ui.example.org"), ("/etl", "Prefix")));
    }

    fn path_of(rule: &IngressRule) -> (&str, &str) {
        let path = &rule.http.as_ref().expect("http").paths[0];
        (path.path.as_deref().expect("path"), &path.path_type)
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
    fn a_form_of_url_that_cannot_work_is_refused() {
        for good in ["{{$appName}}.example.org", "https://ui.example.org/{{ $appNamespace }}/{{$appId}}"] {
            assert_eq!(check_url_format(good).as_deref(), Ok(good));
        }
        let unknown = check_url_format("{{$appname}}.example.org").expect_err("unknown");
        assert!(unknown.starts_with("{{$appname}} is not known; there are {{$appName}}"), "{unknown}");
        let same = check_url_format("ui.example.org/{{$appNamespace}}").expect_err("same");
        assert!(same.contains("must have {{$appName}} or {{$appId}}"), "{same}");
    }

    #[test]
    fn a_status_says_where_the_ui_is() {
        let ip = |name: &str| (name == "etl-ui-svc").then(|| "10.96.0.9".to_string());
        let shown = |spec: serde_json::Value, settings: &UiSettings| {
            let mut info = DriverInfo::default();
            show(&application("etl", spec), settings, &mut info, ip);
            serde_json::to_value(info).expect("JSON")
        };
        let told = serde_json::json!({"type": "SQL", "sparkUIOptions": {"servicePort": 80}});
        assert_eq!(
            shown(told, &settings("https://ui.example.org/{{$appName}}/")),
            serde_json::json!({
                "podName": "", "webUIServiceName": "etl-ui-svc", "webUIPort": 80, "webUIAddress": "10.96.0.9:80",
                "webUIIngressName": "etl-ui-ingress", "webUIIngressAddress": "https://ui.example.org/etl",
            })
        );
        let quiet = UiSettings { service: false, ..UiSettings::default() };
        assert_eq!(
            shown(serde_json::json!({"type": "SQL"}), &quiet),
            serde_json::json!({"podName": "", "webUIServiceName": "etl-driver", "webUIPort": 4040})
        );
    }

    #[test]
    fn each_further_port_has_a_service_and_an_ingress_where_it_names_a_url() {
        let app = application(
            "etl",
            serde_json::json!({"type": "SQL", "driverIngressOptions": [
                {"servicePort": 8888, "servicePortName": "notebook", "ingressURLFormat": "{{$appName}}.example.org"},
                {"servicePort": 9999, "servicePortName": "debug"},
            ]}),
        );
        let names: Vec<String> = ui_services(&app, &UiSettings::default()).iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["etl-ui-svc", "etl-driver-8888", "etl-driver-9999"]);
        let ingresses = ingresses(&app, &UiSettings::default());
        assert_eq!(ingresses.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["etl-ing-8888"]);
    }
}
