//! What the pods of driver and executors have in common. Typed fields of the application come first; what they leave out
//! meets the `restricted` Pod Security Standard.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector, Pod,
        PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile, SecretKeySelector, SecurityContext, Volume,
        VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use onager_contract::endpoint;
use onager_core::{Size, workload::PodSize};
use onager_crds::{PodFields, SparkApplication};

use super::EngineImage;
use crate::build::names;

/// The user that pods run as where the application does not say, `nonroot` of common base images.
const USER: i64 = 65532;
/// Seconds a container may take to end; driver and executors need less than two.
const GRACE_SECONDS: i64 = 5;
/// Limits of the emptyDirs for shuffle files and for temporary files.
const WORK_LIMIT: &str = "50Gi";
const TMP_LIMIT: &str = "1Gi";

/// What differs between driver and executor.
pub struct Part<'a> {
    pub app: &'a SparkApplication,
    pub role: &'static str,
    pub name: String,
    pub attempt: u32,
    pub fields: &'a PodFields,
    pub size: &'a PodSize,
    /// The binary in the application's image; `None` means the engine's.
    pub binary: Option<&'a str>,
    pub env: Vec<EnvVar>,
    pub labels: Vec<(&'static str, String)>,
    /// Whether a quota asks for a CPU limit.
    pub limit_cpu: bool,
    pub engine: &'a EngineImage,
}

/// A plain environment variable, its value as it is: the kubelet reads `$(NAME)` as a reference and `$$` as one `$`.
pub fn env(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_string(), value: Some(value.replace('$', "$$")), value_from: None }
}

/// An environment variable from a Secret.
pub fn secret_env(name: &str, secret: &str, key: &str) -> EnvVar {
    let selector = SecretKeySelector { name: secret.to_string(), key: key.to_string(), optional: None };
    EnvVar {
        name: name.to_string(),
        value: None,
        value_from: Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() }),
    }
}

impl Part<'_> {
    /// The pod.
    pub fn pod(self) -> Pod {
        let spec = &self.app.spec;
        let injected = spec.image.is_some() && self.binary.is_none();
        let pod_spec = PodSpec {
            restart_policy: Some("Never".into()),
            termination_grace_period_seconds: Some(GRACE_SECONDS),
            service_account_name: self.fields.service_account.clone(),
            // Neither driver nor executor speaks with Kubernetes.
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            image_pull_secrets: Some(spec.pull_secrets()).filter(|secrets| !secrets.is_empty()),
            node_selector: Some(self.fields.node_selector.clone()).filter(|labels| !labels.is_empty()),
            tolerations: Some(self.fields.tolerations.clone()).filter(|tolerations| !tolerations.is_empty()),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                fs_group: Some(USER),
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
                ..PodSecurityContext::default()
            }),
            volumes: Some(self.volumes(injected)),
            init_containers: injected.then(|| vec![self.injector()]),
            containers: vec![self.container(injected)],
            ..PodSpec::default()
        };
        Pod { metadata: self.metadata(), spec: Some(pod_spec), status: None }
    }

    fn metadata(&self) -> ObjectMeta {
        let mut metadata = names::owned(self.app, self.name.clone(), self.role);
        let mut labels = self.fields.labels.clone();
        labels.append(metadata.labels.get_or_insert_default());
        labels.insert(names::ATTEMPT.into(), self.attempt.to_string());
        labels.extend(self.labels.iter().map(|(key, value)| (key.to_string(), value.clone())));
        metadata.labels = Some(labels);
        metadata.annotations = Some(self.fields.annotations.clone()).filter(|annotations| !annotations.is_empty());
        metadata
    }

    fn container(&self, injected: bool) -> Container {
        let spec = &self.app.spec;
        let command = match (self.binary, injected) {
            (Some(binary), _) => binary,
            (None, true) => endpoint::INJECTED_BINARY,
            (None, false) => endpoint::ENGINE_BINARY,
        };
        let ip = EnvVarSource {
            field_ref: Some(ObjectFieldSelector { api_version: None, field_path: "status.podIP".into() }),
            ..EnvVarSource::default()
        };
        let mut variables = self.fields.env.clone();
        variables
            .extend(self.fields.env_secret_key_refs.iter().map(|(name, key)| secret_env(name, &key.name, &key.key)));
        // Ours come last: of two with one name the last holds.
        variables.extend(self.env.iter().cloned());
        // Ballista's planner recurses deeply; told by the environment, the engine need not start itself anew for it.
        variables.push(env("RUST_MIN_STACK", (32_u32 << 20).to_string()));
        variables.push(EnvVar { name: endpoint::ENV_POD_IP.into(), value: None, value_from: Some(ip) });
        let mut mounts = self.fields.volume_mounts.clone();
        mounts.push(mount("onager-work", endpoint::WORK_DIR));
        if !mounts.iter().any(|mount| mount.mount_path == "/tmp") {
            mounts.push(mount("onager-tmp", "/tmp"));
        }
        if injected {
            mounts.push(mount("onager-engine", parent(endpoint::INJECTED_BINARY)));
        }
        Container {
            name: names::CONTAINER.into(),
            image: Some(spec.image.clone().unwrap_or_else(|| self.engine.reference.clone())),
            image_pull_policy: Some(spec.image_pull_policy.clone().unwrap_or_else(|| self.engine.pull_policy.clone())),
            command: Some(vec![command.to_string()]),
            env: Some(variables),
            env_from: Some(self.fields.env_from.clone()).filter(|sources| !sources.is_empty()),
            resources: Some(resources(self.size, self.limit_cpu)),
            security_context: Some(self.security(spec.image.is_none())),
            volume_mounts: Some(mounts),
            ..Container::default()
        }
    }

    /// Copies the engine's binary into a volume that the user's image then runs it from.
    fn injector(&self) -> Container {
        Container {
            name: "onager-engine".into(),
            image: Some(self.engine.reference.clone()),
            image_pull_policy: Some(self.engine.pull_policy.clone()),
            command: Some(vec![endpoint::ENGINE_BINARY.into(), "install".into(), endpoint::INJECTED_BINARY.into()]),
            resources: Some(resources(self.size, self.limit_cpu)),
            security_context: Some(restricted(true)),
            volume_mounts: Some(vec![mount("onager-engine", parent(endpoint::INJECTED_BINARY))]),
            ..Container::default()
        }
    }

    fn volumes(&self, injected: bool) -> Vec<Volume> {
        let mut volumes = self.app.spec.volumes.clone();
        volumes.push(empty_dir("onager-work", WORK_LIMIT));
        volumes.push(empty_dir("onager-tmp", TMP_LIMIT));
        if injected {
            volumes.push(empty_dir("onager-engine", TMP_LIMIT));
        }
        volumes
    }

    fn security(&self, own_image: bool) -> SecurityContext {
        let default = restricted(own_image);
        let Some(mut given) = self.fields.security_context.clone() else { return default };
        given.allow_privilege_escalation = given.allow_privilege_escalation.or(default.allow_privilege_escalation);
        given.capabilities = given.capabilities.or(default.capabilities);
        given.read_only_root_filesystem = given.read_only_root_filesystem.or(default.read_only_root_filesystem);
        given
    }
}

fn restricted(read_only: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
        read_only_root_filesystem: Some(read_only),
        ..SecurityContext::default()
    }
}

fn resources(size: &PodSize, limit_cpu: bool) -> ResourceRequirements {
    let amounts = |size: Size, cpu: bool| {
        let mut amounts = BTreeMap::from([("memory".to_string(), Quantity(size.memory.to_string()))]);
        if cpu {
            amounts.insert("cpu".into(), Quantity(format!("{}m", size.cpu)));
        }
        amounts
    };
    ResourceRequirements {
        requests: Some(amounts(size.request, true)),
        limits: Some(amounts(size.limit, limit_cpu || size.cpu_limited)),
        claims: None,
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
