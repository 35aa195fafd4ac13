//! The desk: who of those that ask for room starts, who gets more executors, and who gives way. Applications ask one by one; a
//! round looks at the whole cluster once, has `core` decide for all of them, and remembers each decision until it is on
//! record. It writes nothing but the status of queues: what it decides is carried out by each application's own next step.

mod census;
mod entry;
mod facts;
mod guard;
mod queues;
mod round;
mod seats;
mod survey;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;
use onager_core::{
    Action, Trouble,
    queue::{Name, Standing},
};
use onager_crds::SparkApplication;
use tokio::sync::Notify;

pub use round::run;

use self::{
    entry::{Entry, Grant, Verdict},
    facts::Readings,
};
use crate::progress::on_record;

/// The desk.
#[derive(Default)]
pub struct Desk {
    memory: Mutex<Memory>,
    news: Notify,
}

#[derive(Default)]
struct Memory {
    /// By UID: those that ask, and those of which something is decided and not on record yet.
    entries: HashMap<String, Entry>,
    readings: Readings,
    /// What queues are owed; lost with the operator, which costs nobody more than a minute's fairness.
    standing: Standing,
}

/// What comes of asking.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its gang has room, which is held for it, and so many executors may start.
    Start(u32),
    /// It waits, and why.
    Wait(Verdict),
    /// Not decided yet: it is woken when it is.
    Later,
}

/// What an admitted application may have.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// How many executors.
    pub executors: u32,
    /// Indexes of executors that give way to others.
    pub retired: BTreeSet<u32>,
    /// All of it gives way: why.
    pub evicted: Option<Trouble>,
}

/// The nodes that were found for pods of an application, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seats {
    /// The driver's.
    pub driver: Option<String>,
    /// Executors', by index.
    pub executors: BTreeMap<u32, String>,
}

impl Desk {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed that may change a decision.
    pub fn poke(&self) {
        self.news.notify_one();
    }

    /// An application asks for room for its gang.
    pub fn ask(&self, app: &SparkApplication) -> Answer {
        let mut memory = self.memory();
        let entry = memory.entries.entry(app.uid().unwrap_or_default()).or_default();
        let generation = app.metadata.generation;
        if entry.generation != generation {
            // Another spec asks for other room.
            *entry = Entry { generation, ..Entry::default() };
        }
        entry.name = Some(Name::new(&app.namespace().unwrap_or_default(), &app.name_any()));
        if let Some(executors) = entry.start() {
            return Answer::Start(executors);
        }
        let answer = entry.verdict.clone().map_or(Answer::Later, Answer::Wait);
        if !std::mem::replace(&mut entry.asks, true) {
            self.poke();
        }
        answer
    }

    /// How many stand in line.
    fn asking(&self) -> usize {
        self.memory().entries.values().filter(|entry| entry.asks).count()
    }

    /// Whether somebody waits, so that time alone may change something.
    fn waits_for_time(&self) -> bool {
        !self.memory().entries.is_empty()
    }

    /// It does not ask any more, or is gone: what was decided for it is void.
    pub fn leave(&self, uid: &str) {
        if self.memory().entries.remove(uid).is_some() {
            self.poke();
        }
    }

    /// What an admitted application may have; it wants `wanted` executors.
    pub fn allowance(&self, app: &SparkApplication, wanted: u32) -> Allowance {
        let mut memory = self.memory();
        let uid = app.metadata.uid.as_deref().unwrap_or_default();
        let recorded = on_record(app);
        let allowance = match memory.entries.get(uid) {
            Some(entry) => Allowance {
                executors: entry.given.unwrap_or(recorded),
                retired: entry.retired.clone(),
                evicted: entry.evicted.clone(),
            },
            None => Allowance { executors: recorded, ..Allowance::default() },
        };
        if wanted > allowance.executors {
            memory.entries.entry(uid.to_string()).or_default().wanted = Some(wanted);
            self.poke();
        } else if memory.entries.get_mut(uid).is_some_and(|entry| entry.content_with(wanted.max(recorded))) {
            self.poke();
        }
        allowance
    }

    /// The pods that a plan makes get the nodes that were found for them: answers which. Whoever makes thousands of pods asks
    /// once, since a round may be on.
    pub fn seat(&self, uid: &str, actions: &[Action]) -> Seats {
        let mut memory = self.memory();
        let Some(entry) = memory.entries.get_mut(uid) else { return Seats::default() };
        for action in actions {
            if let Action::CreateExecutor { index, .. } = action {
                entry.seat(*index);
            }
        }
        Seats { driver: entry.driver.clone(), executors: entry.seats.clone() }
    }
}

impl Memory {
    fn grant(&mut self, uid: &str, driver: Option<String>, nodes: Vec<Option<String>>, now: i64) {
        let entry = self.entries.entry(uid.to_string()).or_default();
        entry.grant = Some(Grant { executors: nodes.len() as u32, since: now, heard: false });
        entry.driver = driver;
        entry.seats.clear();
        entry.free_seats = nodes.into_iter().flatten().collect();
        (entry.verdict, entry.claim) = (None, None);
    }
}
