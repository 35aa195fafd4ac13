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

    /// Takes in an own write. One of an application that is gone by now is dropped.
    pub fn written(&mut self, app: Arc<SparkApplication>) {
        let namespace = app.namespace().unwrap_or_default();
        let there = self.0.get(&namespace, &app.name_any()).is_some_and(|there| there.uid() == app.uid());
        if there {
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
