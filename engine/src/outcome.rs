//! Gathers what a run will say of itself at its end. It holds data and decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use onager_contract::Preview;

/// Rows of a preview; the summary drops more when they are long.
pub(crate) const PREVIEW_ROWS: usize = 20;

#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub result: Option<String>,
    pub preview: Option<Preview>,
    pub rows: u64,
    pub statements: u32,
}

/// An [`Outcome`] that a job writes and its driver reads, also when the job was cut off.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Outcome>);

impl Recorder {
    /// The outcome so far.
    pub(crate) fn snapshot(&self) -> Outcome {
        self.lock().clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Outcome)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Outcome> {
        // A job that panicked leaves figures that are still good to report.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
