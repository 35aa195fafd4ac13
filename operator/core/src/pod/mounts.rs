//! Volumes and where they are mounted. Of `spec.volumes` a pod gets those that one of its containers mounts: a claim that
//! only the driver uses must not bind its executors. Names of volumes are those of Kubeflow's operator.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, EnvVar, SecretVolumeSource, Volume, VolumeMount};
use onager_crds::{PodFields, SparkApplicationSpec};

use super::{Outline, containers::set, ports::hash};

/// Where a ConfigMap of Spark's files is mounted, and the variable that says so.
const SPARK_CONF: [&str; 3] = ["spark-configmap-volume", "/etc/spark/conf", "SPARK_CONF_DIR"];
/// The same for Hadoop's.
const HADOOP_CONF: [&str; 3] = ["hadoop-configmap-volume", "/etc/hadoop/conf", "HADOOP_CONF_DIR"];
/// The longest name of a volume.
const NAME_LIMIT: usize = 63;

pub(super) fn add(outline: &mut Outline, spec: &SparkApplicationSpec, fields: &PodFields) {
    for mount in &fields.volume_mounts {
        put(outline, mount.clone());
    }
    for (config_map, [volume, path, variable]) in
        [(&spec.spark_config_map, SPARK_CONF), (&spec.hadoop_config_map, HADOOP_CONF)]
    {
        let Some(name) = config_map else { continue };
        outline.volume(of_config_map(volume, name));
        put(outline, read_only(volume, path));
        let variable = EnvVar { name: variable.into(), value: Some(path.into()), value_from: None };
        set(outline.main.env.get_or_insert_default(), variable);
    }
    for config_map in &fields.config_maps {
        let volume = volume_name(&config_map.name, "vol");
        outline.volume(of_config_map(&volume, &config_map.name));
        put(outline, read_only(&volume, &config_map.path));
    }
    for secret in &fields.secrets {
        let name = volume_name(&secret.name, "volume");
        let source = SecretVolumeSource { secret_name: Some(secret.name.clone()), ..SecretVolumeSource::default() };
        outline.volume(Volume { name: name.clone(), secret: Some(source), ..Volume::default() });
        put(outline, read_only(&name, &secret.path));
    }
    let used = used(outline);
    for volume in spec.volumes.iter().filter(|volume| used.contains(&volume.name)) {
        outline.volume(volume.clone());
    }
}

impl Outline {
    /// Adds a volume in place of one of its name.
    fn volume(&mut self, volume: Volume) {
        let volumes = self.spec.volumes.get_or_insert_default();
        volumes.retain(|there| there.name != volume.name);
        volumes.push(volume);
    }
}

/// Mounts a volume in the main container; what was mounted at that path before is not.
fn put(outline: &mut Outline, mount: VolumeMount) {
    let mounts = outline.main.volume_mounts.get_or_insert_default();
    mounts.retain(|there| there.mount_path != mount.mount_path);
    mounts.push(mount);
}

fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.into(), mount_path: path.into(), read_only: Some(true), ..VolumeMount::default() }
}

fn of_config_map(volume: &str, name: &str) -> Volume {
    let source = ConfigMapVolumeSource { name: name.into(), ..ConfigMapVolumeSource::default() };
    Volume { name: volume.into(), config_map: Some(source), ..Volume::default() }
}

fn used(outline: &Outline) -> BTreeSet<String> {
    let beside = outline.spec.containers.iter().chain(outline.spec.init_containers.iter().flatten());
    let containers = beside.chain([&outline.main]);
    let names = containers.flat_map(|container| {
        let mounts = container.volume_mounts.iter().flatten().map(|mount| mount.name.clone());
        mounts.chain(container.volume_devices.iter().flatten().map(|device| device.name.clone()))
    });
    names.collect()
}

/// `<object>-<suffix>`; a name that is no DNS label then is cut, and told apart by a hash of the whole.
fn volume_name(object: &str, suffix: &str) -> String {
    let plain = format!("{object}-{suffix}");
    if plain.len() <= NAME_LIMIT && !plain.contains('.') {
        return plain;
    }
    let tail = format!("-{:08x}-{suffix}", hash(object) >> 32);
    let head: String = object.chars().map(|c| if c == '.' { '-' } else { c }).take(NAME_LIMIT - tail.len()).collect();
    format!("{}{tail}", head.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_volumes_are_labels_and_stay_apart() {
        assert_eq!(volume_name("conf", "vol"), "conf-vol");
        let (a, b) = (volume_name("a.b", "vol"), volume_name("a-b", "vol"));
        assert!(a != b && !a.contains('.'), "{a} {b}");
        let (long, longer) = (volume_name(&"x".repeat(80), "vol"), volume_name(&"x".repeat(81), "vol"));
        assert!(long != longer && long.len() <= NAME_LIMIT, "{long}");
    }
}
