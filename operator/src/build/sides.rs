//! All that stands beside an application's pods, but for the driver's own Service: the objects, and, where it is only asked
//! whether they are there, their names alone.

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress, policy::v1::PodDisruptionBudget};
use onager_core::{SideKind, lifecycle::driver_pod_name};
use onager_crds::SparkApplication;

use super::{UiSettings, disruption, ui};

/// One of them.
#[derive(Clone, Debug)]
pub enum Side {
    /// A Service of the driver's UI or of one of its further ports.
    UiService(Box<Service>),
    /// An Ingress to one of those.
    Ingress(Box<Ingress>),
    /// The driver's PodDisruptionBudget.
    DisruptionBudget(Box<PodDisruptionBudget>),
}

/// What stands beside the pods of an application.
pub fn sides(app: &SparkApplication, settings: &UiSettings) -> Vec<Side> {
    let budget = disruption::disruption_budget(app).map(|budget| Side::DisruptionBudget(Box::new(budget)));
    let services = ui::ui_services(app, settings).into_iter().map(|service| Side::UiService(Box::new(service)));
    let ingresses = ui::ingresses(app, settings).into_iter().map(|ingress| Side::Ingress(Box::new(ingress)));
    budget.into_iter().chain(services).chain(ingresses).collect()
}

/// What each of [`sides`] is, and its name.
pub fn side_names(app: &SparkApplication, settings: &UiSettings) -> Vec<(SideKind, String)> {
    let budget = disruption::has_disruption_budget(app).then(|| (SideKind::DisruptionBudget, driver_pod_name(app)));
    let services = ui::ui_service_names(app, settings).into_iter().map(|name| (SideKind::UiService, name));
    let ingresses = ui::ingress_names(app, settings).into_iter().map(|name| (SideKind::Ingress, name));
    budget.into_iter().chain(services).chain(ingresses).collect()
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;
    use crate::build::golden::application;

    fn made(app: &SparkApplication, settings: &UiSettings) -> Vec<(SideKind, String)> {
        let name = |side: Side| match side {
            Side::UiService(service) => (SideKind::UiService, service.name_any()),
            Side::Ingress(ingress) => (SideKind::Ingress, ingress.name_any()),
            Side::DisruptionBudget(budget) => (SideKind::DisruptionBudget, budget.name_any()),
        };
        sides(app, settings).into_iter().map(name).collect()
    }

    #[test]
    fn the_names_are_those_of_what_is_made() {
        let plain = application("etl", json!({"type": "SQL"}));
        let full = application(
            "etl",
            json!({
                "type": "SQL", "driverPodDisruptionBudget": true, "sparkUIOptions": {"servicePort": 80}, "driver": {"podName": "mine"},
                "driverIngressOptions": [
                    {"servicePort": 8888, "servicePortName": "notebook", "ingressURLFormat": "{{$appName}}.example.org"},
                    {"servicePort": 9999, "servicePortName": "debug", "ingressURLFormat": ""},
                ],
            }),
        );
        let dark = application("etl", json!({"type": "SQL", "sparkConf": {"spark.ui.enabled": "false"}}));
        let quiet = UiSettings { service: false, ..UiSettings::default() };
        let outside = UiSettings { url_format: Some("{{$appName}}.example.org".into()), ..UiSettings::default() };
        for (app, settings, count) in [
            (&plain, &quiet, 0),
            (&plain, &UiSettings::default(), 1),
            (&plain, &outside, 2),
            (&dark, &outside, 0),
            (&full, &quiet, 5),
            (&full, &outside, 6),
        ] {
            assert_eq!(side_names(app, settings), made(app, settings));
            assert_eq!(made(app, settings).len(), count, "{:?}", made(app, settings));
        }
        assert!(made(&full, &quiet).contains(&(SideKind::DisruptionBudget, "mine".into())));
    }

    #[test]
    fn a_disruption_budget_that_is_not_asked_for_is_not_made() {
        let app = application("etl", json!({"type": "SQL", "driverPodDisruptionBudget": false}));
        assert_eq!(made(&app, &UiSettings { service: false, ..UiSettings::default() }), []);
    }
}
