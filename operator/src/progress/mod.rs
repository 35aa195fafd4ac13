//! What is remembered of applications with dynamic allocation: how many executors each should have, and which have leave to
//! go. In memory alone: after a restart it begins from what is on record in the status, and nothing is lost but a few
//! seconds. It writes nothing and asks nobody; [`poll`] does the asking.

pub mod poll;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::ResourceExt;
use onager_contract::Progress;
use onager_core::allocation::{Allocation, Decision, Pace, Rules};
use onager_crds::{SparkApplication, State};
use tokio::sync::mpsc;

use crate::{cache::state, metrics::Elastic};

/// A run of an application that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// UID of the application.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which of its runs it is.
    pub attempt: u32,
}

/// All applications that are followed.
pub struct Followed {
    runs: Mutex<HashMap<String, Memory>>,
    news: mpsc::UnboundedSender<Run>,
    metrics: Elastic,
}

struct Memory {
    attempt: u32,
    allocation: Allocation,
    pace: Pace,
    drained: BTreeSet<u32>,
    short: u32,
}

impl Followed {
    /// Nobody yet; those that come to be followed are told to the receiver.
    pub fn new(metrics: Elastic) -> (Self, mpsc::UnboundedReceiver<Run>) {
        let (news, followed) = mpsc::unbounded_channel();
        (Self { runs: Mutex::default(), news, metrics }, followed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Memory>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many executors an admitted application should have now; `None` where their number is fixed. One that runs is
    /// followed from here on.
    pub fn target(&self, app: &SparkApplication) -> Option<u32> {
        let state = state(app);
        if !state.is_admitted() {
            return None;
        }
        Rules::read(&app.spec).ok()??;
        let status = app.status.as_ref()?;
        let on_record = on_record(app);
        if state != State::Running {
            return Some(on_record);
        }
        let (uid, attempt) = (app.uid()?, status.attempt);
        let mut runs = self.lock();
        if let Some(memory) = runs.get(&uid).filter(|memory| memory.attempt == attempt) {
            return Some(memory.allocation.target);
        }
        let memory = Memory {
            attempt,
            allocation: Allocation::new(on_record),
            pace: Pace::default(),
            drained: BTreeSet::new(),
            short: 0,
        };
        self.left_out(runs.insert(uid.clone(), memory));
        self.metrics.applications.set(runs.len() as i64);
        // Nobody receives once the operator ends.
        let _ =
            self.news.send(Run { uid, namespace: app.namespace().unwrap_or_default(), name: app.name_any(), attempt });
        Some(on_record)
    }

    /// How many executors the work of an application wants, where it is followed.
    pub fn wants(&self, uid: &str) -> Option<u32> {
        self.lock().get(uid).map(|memory| memory.allocation.target)
    }

    /// Executors of an application that their driver has let go.
    pub fn drained(&self, uid: &str) -> BTreeSet<u32> {
        self.lock().get(uid).map(|memory| memory.drained.clone()).unwrap_or_default()
    }

    fn with<T>(&self, run: &Run, act: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        self.lock().get_mut(&run.uid).filter(|memory| memory.attempt == run.attempt).map(act)
    }

    /// Takes in what a driver said; `there` are the indexes of its pods. `None` where the run is not followed any more.
    fn look(
        &self,
        run: &Run,
        rules: &Rules,
        cores: u32,
        progress: &Progress,
        there: &BTreeSet<u32>,
        now: Timestamp,
    ) -> Option<Decision> {
        self.with(run, |memory| {
            memory.drained.retain(|index| there.contains(index));
            memory.allocation.look(rules, cores, progress, &memory.drained, now)
        })
    }

    fn drain(&self, run: &Run, index: u32) {
        self.with(run, |memory| memory.drained.insert(index));
    }

    /// After a look: how many executors it should have beyond those on record, and when to look again.
    fn after_look(
        &self,
        run: &Run,
        rules: &Rules,
        cores: u32,
        progress: &Progress,
        on_record: u32,
        decided: bool,
    ) -> Option<(u32, Duration)> {
        self.with(run, |memory| {
            let before = std::mem::replace(&mut memory.short, memory.allocation.target.saturating_sub(on_record));
            self.metrics.short.add(i64::from(memory.short) - i64::from(before));
            (memory.short, memory.pace.after_look(rules, cores, &memory.allocation, progress, decided))
        })
    }

    fn after_failure(&self, run: &Run) -> Option<Duration> {
        self.with(run, |memory| memory.pace.after_failure())
    }

    fn forget(&self, run: &Run) {
        let mut runs = self.lock();
        if runs.get(&run.uid).is_some_and(|memory| memory.attempt == run.attempt) {
            self.left_out(runs.remove(&run.uid));
            self.metrics.applications.set(runs.len() as i64);
        }
    }

    /// What was short for a run that is not followed any more is not any longer.
    fn left_out(&self, memory: Option<Memory>) {
        self.metrics.short.sub(memory.map_or(0, |memory| memory.short.into()));
    }
}

/// How many executors an application was given, as its status has it.
pub fn on_record(app: &SparkApplication) -> u32 {
    let executors = app.status.as_ref().and_then(|status| status.executors.as_ref());
    executors.map_or(0, |executors| executors.wanted)
}
