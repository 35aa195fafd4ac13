//! The SparkApplication of a run. Its name follows from the schedule and the time alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt, api::ObjectMeta};
use onager_crds::{ScheduledSparkApplication, SparkApplication};

/// Name of the schedule that a run belongs to.
const SCHEDULED_BY: &str = "onager.dev/scheduled-by";
/// The same, as the Kubeflow operator has it.
const SCHEDULED_APP: &str = "sparkoperator.k8s.io/scheduled-app-name";
/// When a run was due.
const SCHEDULED_AT: &str = "onager.dev/scheduled-at";
/// Who wrote the schedule, as admission saw it: its runs are this author's.
const AUTHOR: &str = "onager.dev/author";

/// The run that is due at a time.
pub fn run(schedule: &ScheduledSparkApplication, name: &str, due: Timestamp) -> SparkApplication {
    let mut labels = schedule.labels().clone();
    labels.extend([SCHEDULED_BY, SCHEDULED_APP].map(|key| (key.to_string(), schedule.name_any())));
    let author = schedule.annotations().get(AUTHOR).map(|author| (AUTHOR.to_string(), author.clone()));
    let annotations: BTreeMap<String, String> =
        author.into_iter().chain([(SCHEDULED_AT.to_string(), due.to_string())]).collect();
    let owner = OwnerReference {
        api_version: ScheduledSparkApplication::api_version(&()).into_owned(),
        kind: ScheduledSparkApplication::kind(&()).into_owned(),
        name: schedule.name_any(),
        uid: schedule.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    };
    let mut run = SparkApplication::new(name, schedule.spec.template.clone());
    run.metadata = ObjectMeta {
        name: Some(name.to_string()),
        namespace: schedule.namespace(),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_template_its_schedule_and_its_author() {
        let schedule: ScheduledSparkApplication = serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication",
            "metadata": {
                "name": "nightly", "namespace": "team", "uid": "u-1", "labels": {"cost": "7", SCHEDULED_BY: "another"},
                "annotations": {AUTHOR: "ann", "kubectl.kubernetes.io/restartedAt": "now"},
            },
            "spec": {
                "schedule": "@daily", "template": {"type": "SQL", "mainApplicationFile": "s3a://lake/a.sql"},
            },
        }))
        .expect("schedule");
        let due = Timestamp::from_second(1_790_000_000).expect("time");
        let run = run(&schedule, "nightly-1790000000", due);
        assert_eq!(run.spec, schedule.spec.template);
        let labels = [("cost", "7"), (SCHEDULED_BY, "nightly"), (SCHEDULED_APP, "nightly")];
        assert_eq!(run.labels(), &labels.map(|(key, value)| (key.to_string(), value.to_string())).into());
        let annotations = [(AUTHOR, "ann"), (SCHEDULED_AT, "2026-09-21T14:13:20Z")];
        assert_eq!(run.annotations(), &annotations.map(|(key, value)| (key.to_string(), value.to_string())).into());
        let owner = &run.owner_references()[0];
        assert_eq!(
            (owner.uid.as_str(), owner.controller, run.namespace().as_deref()),
            ("u-1", Some(true), Some("team"))
        );
    }
}
