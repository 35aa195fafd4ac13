//! Labels that an administrator has chosen for the metrics with the Kubeflow operator's names: an application's own labels,
//! and `namespace`. Bounded: however many values there are, only so many combinations become series.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use kube::ResourceExt;
use onager_crds::SparkApplication;

/// Combinations of values that become series of their own; all further ones are one, [`OTHER`].
const COMBINATIONS: usize = 1_000;
/// The value of an application that lacks the label; the Kubeflow operator's word.
const UNKNOWN: &str = "Unknown";
/// Every value of what is one too many.
const OTHER: &str = "other";

/// The chosen labels.
#[derive(Debug, Default)]
pub struct Labels {
    chosen: Vec<String>,
    seen: Mutex<HashSet<Vec<String>>>,
}

impl Labels {
    /// These, by the names they have on applications.
    pub fn new(chosen: &[String]) -> Self {
        Self { chosen: chosen.iter().map(|label| metric_name(label)).collect(), seen: Mutex::default() }
    }

    /// Their names in metrics.
    pub fn names(&self) -> Vec<&str> {
        self.chosen.iter().map(String::as_str).collect()
    }

    /// Their values for an application, or for one that is not known any more.
    pub fn values(&self, namespace: &str, app: Option<&SparkApplication>) -> Vec<String> {
        let value = |name: &String| {
            let of_app = app.and_then(|app| app.labels().iter().find(|(label, _)| metric_name(label) == *name));
            match of_app {
                Some((_, value)) => value.clone(),
                None if name == "namespace" => namespace.to_string(),
                None => UNKNOWN.to_string(),
            }
        };
        let values: Vec<String> = self.chosen.iter().map(value).collect();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&values) {
            return values;
        }
        if seen.len() >= COMBINATIONS {
            return vec![OTHER.to_string(); self.chosen.len()];
        }
        seen.insert(values.clone());
        values
    }
}

/// A label's name with everything replaced that Prometheus does not take.
fn metric_name(label: &str) -> String {
    label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(team: Option<&str>) -> SparkApplication {
        let labels = team.map(|team| serde_json::json!({"example.com/cost-team": team}));
        serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {"name": "etl", "namespace": "alpha", "labels": labels},
            "spec": {"type": "SQL", "driver": {}, "executor": {}},
        }))
        .expect("an application")
    }

    #[test]
    fn values_come_from_the_applications_labels() {
        let labels = Labels::new(&["namespace".into(), "example.com/cost-team".into()]);
        assert_eq!(labels.names(), ["namespace", "example_com_cost_team"]);
        assert_eq!(labels.values("alpha", Some(&app(Some("blue")))), ["alpha", "blue"]);
        assert_eq!(labels.values("alpha", Some(&app(None))), ["alpha", "Unknown"]);
    }

    #[test]
    fn a_label_with_a_value_for_each_run_does_not_flood_prometheus() {
        let labels = Labels::new(&["example.com/cost-team".into()]);
        let values = |number: usize| labels.values("alpha", Some(&app(Some(&number.to_string()))));
        let distinct: HashSet<Vec<String>> = (0..5_000).map(values).collect();
        assert_eq!(distinct.len(), COMBINATIONS + 1);
        assert_eq!(values(7), ["7"], "those that were there keep their series");
    }
}
