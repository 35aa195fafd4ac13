//! Puts together what a driver leaves behind and writes it where the kubelet looks. A summary that cannot be written goes
//! to the log: the run's end does not depend on it.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use onager_contract::Summary;
use tracing::{info, warn};

use super::digest::Digest;
use super::scheduler::Scheduler;
use crate::outcome::Outcome;
use crate::overrides::termination_log;
use crate::{Error, Session};

/// What is known of a run so far.
#[derive(Default)]
pub(super) struct Report {
    started: Option<Instant>,
    seconds: f64,
    scheduler: Option<Arc<Scheduler>>,
    session: Option<Session>,
    totals: Digest,
    executors: u32,
}

impl Report {
    /// The minimum of executors is there.
    pub(super) fn begin(&mut self, started: Instant) {
        self.started = Some(started);
    }

    /// Where the figures come from.
    pub(super) fn follow(&mut self, scheduler: Arc<Scheduler>, session: Session) {
        self.scheduler = Some(scheduler);
        self.session = Some(session);
    }

    /// The program has ended, well or not.
    pub(super) fn end(&mut self) {
        self.seconds = self.started.map_or(0.0, |started| started.elapsed().as_secs_f64());
        if let Some(scheduler) = &self.scheduler {
            self.totals = scheduler.totals();
            self.executors = *scheduler.ledger().registered().borrow() as u32;
        }
    }

    /// Wall time of the program.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Writes the summary.
    pub(super) fn write(&self, error: Option<&Error>) {
        let text = self.summary(error).to_termination_message();
        let path = termination_log();
        match fs::write(&path, &text) {
            Ok(()) => info!("summary: {text}"),
            Err(error) => warn!("cannot write {}: {error}; summary: {text}", path.display()),
        }
    }

    fn summary(&self, error: Option<&Error>) -> Summary {
        let Outcome { result, preview, rows, statements } =
            self.session.as_ref().map(Session::outcome).unwrap_or_default();
        Summary {
            failure: error.map(Error::failure),
            result,
            preview,
            rows,
            statements,
            stages: self.totals.stages,
            tasks: self.totals.launched,
            shuffle_bytes: self.totals.shuffle_bytes,
            executors: self.executors,
            executors_lost: self.scheduler.as_ref().map_or(0, |scheduler| scheduler.ledger().lost()),
            seconds: (self.seconds * 1000.0).round() / 1000.0,
        }
    }
}
