//! Applications as last seen or last written by ourselves, whichever is newer, so that a decision never rests on a state
//! that an own write has left behind.

use std::sync::Arc;

use kube::{ResourceExt, runtime::watcher::Event};
use onager_crds::{SparkApplication, State};

use super::watched::{Watched, version};

/// All applications.
#[derive(Default)]
pub struct Apps(Watched<Arc<SparkApplication>>);

impl Apps {
    /// Takes in an event of the watch of `scope`.
    pub fn take_in(&mut self, scope: &str, event: &Event<SparkApplication>) {
        let newest = match event {
            Event::Apply(app) | Event::InitApply(app) => Some(self.newest(app)),
            _ => None,
        };
        self.0.take_in(scope, event, |_| newest.clone());
    }

    /// Takes in an own write. The watch may have been faster: what is newer stays, and what is gone stays gone.
    pub fn written(&mut self, app: Arc<SparkApplication>) {
        let namespace = app.namespace().unwrap_or_default();
        let there = self.0.get(&namespace, &app.name_any());
        let older = |there: &Arc<SparkApplication>| {
            there.uid() == app.uid() && version(&there.metadata) <= version(&app.metadata)
        };
        if there.is_some_and(older) {
            self.0.insert(&namespace, &app.name_any(), app.uid(), app);
        }
    }

    fn newest(&self, app: &SparkApplication) -> Arc<SparkApplication> {
        let ours = self.0.get(&app.namespace().unwrap_or_default(), &app.name_any());
        match ours.filter(|ours| ours.uid() == app.uid() && version(&ours.metadata) > version(&app.metadata)) {
            Some(ours) => ours.clone(),
            None => Arc::new(app.clone()),
        }
    }

    /// Forgets all of a scope that is not served any more.
    pub fn forget(&mut self, scope: &str) {
        self.0.forget(scope);
    }

    /// One application.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<SparkApplication>> {
        self.0.get(namespace, name).cloned()
    }

    /// All that are in one of these states.
    pub fn in_state(&self, states: &[State]) -> Vec<Arc<SparkApplication>> {
        self.0.all().filter(|app| states.contains(&state(app))).cloned().collect()
    }

    /// How many there are in each state.
    pub fn count(&self) -> std::collections::BTreeMap<State, i64> {
        let mut counts = std::collections::BTreeMap::new();
        self.0.all().for_each(|app| *counts.entry(state(app)).or_default() += 1);
        counts
    }
}

/// The state of an application.
pub fn state(app: &SparkApplication) -> State {
    app.status.as_ref().map(|status| status.application_state.state).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(version: &str, suspend: bool) -> SparkApplication {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
            "metadata": {"name": "report", "namespace": "team", "uid": "a-1", "resourceVersion": version},
            "spec": {"type": "SQL", "suspend": suspend},
        }))
        .expect("application")
    }

    #[test]
    fn a_late_answer_does_not_hide_what_a_user_changed_meanwhile() {
        let mut apps = Apps::default();
        apps.take_in("", &Event::Apply(app("10", false)));
        apps.take_in("", &Event::Apply(app("12", true)));
        apps.written(Arc::new(app("11", false)));
        let seen = apps.get("team", "report").expect("it is there");
        assert_eq!(version(&seen.metadata), 12, "or every write would conflict, and no event tell why");
        apps.written(Arc::new(app("13", true)));
        apps.take_in("", &Event::Apply(app("12", true)));
        assert_eq!(version(&apps.get("team", "report").expect("it is there").metadata), 13);
    }

    #[test]
    fn an_answer_does_not_bring_back_what_was_deleted() {
        let mut apps = Apps::default();
        apps.take_in("", &Event::Apply(app("10", false)));
        apps.take_in("", &Event::Delete(app("12", false)));
        apps.written(Arc::new(app("11", false)));
        assert!(apps.get("team", "report").is_none());
    }
}
