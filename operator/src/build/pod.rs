//! What the pods of driver and executors have in common: the outline that the user asks for, and over it what the operator
//! owns: name, owner, labels to find it by, the command and environment of the main container, the folders it works in.
//! What nobody says meets the `restricted` Pod Security Standard. The order of all this is in docs/pods.md.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodSpec, ResourceRequirements,
        Volume, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use onager_contract::endpoint;
use onager_core::{
    intake::queue_of,
    pod::{Kind, Outline},
    workload::PodSize,
};
use onager_crds::SparkApplication;

use super::{Site, names, ports::Ports, security};

/// Seconds a container may take to end; driver and executors need less than two.
const GRACE_SECONDS: i64 = 5;
/// Limits of the emptyDirs for shuffle files and for temporary files.
const WORK_LIMIT: &str = "50Gi";
const TMP_LIMIT: &str = "1Gi";
/// The container and the volume that bring the engine into another image.
const ENGINE: &str = "onager-engine";
/// Where Prometheus finds metrics.
const METRICS_PATH: &str = "/metrics";

/// What differs between driver and executor.
pub struct Part<'a> {
    pub app: &'a SparkApplication,
    pub kind: Kind,
    pub name: String,
    pub attempt: u32,
    pub size: &'a PodSize,
    /// The binary in the application's image; `None` means the engine's.
    pub binary: Option<&'a str>,
    pub env: Vec<EnvVar>,
    pub labels: Vec<(&'static str, String)>,
    pub ports: Ports,
    pub site: &'a Site<'a>,
}

/// A plain environment variable, its value as it is: the kubelet reads `$(NAME)` as a reference and `$$` as one `$`.
pub fn env(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_string(), value: Some(value.replace('$', "$$")), value_from: None }
}

/// Seconds from SIGTERM to the end of a pod.
pub fn grace_seconds(outline: &Outline) -> i64 {
    outline.spec.termination_grace_period_seconds.unwrap_or(GRACE_SECONDS)
}

impl Part<'_> {
    /// The pod.
    pub fn pod(self) -> Pod {
        let metadata = self.metadata();
        let grace = grace_seconds(&self.size.outline);
        let Outline { main, mut spec, .. } = self.size.outline.clone();
        let own_image = main.image.is_none();
        let injected = !own_image && self.binary.is_none();
        let main = self.main(main, injected);
        if injected {
            spec.init_containers.get_or_insert_default().insert(0, self.injector());
        }
        self.volumes(&main, &mut spec, injected);
        spec.containers.insert(0, main);
        security::harden(&mut spec);
        if let (true, Some(context)) = (own_image, &mut spec.containers[0].security_context) {
            context.read_only_root_filesystem = context.read_only_root_filesystem.or(Some(true));
        }
        spec.restart_policy = Some("Never".into());
        spec.termination_grace_period_seconds = Some(grace);
        // Neither driver nor executor speaks with Kubernetes; a template may ask for a token for its own code.
        spec.automount_service_account_token = spec.automount_service_account_token.or(Some(false));
        spec.enable_service_links = spec.enable_service_links.or(Some(false));
        Pod { metadata, spec: Some(spec), status: None }
    }

    fn metadata(&self) -> ObjectMeta {
        let outline = &self.size.outline;
        let mut metadata = names::owned(self.app, self.name.clone(), self.kind.name());
        let inherited = self.app.metadata.labels.iter().flatten();
        let inherited = inherited.filter(|(key, _)| !key.starts_with(names::KUEUE_PREFIX));
        let mut labels: BTreeMap<String, String> = inherited.map(|(key, value)| (key.clone(), value.clone())).collect();
        labels.extend(outline.labels.clone());
        labels.append(metadata.labels.get_or_insert_default());
        labels.extend(names::spark_labels(self.app, self.kind));
        labels.insert(names::ATTEMPT.into(), self.attempt.to_string());
        labels.extend(self.labels.iter().map(|(key, value)| (key.to_string(), value.clone())));
        metadata.labels = Some(labels);
        let mut annotations = outline.annotations.clone();
        let monitoring = self.app.spec.monitoring.as_ref();
        let exposed = monitoring.is_some_and(|monitoring| match self.kind {
            Kind::Driver => monitoring.expose_driver_metrics,
            Kind::Executor => monitoring.expose_executor_metrics,
        });
        if exposed {
            annotations.insert("prometheus.io/scrape".into(), "true".into());
            annotations.insert("prometheus.io/port".into(), self.ports.metrics().to_string());
            annotations.insert("prometheus.io/path".into(), METRICS_PATH.into());
        }
        if let Some(queue) = queue_of(self.app) {
            annotations.insert(names::QUEUE.into(), queue.to_string());
        }
        metadata.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
        metadata
    }

    fn main(&self, mut main: Container, injected: bool) -> Container {
        let command = match (self.binary, injected) {
            (Some(binary), _) => binary,
            (None, true) => endpoint::INJECTED_BINARY,
            (None, false) => endpoint::ENGINE_BINARY,
        };
        main.command = Some(vec![command.to_string()]);
        let engine = self.site.engine;
        main.image = main.image.or_else(|| Some(engine.reference.clone()));
        main.image_pull_policy = main.image_pull_policy.or_else(|| Some(engine.pull_policy.clone()));
        let variables = main.env.get_or_insert_default();
        let ip = EnvVarSource {
            field_ref: Some(ObjectFieldSelector { api_version: None, field_path: "status.podIP".into() }),
            ..EnvVarSource::default()
        };
        let ours = self.env.iter().cloned().chain([
            // Ballista's planner recurses deeply; told by the environment, the engine need not start itself anew for it.
            env("RUST_MIN_STACK", (32_u32 << 20).to_string()),
            EnvVar { name: endpoint::ENV_POD_IP.into(), value: None, value_from: Some(ip) },
        ]);
        for variable in ours {
            variables.retain(|there| there.name != variable.name);
            variables.push(variable);
        }
        let mounts = main.volume_mounts.get_or_insert_default();
        for (volume, path) in [("onager-work", endpoint::WORK_DIR), ("onager-tmp", "/tmp")] {
            if !mounts.iter().any(|mount| mount.mount_path.trim_end_matches('/') == path) {
                mounts.push(mount(volume, path));
            }
        }
        if injected {
            mounts.push(mount(ENGINE, parent(endpoint::INJECTED_BINARY)));
        }
        self.ports.declare(main.ports.get_or_insert_default());
        main.resources = Some(self.size.main_resources(self.site.limit_cpu));
        main
    }

    /// Copies the engine's binary into a volume that the user's image then runs it from. It runs first and asks for no more
    /// than the main container does.
    fn injector(&self) -> Container {
        let amounts = |size: onager_core::Size, cpu: bool| {
            let memory = [("memory".to_string(), Quantity(size.memory.to_string()))];
            let cpu = cpu.then(|| ("cpu".to_string(), Quantity(format!("{}m", size.cpu))));
            memory.into_iter().chain(cpu).collect::<BTreeMap<_, _>>()
        };
        let limit_cpu = self.site.limit_cpu || self.size.cpu_limited;
        Container {
            name: ENGINE.into(),
            image: Some(self.site.engine.reference.clone()),
            image_pull_policy: Some(self.site.engine.pull_policy.clone()),
            command: Some(vec![endpoint::ENGINE_BINARY.into(), "install".into(), endpoint::INJECTED_BINARY.into()]),
            resources: Some(ResourceRequirements {
                requests: Some(amounts(self.size.main_request, true)),
                limits: Some(amounts(self.size.main_limit, limit_cpu)),
                claims: None,
            }),
            security_context: Some(security::restricted()),
            volume_mounts: Some(vec![mount(ENGINE, parent(endpoint::INJECTED_BINARY))]),
            ..Container::default()
        }
    }

    fn volumes(&self, main: &Container, spec: &mut PodSpec, injected: bool) {
        let volumes = spec.volumes.get_or_insert_default();
        let mounted = |name: &str| main.volume_mounts.iter().flatten().any(|mount| mount.name == name);
        let ours = [("onager-work", WORK_LIMIT), ("onager-tmp", TMP_LIMIT), (ENGINE, TMP_LIMIT)];
        for (name, limit) in ours {
            if mounted(name) && (name != ENGINE || injected) {
                volumes.retain(|there| there.name != name);
                volumes.push(empty_dir(name, limit));
            }
        }
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.into(), mount_path: path.into(), ..VolumeMount::default() }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(parent, _)| parent)
}

fn empty_dir(name: &str, limit: &str) -> Volume {
    let source = EmptyDirVolumeSource { medium: None, size_limit: Some(Quantity(limit.into())) };
    Volume { name: name.into(), empty_dir: Some(source), ..Volume::default() }
}
