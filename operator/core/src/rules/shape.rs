//! Kubernetes' own types inside of our objects, read as strictly as the API server reads a Pod: what it does not know is
//! refused by name, since types drop it in silence; a field at the wrong place is told where it belongs.

use k8s_openapi::api::core::v1::{
    Affinity, Container, EnvFromSource, EnvVar, HostAlias, Lifecycle, PodDNSConfig, PodSecurityContext,
    PodTemplateSpec, SecurityContext, Toleration, Volume, VolumeMount,
};
use onager_crds::quantities_as_text;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Segment, Track};

use super::{At, Verdict};

/// Looks at every field of an application's spec that has a type of Kubernetes'.
pub fn check(spec: &At<'_>, verdict: &mut Verdict) {
    list::<Volume>(spec, "volumes", verdict);
    for role in ["driver", "executor"] {
        let Some(pod) = spec.field(role) else { continue };
        one::<PodTemplateSpec>(&pod, "template", verdict);
        list::<Container>(&pod, "sidecars", verdict);
        list::<Container>(&pod, "initContainers", verdict);
        list::<EnvVar>(&pod, "env", verdict);
        list::<EnvFromSource>(&pod, "envFrom", verdict);
        list::<VolumeMount>(&pod, "volumeMounts", verdict);
        list::<Toleration>(&pod, "tolerations", verdict);
        list::<HostAlias>(&pod, "hostAliases", verdict);
        one::<Affinity>(&pod, "affinity", verdict);
        one::<SecurityContext>(&pod, "securityContext", verdict);
        one::<PodSecurityContext>(&pod, "podSecurityContext", verdict);
        one::<PodDNSConfig>(&pod, "dnsConfig", verdict);
        one::<Lifecycle>(&pod, "lifecycle", verdict);
    }
}

fn one<T: DeserializeOwned>(parent: &At<'_>, name: &str, verdict: &mut Verdict) {
    if let Some(at) = parent.field(name) {
        read::<T>(&at, verdict);
    }
}

fn list<T: DeserializeOwned>(parent: &At<'_>, name: &str, verdict: &mut Verdict) {
    let Some(at) = parent.field(name) else { return };
    if !at.value.is_array() {
        at.fault(verdict, "must be a list");
    }
    at.items().for_each(|item| read::<T>(&item, verdict));
}

/// Reads a value as a `T`, and tells of what is no `T`.
pub fn read<T: DeserializeOwned>(at: &At<'_>, verdict: &mut Verdict) {
    let mut json = at.value.clone();
    quantities_as_text(&mut json);
    let mut unknown = Vec::new();
    let mut track = Track::new();
    let values = serde_path_to_error::Deserializer::new(json, &mut track);
    let result = serde_ignored::deserialize::<_, _, T>(values, |path| unknown.push(show(&at.path, &path)));
    for path in unknown {
        let message = belongs(&path).unwrap_or_else(|| "unknown field: Kubernetes has none of this name here".into());
        verdict.fault(super::Fault::new(path, message));
    }
    if let Err(error) = result {
        let mut path = at.path.clone();
        for segment in track.path().iter() {
            match segment {
                Segment::Seq { index } => path.push_str(&format!("[{index}]")),
                Segment::Map { key } | Segment::Enum { variant: key } => path.push_str(&format!(".{key}")),
                Segment::Unknown => {}
            }
        }
        verdict.fault(super::Fault::new(path, format!("cannot be read: {error}")));
    }
}

/// Where a field belongs that people put at another level.
fn belongs(path: &str) -> Option<String> {
    let (parent, field) = path.rsplit_once('.')?;
    let of_container_security =
        ["allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"];
    let of_pod_security =
        ["fsGroup", "fsGroupChangePolicy", "supplementalGroups", "supplementalGroupsPolicy", "sysctls"];
    let of_container = [
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "ports",
        "readinessProbe",
        "startupProbe",
        "stdin",
        "tty",
        "volumeMounts",
        "workingDir",
    ];
    let in_pod = parent.ends_with(".template.spec");
    if parent.ends_with(".template.spec.securityContext") && of_container_security.contains(&field) {
        let pod = parent.trim_end_matches(".securityContext");
        return Some(format!("a field of containers, not of pods: write it in {pod}.containers[].securityContext"));
    }
    if parent.ends_with(".podSecurityContext") && of_container_security.contains(&field) {
        let pod = parent.trim_end_matches(".podSecurityContext");
        return Some(format!("a field of containers, not of pods: write it in {pod}.securityContext"));
    }
    if parent.ends_with("securityContext") && of_pod_security.contains(&field) {
        return Some("a field of pods, not of containers: write it in podSecurityContext".into());
    }
    if in_pod && of_container.contains(&field) {
        return Some(format!("a field of containers, not of pods: write it in {parent}.containers[]"));
    }
    None
}

fn show(root: &str, path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => root.to_string(),
        Path::Seq { parent, index } => format!("{}[{index}]", show(root, parent)),
        Path::Map { parent, key } => format!("{}.{key}", show(root, parent)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => show(root, parent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(template: Value) -> Vec<String> {
        let mut verdict = Verdict::default();
        let spec = json!({"driver": {"template": template}});
        check(&At::new("spec", &spec), &mut verdict);
        verdict.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_template_is_read_as_strictly_as_a_pod() {
        let fine = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "spark-kubernetes-driver", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]}});
        assert_eq!(said(fine), Vec::<String>::new(), "numbers are quantities");
        let said = said(json!({"spec": {
            "nodeSelectr": {}, "image": "x", "securityContext": {"capabilities": {"drop": ["ALL"]}},
            "containers": [{"name": "a", "imagePulPolicy": "Always"}],
            "affinity": {"nodeAffinity": {"required": {}}},
            "terminationGracePeriodSeconds": "soon",
        }}));
        let expect = [
            "spec.driver.template.spec.nodeSelectr: unknown field",
            "spec.driver.template.spec.image: a field of containers",
            "spec.driver.template.spec.securityContext.capabilities: a field of containers, not of pods: write it in spec.driver.template.spec.containers[].securityContext",
            "spec.driver.template.spec.containers[0].imagePulPolicy: unknown field",
            "spec.driver.template.spec.affinity.nodeAffinity.required: unknown field",
            "spec.driver.template.spec.terminationGracePeriodSeconds: cannot be read: invalid type: string \"soon\"",
        ];
        for words in expect {
            assert!(said.iter().any(|fault| fault.starts_with(words)), "{words}\n{said:#?}");
        }
        assert_eq!(said.len(), expect.len(), "{said:#?}");
    }
}
