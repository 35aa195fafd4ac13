//! Names and labels of everything that is made for an application.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use onager_core::pod::Kind;
use onager_crds::SparkApplication;

/// The application's name.
pub const APP: &str = "onager.dev/app-name";
/// `driver`, `executor`, or what stands beside them.
pub const ROLE: &str = "onager.dev/role";
/// The role of the Services and Ingresses of the driver's user interface.
pub const ROLE_UI: &str = "ui";
/// The attempt a pod was made for.
pub const ATTEMPT: &str = "onager.dev/attempt";
/// An executor's index.
pub const INDEX: &str = "onager.dev/executor-index";
/// The annotation of a pod with its queue's namespace and name: its room counts there until it is gone, also when its
/// application is gone before.
pub const QUEUE: &str = "onager.dev/queue";
/// Who looks after the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGER: &str = "onager";
/// The application's name, as Kubeflow's operator labels its objects; users select by it.
pub const PEER_APP: &str = "sparkoperator.k8s.io/app-name";
/// Spark's labels, by which dashboards and selectors of users find pods: role, application, executor.
pub const SPARK_ROLE: &str = "spark-role";
/// See [`SPARK_ROLE`].
pub const SPARK_SELECTOR: &str = "spark-app-selector";
/// See [`SPARK_ROLE`].
pub const SPARK_APP_NAME: &str = "spark-app-name";
/// See [`SPARK_ROLE`].
pub const SPARK_EXECUTOR: &str = "spark-exec-id";
/// See [`SPARK_ROLE`].
pub const SPARK_VERSION: &str = "spark-version";
/// Labels of an application that another controller reads on the application alone.
pub const KUEUE_PREFIX: &str = "kueue.x-k8s.io/";
/// Names of a driver's ports, by which its Services find them.
pub const SCHEDULER_PORT: &str = "onager-sched";
/// See [`SCHEDULER_PORT`].
pub const CONTROL_PORT: &str = "onager-control";
/// See [`SCHEDULER_PORT`].
pub const UI_PORT: &str = "spark-ui";
/// The port of metrics where no other name is asked for.
pub const METRICS_PORT: &str = "metrics";
/// The same where `monitoring` asks for metrics.
pub const MONITORING_PORT: &str = "jmx-exporter";

/// Whether a container is the one that runs the application.
pub fn is_main(container: &str) -> bool {
    [Kind::Driver, Kind::Executor].iter().any(|kind| kind.container() == container)
}

/// Labels that every object of `app` has.
pub fn labels(app: &SparkApplication, role: &str) -> BTreeMap<String, String> {
    let name = app.name_any();
    let pairs = [(APP, name.as_str()), (PEER_APP, name.as_str()), (ROLE, role), (MANAGED_BY, MANAGER)];
    pairs.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// What selects an application's driver.
pub fn driver_selector(app: &SparkApplication) -> BTreeMap<String, String> {
    [(APP, app.name_any()), (ROLE, "driver".to_string())].map(|(key, value)| (key.to_string(), value)).into()
}

/// An application's id in Spark's form.
pub fn spark_id(app: &SparkApplication) -> String {
    format!("spark-{}", app.metadata.uid.as_deref().unwrap_or_default().replace('-', ""))
}

/// The labels that Spark itself gives a pod.
pub fn spark_labels(app: &SparkApplication, kind: Kind) -> BTreeMap<String, String> {
    let version = app.spec.spark_version.clone().filter(|version| is_label_value(version));
    let pairs = [
        (SPARK_ROLE, Some(kind.name().to_string())),
        (SPARK_SELECTOR, Some(spark_id(app))),
        (SPARK_APP_NAME, Some(app.name_any())),
        (SPARK_VERSION, version),
    ];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))).collect()
}

fn is_label_value(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= 63 && inner && ends.iter().flatten().all(u8::is_ascii_alphanumeric)
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
