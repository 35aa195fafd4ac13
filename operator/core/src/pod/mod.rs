//! From an application's fields to the outline of its pods: the template, and what the fields lay over it. Everything a
//! scheduler looks at is in here, so that what is admitted is what is made; what the operator owns (names, environment of
//! the engine, security defaults) comes later. Pure: the same fields give the same outline.

mod ask;
mod bind;
mod containers;
mod mounts;
pub mod ports;
mod resources;
mod template;

use std::collections::BTreeMap;

use k8s_openapi::{
    DeepMerge,
    api::core::v1::{Container, PodSpec},
};
use onager_crds::{PodFields, SparkApplicationSpec};

pub use ask::ask;
pub use bind::binds;
pub use resources::PodSize;

use crate::workload::Refusal;

/// Volumes whose name begins with this are where work and spill go, as in Spark.
pub const LOCAL_DIR_PREFIX: &str = "spark-local-dir-";

/// Driver or executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The driver.
    Driver,
    /// Any executor.
    Executor,
}

impl Kind {
    /// As in `spec.driver`, and the value of the role labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Executor => "executor",
        }
    }

    /// The name of the main container; Spark's, so that dashboards and `kubectl logs -c` find it.
    pub fn container(self) -> &'static str {
        match self {
            Self::Driver => "spark-kubernetes-driver",
            Self::Executor => "spark-kubernetes-executor",
        }
    }

    /// The fields of this kind.
    pub fn fields(self, spec: &SparkApplicationSpec) -> &PodFields {
        match self {
            Self::Driver => &spec.driver.pod,
            Self::Executor => &spec.executor.pod,
        }
    }
}

/// What the user asks of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The main container: without command, and without image where none is asked for.
    pub main: Container,
    /// The pod, `containers` holding those beside the main one.
    pub spec: PodSpec,
}

impl Outline {
    /// Lays the fields of a kind over its template.
    ///
    /// # Errors
    /// A [`Refusal`] that names the field.
    pub fn read(spec: &SparkApplicationSpec, kind: Kind) -> Result<Self, Refusal> {
        let fields = kind.fields(spec);
        let mut outline = template::read(fields.template.as_ref(), kind)?;
        outline.labels.extend(fields.labels.clone());
        outline.annotations.extend(fields.annotations.clone());
        outline.placement(spec, fields);
        outline.pod(spec, fields);
        containers::main(&mut outline, spec, fields);
        containers::others(&mut outline, fields, kind)?;
        mounts::add(&mut outline, spec, fields);
        outline.tidy();
        Ok(outline)
    }

    /// The pod with its main container, as a scheduler sees it.
    pub fn whole(&self) -> PodSpec {
        let mut whole = self.spec.clone();
        whole.containers.insert(0, self.main.clone());
        whole
    }

    /// Where the volumes for work and spill are mounted.
    pub fn local_dirs(&self) -> Vec<String> {
        let mounts = self.main.volume_mounts.iter().flatten();
        let local =
            mounts.filter(|mount| mount.name.starts_with(LOCAL_DIR_PREFIX) && !mount.read_only.unwrap_or(false));
        local.map(|mount| mount.mount_path.clone()).collect()
    }

    /// Whether the pod uses its node's network.
    pub fn host_network(&self) -> bool {
        self.spec.host_network.unwrap_or(false)
    }

    /// Leaves out lists that ended up empty.
    fn tidy(&mut self) {
        fn drop_empty<T>(list: &mut Option<Vec<T>>) {
            if list.as_ref().is_some_and(Vec::is_empty) {
                *list = None;
            }
        }
        let pod = &mut self.spec;
        pod.node_selector = pod.node_selector.take().filter(|selector| !selector.is_empty());
        drop_empty(&mut pod.tolerations);
        drop_empty(&mut pod.image_pull_secrets);
        drop_empty(&mut pod.host_aliases);
        drop_empty(&mut pod.init_containers);
        drop_empty(&mut self.main.env_from);
    }

    fn placement(&mut self, spec: &SparkApplicationSpec, fields: &PodFields) {
        let pod = &mut self.spec;
        let selector = pod.node_selector.get_or_insert_default();
        selector.extend(spec.node_selector.clone());
        selector.extend(fields.node_selector.clone());
        pod.tolerations.get_or_insert_default().extend(fields.tolerations.clone());
        if fields.affinity.is_some() {
            pod.affinity = fields.affinity.clone();
        }
        if fields.scheduler_name.is_some() {
            pod.scheduler_name = fields.scheduler_name.clone();
        }
        let batch = spec.batch_scheduler_options.as_ref().and_then(|options| options.priority_class_name.as_ref());
        let asked = fields.priority_class_name.as_ref().filter(|name| !name.is_empty());
        if let Some(name) = asked.or(batch.filter(|_| pod.priority_class_name.is_none())) {
            pod.priority_class_name = Some(name.clone());
            // Both follow from the class.
            pod.priority = None;
            pod.preemption_policy = None;
        }
    }

    fn pod(&mut self, spec: &SparkApplicationSpec, fields: &PodFields) {
        let pod = &mut self.spec;
        if fields.service_account.is_some() {
            pod.service_account_name = fields.service_account.clone();
        }
        let secrets = pod.image_pull_secrets.get_or_insert_default();
        for secret in spec.pull_secrets() {
            if !secrets.contains(&secret) {
                secrets.push(secret);
            }
        }
        if fields.host_network.is_some() {
            pod.host_network = fields.host_network;
        }
        if pod.host_network == Some(true) && pod.dns_policy.is_none() {
            pod.dns_policy = Some("ClusterFirstWithHostNet".into());
        }
        if fields.dns_config.is_some() {
            pod.dns_config = fields.dns_config.clone();
        }
        pod.host_aliases.get_or_insert_default().extend(fields.host_aliases.clone());
        if fields.share_process_namespace.is_some() {
            pod.share_process_namespace = fields.share_process_namespace;
        }
        if fields.termination_grace_period_seconds.is_some() {
            pod.termination_grace_period_seconds = fields.termination_grace_period_seconds;
        }
        pod.security_context.merge_from(fields.pod_security_context.clone());
    }
}

#[cfg(test)]
mod tests;
