//! Reads the cache into what `core` decides on: one application's pods and what stands beside them, and, for one that waits, the room there
//! is. Reads alone; nothing is asked of the API server.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::ResourceExt;
use onager_core::{
    PodSeen, Role, Seen, SideKind, SideSeen,
    admission::Quota,
    lifecycle::{driver_name, driver_pod_name},
};
use onager_crds::SparkApplication;

use crate::{cache::Cache, context::Context};

/// What is seen of an application, all but its chances of being admitted.
pub fn seen<'a>(context: &Context, app: &'a SparkApplication) -> Seen<'a> {
    let cache = &context.cache;
    let uid = app.metadata.uid.clone().unwrap_or_default();
    let namespace = app.metadata.namespace.clone().unwrap_or_default();
    let driver = driver_pod_name(app);
    let (driver, mut executors) = {
        let pods = cache.pods();
        let named = pods.get(&namespace, &driver).and_then(|record| record.ours.as_ref()).map(|ours| ours.seen.clone());
        let executors =
            pods.of_owner(&uid).map(|ours| ours.seen.clone()).filter(|pod| matches!(pod.role, Role::Executor(_)));
        (named, executors.collect::<Vec<PodSeen>>())
    };
    executors.sort_by_key(|pod| pod.role);
    let now = Timestamp::now();
    let nodes = cache.nodes();
    let answers =
        |pod: PodSeen| PodSeen { node_ready: pod.node.as_ref().is_none_or(|node| nodes.answers(node, now)), ..pod };
    let service = cache.services().get(&namespace, &driver_name(&app.name_any())).cloned();
    Seen {
        app,
        driver: driver.map(answers),
        executors: executors.into_iter().map(answers).collect(),
        sides: service
            .filter(|service| service.owner == uid)
            .map(|service| SideSeen { kind: SideKind::Service, name: service.name, uid: service.uid, deleting: false })
            .into_iter()
            .collect(),
        sides_missing: false,
        target: None,
        shortage: None,
        held: context.pauses.held(&uid),
        refresh: context.pauses.may_tell(&uid, context.settings.queue_interval),
    }
}

/// Whether a quota of the namespace makes CPU limits compulsory.
pub fn wants_cpu_limit(cache: &Cache, namespace: &str) -> bool {
    quotas(cache, namespace).iter().any(Quota::wants_cpu_limit)
}

/// The quotas of a namespace.
pub fn quotas(cache: &Cache, namespace: &str) -> Vec<Quota> {
    cache
        .quotas()
        .of_namespace(namespace)
        .filter(|(_, quota)| counts_our_pods(quota))
        .map(|(name, quota)| read_quota(name, quota))
        .collect()
}

/// Our pods have requests and no deadline; other scopes count other pods, and priority classes are not modelled.
fn counts_our_pods(quota: &ResourceQuota) -> bool {
    let spec = quota.spec.as_ref();
    let scopes = spec.and_then(|spec| spec.scopes.as_ref()).into_iter().flatten();
    spec.and_then(|spec| spec.scope_selector.as_ref()).is_none()
        && scopes.into_iter().all(|scope| scope == "NotBestEffort" || scope == "NotTerminating")
}

fn read_quota(name: &str, quota: &ResourceQuota) -> Quota {
    let status = quota.status.as_ref();
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.as_ref()).into_iter().flatten();
    let used = status.and_then(|status| status.used.as_ref());
    Quota::new(name, hard.map(|(resource, amount)| (resource.as_str(), amount.0.as_str())), |resource| {
        used.and_then(|used| used.get(resource)).map(|amount| amount.0.as_str())
    })
}
