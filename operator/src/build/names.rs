//! Names and labels of everything that is made for an application.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use onager_crds::SparkApplication;

/// The application's name.
pub const APP: &str = "onager.dev/app-name";
/// `driver` or `executor`.
pub const ROLE: &str = "onager.dev/role";
/// The attempt a pod was made for.
pub const ATTEMPT: &str = "onager.dev/attempt";
/// An executor's index.
pub const INDEX: &str = "onager.dev/executor-index";
/// Who looks after the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGER: &str = "onager";
/// The container that runs the application, in every pod.
pub const CONTAINER: &str = "onager";
/// The key of the control token in an application's Secret.
pub const TOKEN_KEY: &str = "token";

/// Labels of an object of `app`; they also select its driver.
pub fn labels(app: &SparkApplication, role: &str) -> BTreeMap<String, String> {
    let pairs = [(APP, app.name_any()), (ROLE, role.to_string()), (MANAGED_BY, MANAGER.to_string())];
    pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

/// Metadata of an object that `app` owns, and that goes with it.
pub fn owned(app: &SparkApplication, name: String, role: &str) -> ObjectMeta {
    let owner = OwnerReference {
        api_version: SparkApplication::api_version(&()).into_owned(),
        kind: SparkApplication::kind(&()).into_owned(),
        name: app.name_any(),
        uid: app.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    };
    ObjectMeta {
        name: Some(name),
        namespace: app.metadata.namespace.clone(),
        labels: Some(labels(app, role)),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    }
}

/// Name of the Secret with the control token. The UID in it tells it apart from that of an earlier application of this name.
pub fn secret_name(app: &SparkApplication) -> String {
    let uid = app.metadata.uid.as_deref().unwrap_or_default();
    format!("{}-{}", app.name_any(), uid.split('-').next().unwrap_or_default())
}
