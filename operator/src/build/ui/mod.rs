//! How a driver is reached from outside: a Service and, where the operator or the application has a form of URL, an Ingress
//! for its UI, and the same for each further port. Names are those of Kubeflow's operator. Nothing is said of when.

mod address;
mod ingresses;
mod services;

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::IngressTLS;
use kube::ResourceExt;
use onager_contract::endpoint;
use onager_core::lifecycle::driver_name;
use onager_crds::{DriverInfo, SparkApplication};

pub use address::{Address, check_url_format};
pub(super) use ingresses::ingress_names;
pub use ingresses::ingresses;
pub(super) use services::ui_service_names;
pub use services::ui_services;

/// Spark's key by which an application does without a UI.
const ENABLED_KEY: &str = "spark.ui.enabled";

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::golden::application;

    fn settings(format: &str) -> UiSettings {
        UiSettings { url_format: Some(format.into()), class: Some("nginx".into()), ..UiSettings::default() }
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
}
