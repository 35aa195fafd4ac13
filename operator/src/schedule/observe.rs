//! Reads the caches into what `core` decides on: one schedule's runs, and whose drivers still work. Reads alone.

use jiff::Timestamp;
use kube::ResourceExt;
use onager_core::{
    Role,
    schedule::{Seen, of_run},
};
use onager_crds::{ConcurrencyPolicy, ScheduledSparkApplication};

use crate::context::Context;

/// What is seen of a schedule.
pub fn seen<'a>(context: &Context, schedule: &'a ScheduledSparkApplication, now: Timestamp) -> Seen<'a> {
    let (namespace, uid) = (schedule.namespace().unwrap_or_default(), schedule.uid().unwrap_or_default());
    Seen {
        schedule,
        runs: context.schedules.runs_of(&namespace, &uid),
        driving: if looks_for_drivers(schedule, now) { driving(context, &namespace, schedule) } else { Vec::new() },
        held: context.pauses.held(&uid),
    }
}

/// Drivers are looked for when a run is due that may not start beside another.
fn looks_for_drivers(schedule: &ScheduledSparkApplication, now: Timestamp) -> bool {
    let next = schedule.status.as_ref().and_then(|status| status.next_run.as_ref());
    schedule.spec.concurrency_policy != ConcurrencyPolicy::Allow && next.is_some_and(|next| next.0 <= now)
}

fn driving(context: &Context, namespace: &str, schedule: &ScheduledSparkApplication) -> Vec<String> {
    let name = schedule.name_any();
    let pods = context.cache.pods();
    let works = pods.of_namespace(namespace).filter(|pod| pod.seen.role == Role::Driver && !pod.seen.ended());
    works.filter(|pod| of_run(&pod.app).is_some_and(|(of, _)| of == name)).map(|pod| pod.app.clone()).collect()
}
