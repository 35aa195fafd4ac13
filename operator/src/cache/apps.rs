//! Applications as last seen or last written by ourselves, whichever is newer, so that a decision never rests on a state
//! that an own write has left behind. Those that have ended are kept as text: they are many, and seldom looked at, and an
//! application in its types takes several times as much memory.

use std::sync::Arc;

use kube::{ResourceExt, runtime::watcher::Event};
use onager_crds::{SparkApplication, State};

use super::watched::{Watched, version};

/// All applications.
#[derive(Default)]
pub struct Apps(Watched<Record>);

/// An application, and what is asked of it often.
#[derive(Clone)]
struct Record {
    uid: Option<String>,
    version: u128,
    state: State,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Whole(Arc<SparkApplication>),
    Text(Arc<[u8]>),
}

impl Record {
    fn of(app: &SparkApplication, shared: impl FnOnce() -> Arc<SparkApplication>) -> Self {
        let state = state(app);
        let text = state.is_terminal().then(|| pack(app)).flatten();
        let form = text.map_or_else(|| Form::Whole(shared()), Form::Text);
        Self { uid: app.uid(), version: version(&app.metadata), state, form }
    }

    /// The application; what was packed can be read.
    fn app(&self) -> Option<Arc<SparkApplication>> {
        match &self.form {
            Form::Whole(app) => Some(app.clone()),
            Form::Text(text) => serde_json::from_slice(text).ok().map(Arc::new),
        }
    }
}

/// The application as text, if it can be read back.
fn pack(app: &SparkApplication) -> Option<Arc<[u8]>> {
    let text = serde_json::to_vec(app).ok()?;
    serde_json::from_slice::<SparkApplication>(&text).ok()?;
    Some(text.into())
}

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
        let older = |there: &Record| there.uid == app.uid() && there.version <= version(&app.metadata);
        if there.is_some_and(older) {
            self.0.insert(&namespace, &app.name_any(), app.uid(), Record::of(&app, || app.clone()));
        }
    }

    fn newest(&self, app: &SparkApplication) -> Record {
        let ours = self.0.get(&app.namespace().unwrap_or_default(), &app.name_any());
        match ours.filter(|ours| ours.uid == app.uid() && ours.version > version(&app.metadata)) {
            Some(ours) => ours.clone(),
            None => Record::of(app, || Arc::new(app.clone())),
        }
    }

    /// Forgets all of a scope that is not served any more.
    pub fn forget(&mut self, scope: &str) {
        self.0.forget(scope);
    }

    /// One application.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<SparkApplication>> {
        self.0.get(namespace, name)?.app()
    }

    /// All whose state `is` one that is looked for.
    pub fn in_state(&self, is: impl Fn(State) -> bool) -> Vec<Arc<SparkApplication>> {
        self.0.all().filter(|record| is(record.state)).filter_map(Record::app).collect()
    }

    /// How many there are in each state.
    pub fn count(&self) -> std::collections::BTreeMap<State, i64> {
        let mut counts = std::collections::BTreeMap::new();
        self.0.all().for_each(|record| *counts.entry(record.state).or_default() += 1);
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
    fn one_that_has_ended_is_kept_as_text_and_read_back_whole() {
        let mut ended = app("10", false);
        ended.status = serde_json::from_value(serde_json::json!({"applicationState": {"state": "COMPLETED"}})).ok();
        let mut apps = Apps::default();
        apps.take_in("", &Event::Apply(ended.clone()));
        assert!(matches!(apps.0.get("team", "report").map(|record| &record.form), Some(Form::Text(_))));
        let read = apps.get("team", "report").expect("it is there");
        assert_eq!((&read.metadata, &read.spec, &read.status), (&ended.metadata, &ended.spec, &ended.status));
        assert_eq!((apps.count()[&State::Completed], apps.in_state(|state| state == State::Completed).len()), (1, 1));
        // An edit makes it run again.
        apps.take_in("", &Event::Apply(app("12", false)));
        assert!(matches!(apps.0.get("team", "report").map(|record| &record.form), Some(Form::Whole(_))));
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
