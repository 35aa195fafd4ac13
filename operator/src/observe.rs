//! Reads the cache into what `core` decides on: one application's pods and what stands beside them, and, for one that waits,
//! the room there is. Reads alone; nothing is asked of the API server.

use jiff::Timestamp;
use onager_core::{
    PodSeen, Role, Seen, SideKind, SideSeen,
    intake::{Classes, CpuLimits},
    lifecycle::driver_pod_name,
};
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

/// Which pods of a namespace must have CPU limits.
pub fn cpu_limits(cache: &Cache, namespace: &str) -> CpuLimits {
    let mut limits = CpuLimits::default();
    cache.quotas().of_namespace(namespace).for_each(|(_, quota)| limits.add(quota));
    limits
}

/// The priority classes there are.
pub fn classes(cache: &Cache) -> Classes {
    let mut classes = Classes::default();
    cache.classes().all().for_each(|class| classes.add(class));
    classes
}
