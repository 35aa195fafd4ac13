//! Schedules and their runs as last seen or last written by ourselves, whichever is newer. Never writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt, runtime::watcher::Event};
use onager_core::schedule::{Progress, RunSeen};
use onager_crds::{ScheduledSparkApplication, SparkApplication, State};

use crate::cache::{Graves, Watched, state, version};

/// Everything remembered of schedules, each part behind a lock that is never held across an await.
#[derive(Default)]
pub struct Schedules {
    objects: Mutex<Watched<Arc<ScheduledSparkApplication>>>,
    runs: Mutex<Watched<RunRecord>>,
    /// Runs that are gone: one that came back would be waited for.
    graves: Mutex<Graves>,
}

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// UID of the schedule that owns it.
    pub owner: String,
    /// Its facts.
    pub seen: RunSeen,
    version: u128,
}

impl RunRecord {
    /// Reads an application that a schedule owns.
    pub fn read(app: &SparkApplication) -> Option<Self> {
        let owner = owner(&app.metadata)?.uid.clone();
        let progress = match state(app) {
            State::Completed => Progress::Succeeded,
            State::Failed => Progress::Failed,
            _ => Progress::Active,
        };
        let seen = RunSeen {
            name: app.name_any(),
            uid: app.uid()?,
            created: app.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |created| created.0),
            progress,
            deleting: app.metadata.deletion_timestamp.is_some(),
        };
        Some(Self { owner, seen, version: version(&app.metadata) })
    }
}

/// The schedule that owns an application.
pub fn owner(meta: &ObjectMeta) -> Option<&OwnerReference> {
    let kind = ScheduledSparkApplication::kind(&());
    let owners = meta.owner_references.iter().flatten();
    owners.into_iter().find(|owner| owner.kind == kind && owner.api_version.starts_with("onager.dev/"))
}

impl Schedules {
    fn objects(&self) -> MutexGuard<'_, Watched<Arc<ScheduledSparkApplication>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runs(&self) -> MutexGuard<'_, Watched<RunRecord>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One schedule.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<ScheduledSparkApplication>> {
        self.objects().get(namespace, name).cloned()
    }

    /// Names of all schedules of a scope: a namespace, or "" for all.
    pub fn of_scope(&self, scope: &str) -> Vec<(String, String)> {
        let objects = self.objects();
        let mine = objects.all().filter(|object| scope.is_empty() || object.namespace().as_deref() == Some(scope));
        mine.map(|object| (object.namespace().unwrap_or_default(), object.name_any())).collect()
    }

    /// Takes in an event of the watch of schedules.
    pub fn take_in(&self, scope: &str, event: &Event<ScheduledSparkApplication>) {
        let mut objects = self.objects();
        let newest = match event {
            Event::Apply(object) | Event::InitApply(object) => {
                let ours = objects.get(&object.namespace().unwrap_or_default(), &object.name_any());
                let newer = ours
                    .filter(|ours| ours.uid() == object.uid() && version(&ours.metadata) > version(&object.metadata));
                Some(newer.cloned().unwrap_or_else(|| Arc::new(object.clone())))
            }
            _ => None,
        };
        objects.take_in(scope, event, |_| newest.clone());
    }

    /// Takes in an own write. The watch may have been faster: what is newer stays, and what is gone stays gone.
    pub fn written(&self, object: Arc<ScheduledSparkApplication>) {
        let (mut objects, namespace) = (self.objects(), object.namespace().unwrap_or_default());
        let there = objects.get(&namespace, &object.name_any());
        let older = |there: &Arc<ScheduledSparkApplication>| {
            there.uid() == object.uid() && version(&there.metadata) <= version(&object.metadata)
        };
        if there.is_some_and(older) {
            objects.insert(&namespace, &object.name_any(), object.uid(), object);
        }
    }

    fn graves(&self) -> MutexGuard<'_, Graves> {
        self.graves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an event of the watch of applications.
    pub fn take_in_runs(&self, scope: &str, event: &Event<SparkApplication>) {
        if let Event::Delete(app) = event
            && owner(&app.metadata).is_some()
        {
            self.graves().bury(&app.uid().unwrap_or_default());
        }
        let mut runs = self.runs();
        let newest = match event {
            Event::Apply(app) | Event::InitApply(app) => RunRecord::read(app).map(|record| {
                let ours = runs.get(&app.namespace().unwrap_or_default(), &record.seen.name);
                let newer = ours.filter(|ours| ours.seen.uid == record.seen.uid && ours.version > record.version);
                newer.cloned().unwrap_or(record)
            }),
            _ => None,
        };
        runs.take_in(scope, event, |_| newest.clone());
    }

    /// Takes in a run as the API server answered, unless the watch has brought a newer state of it, or its end.
    pub fn made(&self, run: &SparkApplication) {
        let Some(record) = RunRecord::read(run) else { return };
        let (mut runs, namespace) = (self.runs(), run.namespace().unwrap_or_default());
        let there = runs.get(&namespace, &record.seen.name);
        let newer = there.is_some_and(|there| there.seen.uid == record.seen.uid && there.version > record.version);
        if !newer && !self.graves().hold(&record.seen.uid) {
            runs.insert(&namespace, &run.name_any(), Some(record.seen.uid.clone()), record);
        }
    }

    /// Marks a run whose deletion was accepted.
    pub fn mark_deleting(&self, namespace: &str, name: &str, uid: &str) {
        let mut runs = self.runs();
        if let Some(mut record) = runs.get(namespace, name).filter(|record| record.seen.uid == uid).cloned() {
            record.seen.deleting = true;
            runs.insert(namespace, name, Some(uid.to_string()), record);
        }
    }

    /// The runs that a schedule owns.
    pub fn runs_of(&self, namespace: &str, uid: &str) -> Vec<RunSeen> {
        let runs = self.runs();
        let mine = runs.of_namespace(namespace).filter(|(_, record)| record.owner == uid);
        mine.map(|(_, record)| record.seen.clone()).collect()
    }

    /// Forgets all of a scope that is not served any more.
    pub fn forget(&self, scope: &str) {
        self.objects().forget(scope);
        self.runs().forget(scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(version: &str, state: &str) -> SparkApplication {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {
                "name": "nightly-1790000000", "namespace": "team", "uid": "r-1", "resourceVersion": version,
                "ownerReferences": [{
                    "apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication", "name": "nightly", "uid": "u-1",
                }],
            },
            "spec": {"type": "SQL"},
            "status": {"applicationState": {"state": state}},
        }))
        .expect("run")
    }

    fn schedule(version: &str, suspend: bool) -> ScheduledSparkApplication {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication",
            "metadata": {"name": "nightly", "namespace": "team", "uid": "u-1", "resourceVersion": version},
            "spec": {"schedule": "@daily", "suspend": suspend, "template": {"type": "SQL"}},
        }))
        .expect("schedule")
    }

    #[test]
    fn a_late_answer_does_not_hide_a_suspension() {
        let schedules = Schedules::default();
        schedules.take_in("", &Event::Apply(schedule("10", false)));
        schedules.take_in("", &Event::Apply(schedule("12", true)));
        schedules.written(Arc::new(schedule("11", false)));
        assert!(schedules.get("team", "nightly").is_some_and(|seen| seen.spec.is_suspended()));
    }

    #[test]
    fn a_late_answer_does_not_make_a_run_that_has_ended_young_again() {
        let schedules = Schedules::default();
        schedules.take_in_runs("", &Event::Apply(run("9", "COMPLETED")));
        schedules.made(&run("7", ""));
        assert_eq!(schedules.runs_of("team", "u-1")[0].progress, Progress::Succeeded);
    }

    #[test]
    fn a_late_answer_does_not_bring_back_a_run_that_was_deleted() {
        let schedules = Schedules::default();
        schedules.take_in_runs("", &Event::Apply(run("8", "RUNNING")));
        schedules.take_in_runs("", &Event::Delete(run("9", "RUNNING")));
        schedules.made(&run("7", ""));
        assert!(schedules.runs_of("team", "u-1").is_empty(), "a schedule that forbids two would wait for ever");
    }

    #[test]
    fn a_late_event_does_not_bring_an_earlier_state_back() {
        let schedules = Schedules::default();
        schedules.made(&run("7", ""));
        schedules.take_in_runs("", &Event::Apply(run("9", "COMPLETED")));
        schedules.take_in_runs("", &Event::Apply(run("8", "RUNNING")));
        let runs = schedules.runs_of("team", "u-1");
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].progress, Progress::Succeeded);
        assert!(schedules.runs_of("team", "u-2").is_empty() && schedules.runs_of("other", "u-1").is_empty());
    }

    #[test]
    fn a_deletion_is_seen_before_its_event() {
        let schedules = Schedules::default();
        schedules.made(&run("7", ""));
        schedules.mark_deleting("team", "nightly-1790000000", "r-0");
        assert!(!schedules.runs_of("team", "u-1")[0].deleting, "another one of that name");
        schedules.mark_deleting("team", "nightly-1790000000", "r-1");
        assert!(schedules.runs_of("team", "u-1")[0].deleting);
    }
}
