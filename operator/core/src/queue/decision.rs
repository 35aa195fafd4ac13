//! What a cycle decides, as data; and what becomes of a snapshot when it is done. Whoever writes it to a cluster may fail at
//! any point: a decision that was not done is made again.

use super::{Pods, Snapshot, Stage, ground::Placement};

/// One decision. Applications and nodes by their number in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The gang starts: its driver and its minimum of executors.
    Admit {
        /// The application.
        app: usize,
        /// Where its pods go.
        placement: Placement,
    },
    /// More executors.
    Grow {
        /// The application.
        app: usize,
        /// How many on which node.
        executors: Vec<(usize, u32)>,
    },
    /// Fewer executors, not fewer than its minimum.
    Shrink {
        /// The application.
        app: usize,
        /// How many of which node.
        executors: Vec<(usize, u32)>,
        /// For whom.
        beneficiary: usize,
    },
    /// All of its pods go, and it waits again.
    Evict {
        /// The application.
        app: usize,
        /// For whom.
        beneficiary: usize,
    },
}

impl Decision {
    /// In one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Admit { .. } => "admit",
            Self::Grow { .. } => "grow",
            Self::Shrink { .. } => "shrink",
            Self::Evict { .. } => "evict",
        }
    }

    /// The application it is about.
    pub fn app(&self) -> usize {
        match self {
            Self::Admit { app, .. } | Self::Grow { app, .. } | Self::Shrink { app, .. } | Self::Evict { app, .. } => {
                *app
            }
        }
    }

    /// Does it to a snapshot, as it will be seen when it is written and no pod is gone yet.
    pub fn apply(&self, snapshot: &mut Snapshot, now: i64) {
        let app = &mut snapshot.apps[self.app()];
        match self {
            Self::Admit { placement, .. } => {
                app.stage = Stage::Admitted { since: now };
                app.claim = None;
                app.pods.place(placement);
            }
            Self::Grow { executors, .. } => app.pods.grow(executors),
            Self::Shrink { executors, .. } => app.pods.shrink(executors),
            Self::Evict { .. } => {
                app.stage = Stage::Waiting;
                app.pods.leave();
            }
        }
    }
}

impl Pods {
    /// A gang's pods are promised.
    pub fn place(&mut self, placement: &Placement) {
        self.driver = Some(placement.driver);
        self.grow(&placement.executors);
    }

    /// More executors are promised.
    pub fn grow(&mut self, executors: &[(usize, u32)]) {
        for (node, count) in executors {
            *self.executors.entry(*node).or_default() += count;
        }
    }

    /// Executors are to go.
    pub fn shrink(&mut self, executors: &[(usize, u32)]) {
        for (node, count) in executors {
            let here = self.executors.entry(*node).or_default();
            let going = (*count).min(*here);
            *here -= going;
            if *here == 0 {
                self.executors.remove(node);
            }
            *self.leaving.entry(*node).or_default() += going;
        }
    }

    /// All are to go.
    pub fn leave(&mut self) {
        if let Some(node) = self.driver.take() {
            self.leaving_driver = Some(node);
        }
        for (node, count) in std::mem::take(&mut self.executors) {
            *self.leaving.entry(node).or_default() += count;
        }
    }

    /// Those that were to go are gone.
    pub fn gone(&mut self) {
        self.leaving_driver = None;
        self.leaving.clear();
    }
}
