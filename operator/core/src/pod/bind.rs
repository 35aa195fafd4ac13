//! Whether the operator binds an application's pods to the nodes that it found for them. What it does not model is left to the
//! cluster's scheduler, after the same check of room.

use k8s_openapi::api::core::v1::{PodSpec, Volume};
use onager_crds::{Scheduler, SparkApplicationSpec};

use super::Outline;

/// Whether a pod is created bound: its application is in a queue, or asks for it, and the pod asks for nothing of its node but
/// what the placer models.
pub fn binds(spec: &SparkApplicationSpec, pod: &Outline) -> bool {
    let options = spec.batch_scheduler_options.as_ref();
    let queued = spec.queue.is_some() || options.is_some_and(|options| options.queue.is_some());
    let asked = spec.scheduler.map_or(queued, |scheduler| scheduler == Scheduler::Onager);
    asked && is_modelled(&pod.spec) && pod.main.ports.iter().flatten().all(|port| port.host_port.is_none())
}

fn is_modelled(pod: &PodSpec) -> bool {
    let affinity = pod.affinity.as_ref();
    let to_pods = affinity.is_some_and(|it| it.pod_affinity.is_some() || it.pod_anti_affinity.is_some());
    let ports = pod.containers.iter().flat_map(|container| container.ports.iter().flatten());
    !to_pods
        && pod.scheduler_name.as_deref().is_none_or(|name| name == "default-scheduler")
        && pod.node_name.is_none()
        && pod.topology_spread_constraints.as_ref().is_none_or(Vec::is_empty)
        && pod.resource_claims.as_ref().is_none_or(Vec::is_empty)
        && pod.scheduling_gates.as_ref().is_none_or(Vec::is_empty)
        && !pod.volumes.iter().flatten().any(is_of_a_place)
        && !pod.host_network.unwrap_or(false)
        && ports.into_iter().all(|port| port.host_port.is_none())
}

/// A claim may wait for its pod's node, or be reachable from some alone.
fn is_of_a_place(volume: &Volume) -> bool {
    volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pod::Kind;

    fn bound(fields: Value, driver: Value) -> bool {
        let mut spec =
            json!({"type": "SQL", "mainApplicationFile": "local:///a.sql", "driver": driver, "executor": {}});
        spec.as_object_mut().expect("object").extend(fields.as_object().expect("fields").clone());
        let spec: SparkApplicationSpec = serde_json::from_value(spec).expect("spec");
        binds(&spec, &Outline::read(&spec, Kind::Driver).expect("outline"))
    }

    #[test]
    fn pods_in_a_queue_are_bound_and_others_where_it_is_asked_for() {
        assert!(bound(json!({"queue": "etl"}), json!({})));
        assert!(!bound(json!({}), json!({})));
        assert!(bound(json!({"scheduler": "onager"}), json!({})));
        assert!(!bound(json!({"queue": "etl", "scheduler": "default"}), json!({})));
    }

    #[test]
    fn what_is_not_modelled_is_left_to_the_scheduler() {
        let spread = json!({"template": {"spec": {"topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
        ]}}});
        assert!(!bound(json!({"queue": "etl"}), spread));
        assert!(!bound(json!({"queue": "etl"}), json!({"schedulerName": "mine"})));
        let term = json!({"topologyKey": "zone", "labelSelector": {}});
        let apart =
            json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}});
        assert!(!bound(json!({"queue": "etl"}), apart));
        let claim = json!({"queue": "etl", "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]});
        assert!(!bound(claim, json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]})));
    }
}
