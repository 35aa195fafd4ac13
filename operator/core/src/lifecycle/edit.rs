//! An edit of an application that has been admitted. What is in [`IN_PLACE`] changes while it runs; everything else is what
//! its pods are made of, and makes another run under the new generation, also of an application that has ended.

use jiff::Timestamp;
use onager_crds::{SparkApplication, SparkApplicationSpec, State};
use serde_json::Value;

use super::{end, report, rerun, start, suspend};
use crate::{
    Settings,
    plan::{Event, Plan},
    seen::Seen,
};

/// Fields that change without another run; docs/lifecycle.md names them.
pub const IN_PLACE: [&[&str]; 13] = [
    &["suspend"],
    &["timeToLiveSeconds"],
    &["restartPolicy"],
    &["failureRetries"],
    &["retryInterval"],
    &["driverPodDisruptionBudget"],
    &["executor", "instances"],
    &["executor", "deleteOnTermination"],
    &["dynamicAllocation", "initialExecutors"],
    &["dynamicAllocation", "minExecutors"],
    &["dynamicAllocation", "maxExecutors"],
    &["dynamicAllocation", "shuffleTrackingEnabled"],
    &["dynamicAllocation", "shuffleTrackingTimeout"],
];

/// A hash of what an application's pods are made of: FNV-1a, which is the same in every version of this program.
pub fn run_hash(spec: &SparkApplicationSpec) -> String {
    let mut spec = serde_json::to_value(spec).unwrap_or_default();
    for path in IN_PLACE {
        remove(&mut spec, path);
    }
    let text = spec.to_string();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

fn remove(value: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(value, |value, name| value.get_mut(name));
    if let Some(fields) = parent.and_then(Value::as_object_mut) {
        fields.remove(*last);
    }
}

/// Whether what the pods are made of is not what the last run was made from. A spec of the generation on record never is:
/// another version of this program may write it down in another way.
pub fn is_edited(app: &SparkApplication) -> bool {
    let Some(status) = &app.status else { return false };
    let Some(hash) = &status.run_hash else { return false };
    app.metadata.generation != status.observed_generation && *hash != run_hash(&app.spec)
}

/// Ends the run there is, for the sake of another.
pub fn begin(seen: &Seen<'_>, now: Timestamp) -> Plan {
    let generation = |generation: Option<i64>| generation.map_or("?".to_string(), |number| number.to_string());
    let old = generation(seen.app.status.as_ref().and_then(|status| status.observed_generation));
    let new = generation(seen.app.metadata.generation);
    let message = format!(
        "the spec was edited: what is left of the run of generation {old} is removed, then generation {new} runs"
    );
    let mut status = report::renewed(seen.app);
    report::stop(&mut status, State::Invalidating, ("SpecEdited", &message), now, now);
    let event = Event::normal("SparkApplicationSpecUpdateProcessed", message);
    Plan { status: Some(status), actions: end::remove_all(seen), events: vec![event], again: None }
}

/// The plan of an application that is INVALIDATING.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    if suspend::is_asked_for(seen) {
        return suspend::begin(seen, now);
    }
    if rerun::something_is_left(seen) {
        let since = seen.app.status.as_ref().and_then(|status| status.termination_time.as_ref()).map_or(now, |at| at.0);
        return rerun::await_gone(seen, report::renewed(seen.app), since, settings, now);
    }
    start::plan(seen, settings, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(change: impl FnOnce(&mut Value)) -> String {
        let mut spec = serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql", "executor": {"instances": 2},
            "dynamicAllocation": {"enabled": true, "maxExecutors": 4},
        });
        change(&mut spec);
        run_hash(&serde_json::from_value(spec).expect("a spec"))
    }

    #[test]
    fn what_changes_in_place_leaves_the_hash_as_it_is() {
        for change in [
            serde_json::json!({"suspend": true}),
            serde_json::json!({"timeToLiveSeconds": 5}),
            serde_json::json!({"restartPolicy": {"type": "Always"}}),
            serde_json::json!({"driverPodDisruptionBudget": true}),
            serde_json::json!({"executor": {"instances": 7, "deleteOnTermination": false}}),
            serde_json::json!({"dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 9}}),
        ] {
            let changed = hash(|spec| {
                for (name, value) in change.as_object().expect("fields") {
                    spec[name] = value.clone();
                }
            });
            assert_eq!(changed, hash(|_| {}), "{change}");
        }
    }

    #[test]
    fn what_pods_are_made_of_changes_the_hash() {
        for change in [
            serde_json::json!({"mainApplicationFile": "local:///b.sql"}),
            serde_json::json!({"image": "team/tools:4"}),
            serde_json::json!({"driver": {"memory": "2g"}}),
            serde_json::json!({"executor": {"instances": 2, "cores": 2}}),
            serde_json::json!({"dynamicAllocation": {"enabled": false}}),
        ] {
            let changed = hash(|spec| {
                for (name, value) in change.as_object().expect("fields") {
                    spec[name] = value.clone();
                }
            });
            assert_ne!(changed, hash(|_| {}), "{change}");
        }
    }

    #[test]
    fn the_hash_is_the_same_in_every_version() {
        assert_eq!(hash(|_| {}), "32bb4115f8b3fa55", "an edit in place after an upgrade would end every run");
    }
}
