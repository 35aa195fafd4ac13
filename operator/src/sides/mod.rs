//! What stands beside an application's pods: watches of it for one scope, and where a status says that the UI is. What is to
//! be there is built elsewhere; when, core decides.

mod refusals;

use std::sync::Arc;

use futures::future;
use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress, policy::v1::PodDisruptionBudget};
use kube::{core::PartialObjectMeta, runtime::watcher};
use onager_core::SideKind;
use onager_crds::{SparkApplication, SparkApplicationStatus};
use tokio::sync::watch;

use crate::{
    build::{self, names},
    cache::{Key, ingest},
    context::Context,
    scope,
};

pub use refusals::Refusals;

/// Follows the Services, Ingresses and PodDisruptionBudgets of a scope, and has applications that lose one looked at. The
/// receivers become true once all are known. Of the last two kinds the metadata alone is asked for.
pub fn follow(
    scope: &str,
    namespace: &Option<String>,
    context: &Arc<Context>,
) -> (impl Future<Output = ()>, [watch::Receiver<bool>; 3]) {
    let (services, services_ready) = watch::channel(false);
    let (ingresses, ingresses_ready) = watch::channel(false);
    let (budgets, budgets_ready) = watch::channel(false);
    let ours = watcher::Config::default().labels(&format!("{}={}", names::MANAGED_BY, names::MANAGER));
    let lost = |applications: Vec<Key>| {
        applications.iter().for_each(|(namespace, name)| context.triggers.wake(namespace, name));
    };
    let services = ingest::follow(scope::api::<Service>(context, namespace), ours.clone(), services, move |event| {
        let ip = |service: &Service| service.spec.as_ref()?.cluster_ip.clone();
        let gone = context.cache.sides().take_in(scope, SideKind::Service, &event, ip);
        lost(gone);
    });
    let api = scope::api::<PartialObjectMeta<Ingress>>(context, namespace);
    let ingresses = ingest::follow(api, ours.clone(), ingresses, move |event| {
        let gone = context.cache.sides().take_in(scope, SideKind::Ingress, &event, |_| None);
        lost(gone);
    });
    let api = scope::api::<PartialObjectMeta<PodDisruptionBudget>>(context, namespace);
    let budgets = ingest::follow(api, ours, budgets, move |event| {
        let gone = context.cache.sides().take_in(scope, SideKind::DisruptionBudget, &event, |_| None);
        lost(gone);
    });
    let all = async move {
        future::join3(services, ingresses, budgets).await;
    };
    (all, [services_ready, ingresses_ready, budgets_ready])
}

/// A status as it is saved: while the application has pods, with where its UI is found. That is not decided on, and never a
/// reason for a write of its own.
pub fn show(app: &SparkApplication, status: &SparkApplicationStatus, context: &Context) -> SparkApplicationStatus {
    let mut status = status.clone();
    if let (true, Some(info)) = (status.application_state.state.is_admitted(), &mut status.driver_info) {
        let (namespace, name) = crate::cache::key(app);
        let sides = context.cache.sides();
        build::show_ui(app, &context.ui, info, |service| {
            sides.of(&namespace, &name).find(|side| side.name == service && side.ip.is_some())?.ip.clone()
        });
    }
    status
}
