//! Reads the cache into what `core` decides on: one application's pods and Service, and, for one that waits, the room there
//! is. Reads alone; nothing is asked of the API server.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::ResourceExt;
use onager_core::{
    PodSeen, Role, Seen, ServiceSeen, Trouble, Workload,
    admission::{Node, Nodes, PodAsk, Quota, Room},
    lifecycle::{driver_name, driver_pod_name},
};
use onager_crds::{SparkApplication, State};

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
        service: service
            .filter(|service| service.owner == uid)
            .map(|service| ServiceSeen { name: service.name, uid: service.uid }),
        shortage: None,
        held: context.pauses.held(&uid),
        refresh: context.pauses.may_tell(&uid, context.settings.queue_interval),
    }
}

/// Whether a quota of the namespace makes CPU limits compulsory.
pub fn wants_cpu_limit(cache: &Cache, namespace: &str) -> bool {
    quotas(cache, namespace).iter().any(Quota::wants_cpu_limit)
}

/// Why an application's gang has no room now; `promised` are admitted applications whose pods may not all be there yet.
pub fn shortage<'a>(
    cache: &Cache,
    app: &SparkApplication,
    workload: &Workload,
    promised: impl Iterator<Item = &'a SparkApplication>,
) -> Option<Trouble> {
    let namespace = app.metadata.namespace.clone().unwrap_or_default();
    let mut room = Room { nodes: free_nodes(cache), quotas: quotas(cache, &namespace) };
    for other in promised {
        reserve(cache, other, &namespace, &mut room);
    }
    room.shortage(workload)
}

fn free_nodes(cache: &Cache) -> Nodes {
    let mut nodes = cache.nodes().all();
    let mut floating = Vec::new();
    {
        let mut by_name: HashMap<String, &mut Node> = nodes.iter_mut().map(|node| (node.name.clone(), node)).collect();
        for pod in cache.pods().taking_room() {
            match &pod.node {
                Some(name) => {
                    if let Some(node) = by_name.get_mut(name) {
                        node.take(pod.requests, &pod.others);
                    }
                }
                // One that no node takes holds no room; one of ours was promised it.
                None if pod.unschedulable && pod.ours.is_none() => {}
                None => floating.push((pod.requests, pod.others.clone())),
            }
        }
    }
    let mut nodes = Nodes(nodes);
    // Pods that wait for the scheduler will take room too; those that fit nowhere take none.
    for (size, others) in floating {
        nodes.place(&PodAsk { others, ..PodAsk::default() }, size);
    }
    nodes
}

/// Takes off what an admitted application's pods that are not there yet will use.
fn reserve(cache: &Cache, app: &SparkApplication, namespace: &str, room: &mut Room) {
    let admitted = app
        .status
        .as_ref()
        .is_some_and(|status| matches!(status.application_state.state, State::Submitted | State::Running));
    if !admitted || app.metadata.deletion_timestamp.is_some() {
        return;
    }
    let uid = app.metadata.uid.clone().unwrap_or_default();
    let (drivers, executors) = {
        let pods = cache.pods();
        let mine = pods.of_owner(&uid).filter(|ours| !ours.seen.deleting);
        mine.fold((0, 0), |(drivers, executors), ours| match ours.seen.role {
            Role::Driver => (drivers + 1, executors),
            Role::Executor(_) => (drivers, executors + 1),
        })
    };
    let wanted = app.status.as_ref().and_then(|status| status.executors.as_ref()).map_or(0, |all| all.wanted);
    // Most have all their pods; to read what each of them would look like takes longer than all the rest.
    if drivers > 0 && executors >= wanted.max(app.spec.executor.wanted()) {
        return;
    }
    let Ok(workload) = Workload::read(&app.spec) else { return };
    let missing = workload.wanted.saturating_sub(executors);
    if drivers == 0 {
        room.nodes.place(&workload.driver.ask, workload.driver.request);
    }
    for _ in 0..missing {
        room.nodes.place(&workload.executor.ask, workload.executor.request);
    }
    if app.metadata.namespace.as_deref() == Some(namespace) {
        for quota in &mut room.quotas {
            quota.reserve(&workload, drivers == 0, missing);
        }
    }
}

fn quotas(cache: &Cache, namespace: &str) -> Vec<Quota> {
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
