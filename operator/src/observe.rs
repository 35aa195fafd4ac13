//! Reads the cache into what `core` decides on: one application's pods and what stands beside them, and, for one that waits,
//! the room there is. Reads alone; nothing is asked of the API server.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ResourceQuota;
use onager_core::{PodSeen, Role, Seen, SideKind, SideSeen, lifecycle::driver_pod_name};
use onager_crds::SparkApplication;

use crate::{build, cache::Cache, context::Context};

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
    let names = build::side_names(app, &context.ui);
    let sides = sides(cache, &namespace, app, &names);
    Seen {
        app,
        driver: driver.map(answers),
        executors: executors.into_iter().map(answers).collect(),
        sides_missing: context.refusals.left(&uid).is_none() && misses_sides(&sides, &names),
        sides,
        target: context.followed.target(app),
        drained: context.followed.drained(&uid),
        shortage: None,
        place: None,
        evicted: None,
        held: context.pauses.held(&uid),
        refresh: context.pauses.may_tell(&uid, context.settings.queue_interval),
    }
}

/// What stands beside the pods of an application and is its own.
fn sides(cache: &Cache, namespace: &str, app: &SparkApplication, wanted: &[(SideKind, String)]) -> Vec<SideSeen> {
    let all = cache.sides();
    let mine = all.of(namespace, app.metadata.name.as_deref().unwrap_or_default());
    mine.filter(|side| app.metadata.uid.as_ref() == Some(&side.owner))
        .map(|side| SideSeen {
            kind: side.kind,
            name: side.name.clone(),
            uid: side.uid.clone(),
            deleting: side.deleting,
            wanted: side.kind == SideKind::Service
                || wanted.iter().any(|(kind, name)| *kind == side.kind && *name == side.name),
        })
        .collect()
}

/// Whether something is to be there beside the pods and is not.
fn misses_sides(there: &[SideSeen], wanted: &[(SideKind, String)]) -> bool {
    wanted
        .iter()
        .any(|(kind, name)| !there.iter().any(|side| side.kind == *kind && side.name == *name && !side.deleting))
}

/// Whether a quota of the namespace makes CPU limits compulsory.
pub fn wants_cpu_limit(cache: &Cache, namespace: &str) -> bool {
    let limits_cpu = |quota: &ResourceQuota| {
        let hard = quota.spec.as_ref().and_then(|spec| spec.hard.as_ref());
        counts_our_pods(quota) && hard.is_some_and(|hard| hard.contains_key("limits.cpu"))
    };
    cache.quotas().of_namespace(namespace).any(|(_, quota)| limits_cpu(quota))
}

/// Our pods have requests and no deadline; other scopes count other pods, and priority classes are not modelled.
fn counts_our_pods(quota: &ResourceQuota) -> bool {
    let spec = quota.spec.as_ref();
    let scopes = spec.and_then(|spec| spec.scopes.as_ref()).into_iter().flatten();
    spec.and_then(|spec| spec.scope_selector.as_ref()).is_none()
        && scopes.into_iter().all(|scope| scope == "NotBestEffort" || scope == "NotTerminating")
}
