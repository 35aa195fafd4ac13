//! A plan: what `core` answers. The status is saved first, since indexes and attempts must be on record before a pod
//! exists; then the actions, in order; then the events are told. Data alone.

use std::time::Duration;

use onager_crds::{ExecutorStatus, SparkApplication, SparkApplicationStatus};

use crate::seen::SideKind;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The driver's pod, with its Service, if that is not there yet.
    CreateDriver {
        /// The attempt it is made for.
        attempt: u32,
    },
    /// An executor's pod.
    CreateExecutor {
        /// The attempt it is made for.
        attempt: u32,
        /// Its index, on record already.
        index: u32,
    },
    /// Tells the driver at once that an executor will not come back.
    TellExecutorLost {
        /// Its index.
        index: u32,
        /// Why.
        reason: String,
    },
    /// A pod, and no other that may have its name by now.
    DeletePod {
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// What stands beside the pods and is not there: the driver's PodDisruptionBudget, UI Services and Ingresses. One that
    /// cannot be made never ends the run. Alone of all it comes before the status is saved, which says where the UI is.
    CreateSides,
    /// What stands beside the pods, and no other that may have its name by now.
    DeleteSide {
        /// What it is.
        kind: SideKind,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// The application itself, at the end of its time to live.
    DeleteApplication,
}

/// How an event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// As expected.
    Normal,
    /// Somebody should look.
    Warning,
}

/// Something to tell the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How it is shown.
    pub kind: EventKind,
    /// One word, such as `SparkDriverRunning`.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

impl Event {
    /// As expected.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: EventKind::Normal, reason, message: message.into() }
    }

    /// Somebody should look.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: EventKind::Warning, reason, message: message.into() }
    }
}

/// What is to be done about one object, by the kinds of its status and of its writes.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanOf<S, A> {
    /// Saved first, if it differs from what is there.
    pub status: Option<S>,
    /// Carried out in order once the status is saved.
    pub actions: Vec<A>,
    /// Told once the actions are carried out.
    pub events: Vec<Event>,
    /// Look again after this time even if nothing changes.
    pub again: Option<Duration>,
}

/// What is to be done about one application.
pub type Plan = PlanOf<SparkApplicationStatus, Action>;

impl<S, A> Default for PlanOf<S, A> {
    fn default() -> Self {
        Self { status: None, actions: Vec::new(), events: Vec::new(), again: None }
    }
}

impl<S, A> PlanOf<S, A> {
    /// Whether nothing is written.
    pub fn is_quiet(&self) -> bool {
        self.status.is_none() && self.actions.is_empty()
    }
}

impl Plan {
    /// Whether all that it writes is how many executors run: news that can wait for more of its kind.
    pub fn only_counts(&self, app: &SparkApplication) -> bool {
        let (Some(new), Some(old)) = (&self.status, &app.status) else { return false };
        let (Some(counts), Some(before)) = (&new.executors, &old.executors) else { return false };
        let executors = ExecutorStatus { running: before.running, summary: before.summary.clone(), ..counts.clone() };
        let same = SparkApplicationStatus { executors: Some(executors), ..new.clone() };
        self.actions.is_empty() && same == *old
    }
}
