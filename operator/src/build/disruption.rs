//! The driver's PodDisruptionBudget: while it is there, a node that is drained waits for the application's end. It counts
//! pods and never a part of them: Kubernetes finds out how many pods there should be only for kinds it can scale.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use onager_core::lifecycle::driver_pod_name;
use onager_crds::SparkApplication;

use super::names;

/// The PodDisruptionBudget of an application that asks for one. It has the name of the driver's pod.
pub fn disruption_budget(app: &SparkApplication) -> Option<PodDisruptionBudget> {
    has_disruption_budget(app).then(|| PodDisruptionBudget {
        metadata: names::owned(app, driver_pod_name(app), "driver"),
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(names::driver_selector(app)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}

/// Whether an application asks for one.
pub fn has_disruption_budget(app: &SparkApplication) -> bool {
    app.spec.driver_pod_disruption_budget == Some(true)
}
