//! Names of other objects. Each is looked for in the application's own namespace: one that names another namespace, or
//! cannot be a name at all, is refused here, since a pod that waits for it would wait for ever.

use super::{At, Verdict, notation};

/// Judges every name in a spec that is that of another object.
pub fn check(spec: &At<'_>, verdict: &mut Verdict) {
    for name in spec.items_of("imagePullSecrets") {
        reference(&name, verdict);
    }
    for field in ["sparkConfigMap", "hadoopConfigMap"] {
        field_of(spec, &[field], verdict);
    }
    volumes(spec.items_of("volumes"), verdict);
    for role in ["driver", "executor"] {
        let Some(pod) = spec.field(role) else { continue };
        field_of(&pod, &["serviceAccount"], verdict);
        for list in ["configMaps", "secrets"] {
            for item in pod.items_of(list) {
                field_of(&item, &["name"], verdict);
            }
        }
        for (_, item) in pod.entries_of("envSecretKeyRefs") {
            field_of(&item, &["name"], verdict);
        }
        environment(&pod, verdict);
        let template = pod.dig(&["template", "spec"]);
        if let Some(template) = &template {
            for field in ["serviceAccountName", "serviceAccount"] {
                field_of(template, &[field], verdict);
            }
            for secret in template.items_of("imagePullSecrets") {
                field_of(&secret, &["name"], verdict);
            }
            volumes(template.items_of("volumes"), verdict);
        }
        let lists = [Some(&pod), template.as_ref()].into_iter().flatten();
        for container in lists.flat_map(|parent| {
            ["containers", "initContainers", "sidecars"].into_iter().flat_map(|list| parent.items_of(list))
        }) {
            environment(&container, verdict);
        }
    }
}

fn environment(parent: &At<'_>, verdict: &mut Verdict) {
    for variable in parent.items_of("env") {
        for source in ["configMapKeyRef", "secretKeyRef"] {
            field_of(&variable, &["valueFrom", source, "name"], verdict);
        }
    }
    for source in parent.items_of("envFrom") {
        for kind in ["configMapRef", "secretRef"] {
            field_of(&source, &[kind, "name"], verdict);
        }
    }
}

fn volumes(volumes: Vec<At<'_>>, verdict: &mut Verdict) {
    for volume in volumes {
        for path in [&["configMap", "name"][..], &["secret", "secretName"], &["persistentVolumeClaim", "claimName"]] {
            field_of(&volume, path, verdict);
        }
        for source in volume.dig(&["projected", "sources"]).iter().flat_map(At::items) {
            for kind in ["configMap", "secret"] {
                field_of(&source, &[kind, "name"], verdict);
            }
        }
        let claim = ["ephemeral", "volumeClaimTemplate", "spec", "dataSourceRef", "namespace"];
        if let Some(at) = volume.dig(&claim) {
            at.fault(verdict, "names another namespace: a volume can only be filled from its own");
        }
    }
}

fn field_of(parent: &At<'_>, path: &[&str], verdict: &mut Verdict) {
    if let Some(at) = parent.dig(path) {
        reference(&at, verdict);
    }
}

fn reference(at: &At<'_>, verdict: &mut Verdict) {
    let name = at.text();
    // An empty name means none, as in the Kubeflow operator.
    if name.is_empty() {
        return;
    }
    if let Some((namespace, name)) = name.split_once('/') {
        let words = "names an object of another namespace: an application can only use those of its own";
        at.fault(verdict, format!("{words}; make {name} in its namespace too, or create it in {namespace}"));
    } else if let Some(wrong) = notation::subdomain(name) {
        at.fault(verdict, format!("{name:?} {wrong}"));
    }
}
