//! What driver and executors ask of their pods beyond the shape of the fields: containers, mounts, labels and ports that the
//! API server would refuse when the pod is made, and parts of a template that would be dropped or would open the node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    At, Verdict,
    at::distinct,
    notation::{key, label, path, value, variable},
};
use crate::pod::Kind;
/// Labels that decide which pods belong to an application.
const OWN_LABELS: [&str; 4] =
    ["onager.dev/app-name", "onager.dev/attempt", "onager.dev/executor-index", "onager.dev/role"];
/// The container that the operator adds to bring its engine, and names of its volumes.
const OWN_NAMES: [&str; 3] = ["onager-engine", "onager-tmp", "onager-work"];
/// Where the engine works.
const OWN_PORTS: [&str; 2] = ["onager-control", "onager-sched"];

/// The name of the main container, by which a template means it.
fn main_container(role: &str) -> &'static str {
    if role == Kind::Driver.name() { Kind::Driver.container() } else { Kind::Executor.container() }
}

/// Judges driver and executors of a spec.
pub fn check(spec: &At<'_>, object: &At<'_>, verdict: &mut Verdict) {
    for volume in spec.items_of("volumes") {
        judge_volume(&volume, verdict);
    }
    distinct(
        spec.items_of("volumes").into_iter().map(|at| {
            let name = at.text_of("name");
            (at, name)
        }),
        "volume",
        verdict,
    );
    for role in ["driver", "executor"] {
        let Some(pod) = spec.field(role) else { continue };
        words(&pod, verdict);
        containers(&pod, role, verdict);
        mounts(spec, &pod, verdict);
        ports(&pod, verdict);
        if let Some(template) = pod.field("template") {
            judge_template(&template, &pod, object, verdict);
        }
    }
}

/// Labels, annotations, variables, paths.
fn words(pod: &At<'_>, verdict: &mut Verdict) {
    labels(pod, verdict);
    for (name, at) in pod.entries_of("nodeSelector") {
        say(&at, key(name).or_else(|| value(at.text())), verdict);
    }
    for (name, at) in ["envVars", "envSecretKeyRefs"].into_iter().flat_map(|map| pod.entries_of(map)) {
        say(&at, variable(name), verdict);
    }
    for at in pod.items_of("env").iter().filter_map(|item| item.field("name")) {
        say(&at, variable(at.text()), verdict);
    }
    for at in ["configMaps", "secrets"].into_iter().flat_map(|list| pod.items_of(list)) {
        if let Some(at) = at.field("path") {
            say(&at, path(at.text()), verdict);
        }
    }
}

fn labels(parent: &At<'_>, verdict: &mut Verdict) {
    for (name, at) in parent.entries_of("labels") {
        if OWN_LABELS.contains(&name) {
            at.fault(verdict, "the operator finds its pods by this label and sets it itself: remove it");
        } else {
            say(&at, key(name).or_else(|| value(at.text())), verdict);
        }
    }
    for (name, at) in parent.entries_of("annotations") {
        say(&at, key(name), verdict);
    }
}

fn say(at: &At<'_>, wrong: Option<&str>, verdict: &mut Verdict) {
    if let Some(wrong) = wrong {
        at.fault(verdict, wrong);
    }
}

/// Containers beside the main one.
fn containers(pod: &At<'_>, role: &str, verdict: &mut Verdict) {
    let mut named = Vec::new();
    for list in ["initContainers", "sidecars"] {
        for container in pod.items_of(list) {
            let name = container.text_of("name");
            let at =
                container.field("name").unwrap_or_else(|| At::new(format!("{}.name", container.path), &Value::Null));
            if let Some(wrong) = label(name) {
                at.fault(verdict, wrong);
            } else if name == main_container(role) || OWN_NAMES.contains(&name) {
                at.fault(verdict, format!("{name} is the name of a container of the operator's own: choose another"));
            }
            if container.text_of("image").is_empty() {
                let at = At::new(format!("{}.image", container.path), container.value);
                at.fault(verdict, "is required: a container beside the main one has an image of its own");
            }
            judge_security(&container, verdict);
            named.push((at, name));
        }
    }
    distinct(named, "container", verdict);
    judge_security(pod, verdict);
}

/// What is mounted must be there, and each place be taken once.
fn mounts(spec: &At<'_>, pod: &At<'_>, verdict: &mut Verdict) {
    let template = pod.dig(&["template", "spec"]);
    let of_template = template.iter().flat_map(|template| template.items_of("volumes"));
    let named = spec.items_of("volumes").into_iter().chain(of_template);
    let mut known: BTreeSet<String> = named.map(|at| at.text_of("name").to_string()).collect();
    // Those that fields bring, under the names of the Kubeflow operator.
    for (list, suffix) in [("configMaps", "vol"), ("secrets", "volume")] {
        known.extend(pod.items_of(list).iter().map(|at| format!("{}-{suffix}", at.text_of("name"))));
    }
    known.extend(["spark-configmap-volume", "hadoop-configmap-volume"].map(String::from));
    let beside = ["initContainers", "sidecars"].into_iter().flat_map(|list| pod.items_of(list));
    let main = template
        .iter()
        .flat_map(|template| ["containers", "initContainers"].into_iter().flat_map(|list| template.items_of(list)));
    for container in [pod.clone()].into_iter().chain(beside).chain(main) {
        let mounts = container.items_of("volumeMounts");
        for mount in &mounts {
            let name = mount.text_of("name");
            if !known.contains(name) && !OWN_NAMES.contains(&name) {
                let at = At::new(format!("{}.name", mount.path), mount.value);
                at.fault(verdict, format!("there is no volume {name:?}: add it to spec.volumes"));
            }
            if let Some(at) = mount.field("mountPath") {
                say(&at, at.text().contains(':').then_some("must be a path without ':'"), verdict);
            }
        }
        distinct(
            mounts.into_iter().map(|at| {
                let path = at.text_of("mountPath").trim_end_matches('/');
                (at, path)
            }),
            "mount path",
            verdict,
        );
    }
}

fn ports(pod: &At<'_>, verdict: &mut Verdict) {
    let ports = pod.items_of("ports");
    for at in ports.iter().filter_map(|port| port.field("name")) {
        if OWN_PORTS.contains(&at.text()) {
            at.fault(verdict, "is the name of a port of the operator's own: choose another");
        }
    }
    distinct(
        ports.into_iter().map(|at| {
            let name = at.text_of("name");
            (at, name)
        }),
        "port",
        verdict,
    );
}

fn judge_volume(volume: &At<'_>, verdict: &mut Verdict) {
    let name = volume.text_of("name");
    if let Some(at) = volume.field("name") {
        if OWN_NAMES.contains(&name) {
            at.fault(verdict, format!("{name} is the name of a volume of the operator's own: choose another"));
        } else {
            say(&at, label(name), verdict);
        }
    }
    if let Some(at) = volume.field("hostPath") {
        at.warning(
            verdict,
            "is a folder of the node: only a namespace with the Pod Security Standard `privileged` allows it",
        );
    }
}

fn judge_security(parent: &At<'_>, verdict: &mut Verdict) {
    if let Some(at) = parent.dig(&["securityContext", "privileged"]).filter(At::is_true) {
        at.warning(verdict, "opens the node: only a namespace with the Pod Security Standard `privileged` allows it");
    }
}

/// A template decides what no field does. What it says against a field, or what a pod of an application cannot have, is
/// refused: dropped in silence, it would surprise.
fn judge_template(template: &At<'_>, pod: &At<'_>, object: &At<'_>, verdict: &mut Verdict) {
    if let Some(metadata) = template.field("metadata") {
        labels(&metadata, verdict);
        for field in ["finalizers", "ownerReferences"] {
            if let Some(at) = metadata.field(field) {
                at.fault(verdict, "a pod belongs to its application and goes with it: remove it");
            }
        }
        for field in ["name", "generateName"] {
            if let Some(at) = metadata.field(field).filter(|at| !at.text().is_empty()) {
                at.warning(verdict, "is not used: pods are named after the application");
            }
        }
        let own = object.dig(&["metadata", "namespace"]).map(|at| at.text()).unwrap_or_default();
        if let Some(at) = metadata.field("namespace").filter(|at| !own.is_empty() && at.text() != own) {
            at.fault(verdict, format!("pods run in the application's namespace, {own}: remove it"));
        }
    }
    let Some(spec) = template.field("spec") else { return };
    for field in ["hostPID", "hostIPC"] {
        if let Some(at) = spec.field(field).filter(At::is_true) {
            at.fault(verdict, "shows a pod what else runs on its node, which no application needs: remove it");
        }
    }
    for field in ["hostNetwork", "shareProcessNamespace"] {
        let said = pod.field(field);
        if let (Some(at), Some(said)) = (spec.field(field), said)
            && at.value != said.value
        {
            at.fault(verdict, format!("says the opposite of {}, which decides: remove it", said.path));
        }
    }
    for field in ["serviceAccountName", "serviceAccount"] {
        let Some(at) = spec.field(field).filter(|at| !at.text().is_empty()) else { continue };
        if let Some(said) = pod.field("serviceAccount").filter(|said| said.text() != at.text()) {
            at.fault(
                verdict,
                format!("is {:?}, but {} says {:?} and decides: remove one of them", at.text(), said.path, said.text()),
            );
        }
    }
    if let Some(at) = spec.field("ephemeralContainers") {
        at.fault(verdict, "a pod cannot begin with these: use initContainers or sidecars");
    }
    if let Some(at) = spec.field("restartPolicy").filter(|at| at.text() != "Never") {
        at.warning(verdict, "is not used: pods are never restarted, see spec.restartPolicy");
    }
    if let Some(at) = spec.field("runtimeClassName").filter(|at| !at.text().is_empty())
        && spec.field("overhead").is_none()
    {
        at.warning(
            verdict,
            "if this RuntimeClass has an overhead, it is missed when room is counted: say it in overhead, beside it",
        );
    }
    for volume in spec.items_of("volumes") {
        judge_volume(&volume, verdict);
    }
    for list in ["containers", "initContainers"] {
        spec.items_of(list).iter().for_each(|container| judge_security(container, verdict));
    }
    if let Some(main) = main_of(&spec, pod) {
        judge_main(&main, pod, object, verdict);
    }
}

/// The main container of a template: by its name, or the first.
fn main_of<'a>(spec: &At<'a>, pod: &At<'_>) -> Option<At<'a>> {
    let role = pod.path.rsplit('.').next().unwrap_or_default();
    let all = spec.items_of("containers");
    let names = [main_container(role), role];
    let named = names.iter().find_map(|name| all.iter().find(|container| container.text_of("name") == *name));
    named.or(all.first()).cloned()
}

fn judge_main(main: &At<'_>, pod: &At<'_>, object: &At<'_>, verdict: &mut Verdict) {
    for field in ["command", "args"] {
        if let Some(at) = main.field(field) {
            at.fault(verdict, "the operator decides what the main container runs: remove it, and use spec.arguments");
        }
    }
    if let Some(at) = main.field("image").filter(|at| !at.text().is_empty()) {
        let of_all = object.dig(&["spec", "image"]).or_else(|| object.dig(&["spec", "template", "image"]));
        let said = pod.field("image").or(of_all);
        if let Some(said) = said.filter(|said| said.text() != at.text()) {
            at.fault(
                verdict,
                format!("is {:?}, but {} says {:?} and decides: remove one of them", at.text(), said.path, said.text()),
            );
        }
    }
    for kind in ["requests", "limits"] {
        for (resource, at) in main.dig(&["resources", kind]).iter().flat_map(At::entries) {
            if matches!(resource, "cpu" | "memory") {
                let at = At::new(at.path.replace("[cpu]", ".cpu").replace("[memory]", ".memory"), at.value);
                at.warning(
                    verdict,
                    "is not used, as in Spark: cores, coreRequest, coreLimit, memory and memoryOverhead decide",
                );
            }
        }
    }
}
