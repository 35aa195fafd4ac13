//! What is read from a Kubernetes object: who owns it, what it asks for, why it does not come up, how it ended. Facts alone.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{ContainerStatus, Pod, PodSpec},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use onager_contract::endpoint;
use onager_core::{Exit, Phase, PodSeen, Role, Trouble};

use crate::build::names;

/// Reasons of a waiting container that mean work in progress, not trouble.
const CALM: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The SparkApplication that owns an object.
pub fn owner(meta: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = meta.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.kind == "SparkApplication" && owner.api_version.starts_with("onager.dev/"))
}

/// Ports that a pod holds on its node.
pub fn host_ports(spec: &PodSpec) -> Vec<u16> {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| u16::try_from(port.host_port?).ok()).filter(|port| *port > 0).collect()
}

/// Where a driver's control channel listens.
pub fn control_port(spec: &PodSpec) -> u16 {
    let ports = spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
    let mut named = ports.filter(|port| port.name.as_deref() == Some(names::CONTROL_PORT));
    named.find_map(|port| u16::try_from(port.container_port).ok()).unwrap_or(endpoint::CONTROL_PORT)
}

/// Whether the scheduler has found no node for a pod, or must not look for one.
pub fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
}

/// Whether a pod takes no more room: its phase alone counts for nodes and quotas.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// What decisions need of a pod.
pub fn pod_seen(pod: &Pod) -> Option<PodSeen> {
    let meta = &pod.metadata;
    let label = |name: &str| meta.labels.as_ref().and_then(|labels| labels.get(name));
    let number = |name: &str| label(name).and_then(|text| text.parse::<u32>().ok());
    let role = match label(names::ROLE).map(String::as_str) {
        Some("executor") => Role::Executor(number(names::INDEX)?),
        _ => Role::Driver,
    };
    let status = pod.status.as_ref();
    let phase = match status.and_then(|status| status.phase.as_deref()) {
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        // Unknown: its node does not answer, which is seen at the node.
        Some("Running" | "Unknown") => ended_early(pod).unwrap_or(Phase::Running),
        _ => Phase::Pending,
    };
    Some(PodSeen {
        role,
        name: meta.name.clone()?,
        uid: meta.uid.clone()?,
        owner: owner(meta).map(|owner| owner.uid.clone()),
        attempt: number(names::ATTEMPT).unwrap_or(0),
        phase,
        deleting: meta.deletion_timestamp.is_some(),
        dismissed: false,
        node_ready: true,
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        trouble: if phase == Phase::Pending { trouble(pod) } else { None },
        exit: if matches!(phase, Phase::Succeeded | Phase::Failed) { exit(pod) } else { None },
        lingers: matches!(phase, Phase::Succeeded | Phase::Failed) && !is_over(pod) && others_run(pod),
    })
}

/// How a pod that is said to run has ended, if its main container has: the kubelet says the phase a second later, and with
/// sidecars that go on never. A failure alone in its pod waits for the phase, since with it may come the kubelet's reason.
fn ended_early(pod: &Pod) -> Option<Phase> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let main = containers.iter().find(|container| names::is_main(&container.name))?;
    let ended = main.state.as_ref()?.terminated.as_ref()?;
    match (ended.exit_code, containers.len()) {
        (0, _) => Some(Phase::Succeeded),
        (_, 1) => None,
        _ => Some(Phase::Failed),
    }
}

/// Whether a container beside the main one runs.
fn others_run(pod: &Pod) -> bool {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let mut others = containers.filter(|container| !names::is_main(&container.name));
    others.any(|container| container.state.as_ref().is_some_and(|state| state.running.is_some()))
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let main = status.and_then(|status| status.container_statuses.as_ref());
    init.into_iter().flatten().chain(main.into_iter().flatten())
}

fn trouble(pod: &Pod) -> Option<Trouble> {
    let waiting = statuses(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().filter(|reason| !CALM.contains(reason))?;
        // The kubelet alternates between the two; one word, or the state would change for ever.
        let reason = if reason == "ErrImagePull" { "ImagePullBackOff" } else { reason };
        let message = match reason {
            "ImagePullBackOff" | "InvalidImageName" => format!("image {} cannot be pulled", container.image),
            _ => waiting.message.clone().unwrap_or_else(|| reason.to_string()),
        };
        Some(Trouble { reason: reason.to_string(), message })
    });
    waiting.or_else(|| {
        let conditions = pod.status.as_ref()?.conditions.as_ref()?;
        let unscheduled =
            conditions.iter().find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
        Some(Trouble {
            reason: unscheduled.reason.clone().unwrap_or_else(|| "Unschedulable".into()),
            message: unscheduled.message.clone().unwrap_or_default(),
        })
    })
}

/// Since when a pod is there that has a node and does not start, while nothing in its status says why. Once the kubelet has
/// made its sandbox its volumes are mounted, and what follows, images and containers, says by itself what is wrong.
pub fn silent_since(pod: &Pod) -> Option<Timestamp> {
    let status = pod.status.as_ref()?;
    let conditions = status.conditions.iter().flatten();
    let sandbox = conditions.into_iter().any(|it| it.type_ == "PodReadyToStartContainers" && it.status == "True");
    let started = statuses(pod).any(|container| {
        let state = container.state.as_ref();
        state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    });
    let bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let pending = status.phase.as_deref() == Some("Pending") && pod.metadata.deletion_timestamp.is_none();
    let silent = pending && bound && !sandbox && !started && trouble(pod).is_none();
    pod.metadata.creation_timestamp.as_ref().map(|time| time.0).filter(|_| silent)
}

fn exit(pod: &Pod) -> Option<Exit> {
    let status = pod.status.as_ref()?;
    let main = status.container_statuses.iter().flatten().find(|container| names::is_main(&container.name));
    let ended = main.and_then(|container| container.state.as_ref()?.terminated.as_ref()).or_else(|| {
        statuses(pod)
            .filter_map(|container| container.state.as_ref()?.terminated.as_ref())
            .find(|ended| ended.exit_code != 0)
    });
    // The kubelet's own word, such as Evicted, says more than that of the process it killed.
    let word = status
        .reason
        .as_ref()
        .filter(|_| ended.is_none_or(|ended| ended.message.as_deref().unwrap_or_default().is_empty()));
    Some(match ended {
        Some(ended) if word.is_some() => Exit {
            code: Some(ended.exit_code),
            reason: word.cloned().unwrap_or_default(),
            message: status.message.clone().unwrap_or_default(),
            at: ended.finished_at.as_ref().map(|at| at.0),
        },
        Some(ended) => Exit {
            code: Some(ended.exit_code),
            reason: ended.reason.clone().unwrap_or_default(),
            message: ended.message.clone().unwrap_or_default(),
            at: ended.finished_at.as_ref().map(|at| at.0),
        },
        None => Exit {
            code: None,
            reason: status.reason.clone().unwrap_or_default(),
            message: status.message.clone().unwrap_or_default(),
            at: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: serde_json::Value) -> PodSeen {
        let pod = serde_json::json!({"metadata": {"name": "app-driver", "uid": "a"}, "status": status});
        pod_seen(&serde_json::from_value(pod).expect("pod")).expect("seen")
    }

    fn waiting(reason: &str) -> serde_json::Value {
        let state = serde_json::json!({"waiting": {"reason": reason, "message": "Back-off"}});
        serde_json::json!({"phase": "Pending", "containerStatuses": [{
            "name": "spark-kubernetes-driver", "image": "nowhere/none:1", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]})
    }

    #[test]
    fn both_words_for_an_image_that_cannot_be_pulled_are_one() {
        for reason in ["ErrImagePull", "ImagePullBackOff"] {
            let trouble = seen(waiting(reason)).trouble.expect("trouble");
            assert_eq!(
                (trouble.reason.as_str(), trouble.message.as_str()),
                ("ImagePullBackOff", "image nowhere/none:1 cannot be pulled")
            );
        }
        assert_eq!(seen(waiting("ContainerCreating")).trouble, None);
    }

    #[test]
    fn a_pod_that_no_node_takes_says_why() {
        let trouble = seen(serde_json::json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"},
        ]}));
        assert_eq!(trouble.trouble.expect("trouble").message, "0/2 nodes are available");
    }

    #[test]
    fn what_is_missing_is_named() {
        let config = |message: &str| {
            let mut status = waiting("CreateContainerConfigError");
            status["containerStatuses"][0]["state"]["waiting"]["message"] = message.into();
            seen(status).trouble.expect("trouble")
        };
        let found = config("configmap \"settings\" not found");
        assert_eq!(
            (found.reason.as_str(), found.message.as_str()),
            ("CreateContainerConfigError", "configmap \"settings\" not found")
        );
        assert_eq!(
            config("couldn't find key a in Secret alpha/keys").message,
            "couldn't find key a in Secret alpha/keys"
        );
        let claim = seen(serde_json::json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available: persistentvolumeclaim \"data\" not found.",
        }]}));
        assert!(claim.trouble.expect("trouble").message.contains("persistentvolumeclaim \"data\" not found"));
    }

    #[test]
    fn a_pod_is_silent_from_its_node_to_its_sandbox() {
        let since = |node: serde_json::Value, status: serde_json::Value| {
            let meta = serde_json::json!({"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"});
            let pod =
                serde_json::json!({"metadata": meta, "spec": {"containers": [], "nodeName": node}, "status": status});
            silent_since(&serde_json::from_value(pod).expect("pod")).is_some()
        };
        let sandbox = |status: &str| {
            let condition = serde_json::json!({"type": "PodReadyToStartContainers", "status": status});
            serde_json::json!({"phase": "Pending", "conditions": [condition]})
        };
        let node = || serde_json::json!("node-1");
        assert!(since(node(), sandbox("False")) && since(node(), waiting("ContainerCreating")));
        assert!(!since(node(), sandbox("True")), "its volumes are mounted");
        assert!(!since(serde_json::Value::Null, sandbox("False")), "it waits for a node");
        assert!(!since(node(), waiting("ImagePullBackOff")), "its status says why");
        assert!(!since(node(), serde_json::json!({"phase": "Running"})));
    }

    #[test]
    fn a_pod_has_ended_with_its_main_container_before_the_kubelet_says_so() {
        let container = |name: &str, state: serde_json::Value| {
            serde_json::json!({
                "name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
            })
        };
        let ended = |code: i32| {
            container("spark-kubernetes-driver", serde_json::json!({"terminated": {"exitCode": code, "message": "{}"}}))
        };
        let sidecar = container("sidecar", serde_json::json!({"running": {}}));
        let running = |containers: Vec<serde_json::Value>| {
            seen(serde_json::json!({"phase": "Running", "containerStatuses": containers}))
        };
        let alone = running(vec![ended(0)]);
        assert_eq!((alone.phase, alone.lingers), (Phase::Succeeded, false));
        assert_eq!(running(vec![ended(1)]).phase, Phase::Running, "the reason may still come");
        let failed = running(vec![sidecar.clone(), ended(65)]);
        assert_eq!((failed.phase, failed.exit.expect("exit").code), (Phase::Failed, Some(65)));
        let with_sidecar = running(vec![sidecar, ended(0)]);
        assert_eq!((with_sidecar.phase, with_sidecar.lingers), (Phase::Succeeded, true));
    }

    #[test]
    fn the_end_of_the_main_container_is_read_and_else_that_of_the_pod() {
        let state = serde_json::json!({"terminated": {"exitCode": 65, "reason": "Error", "message": "{}"}});
        let ended = seen(serde_json::json!({"phase": "Failed", "containerStatuses": [{
            "name": "spark-kubernetes-driver", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]}));
        assert_eq!(ended.exit.expect("exit").code, Some(65));
        let state = serde_json::json!({"terminated": {"exitCode": 137, "reason": "Error"}});
        let killed = seen(serde_json::json!({
            "phase": "Failed", "reason": "Evicted", "message": "Usage of EmptyDir volume exceeds the limit",
            "containerStatuses": [{
                "name": "spark-kubernetes-driver", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
            }],
        }));
        let exit = killed.exit.expect("exit");
        assert_eq!((exit.code, exit.reason.as_str()), (Some(137), "Evicted"));
        assert!(exit.message.starts_with("Usage of EmptyDir"));
        let evicted = seen(serde_json::json!({"phase": "Failed", "reason": "Evicted", "message": "disk"}));
        assert_eq!(evicted.exit.expect("exit").reason, "Evicted");
    }
}
