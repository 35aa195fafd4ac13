//! Plays a scenario: applications arrive, run for as long as they are said to, and give way, and each time the same cycle
//! decides that decides in a cluster. Time is what the events say; nothing here waits.

use std::collections::BTreeMap;

use super::{
    App, Decision, Name, Outcome, QueueSpec, Snapshot, Stage, cycle,
    ground::{Ground, View},
    quota::NamespaceQuota,
};

/// How many cycles there are at one moment at the most. Each takes from queues that have more than they deserve, so few follow one
/// another; this is never reached unless the policy itself is broken.
const MOST_CYCLES: usize = 1000;

/// An application and its course.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// It, as it waits or, with its pods, runs at the beginning.
    pub app: App,
    /// When it comes, in milliseconds.
    pub arrives: i64,
    /// How long it runs once it is admitted, in milliseconds; `None` is for ever.
    pub runs: Option<i64>,
}

/// What somebody changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A queue is like this from now on.
    Queue(Name, QueueSpec),
    /// A quota of a namespace is like this from now on.
    Quota(String, NamespaceQuota),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A gang started.
    Admitted,
    /// It has another number of executors.
    Resized,
    /// It gave way, or was lost with a node, and waits again.
    Evicted,
    /// It waits, for another reason than before.
    Waiting,
    /// It ended.
    Completed,
}

impl EventKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Resized => "resized",
            Self::Evicted => "evicted",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds.
    pub at: i64,
    /// What.
    pub kind: EventKind,
    /// To which application.
    pub app: usize,
    /// How many executors it has now.
    pub executors: u32,
    /// How many of its pods are on which node now, the driver included.
    pub nodes: BTreeMap<usize, u32>,
    /// Why, if there is more to say.
    pub reason: String,
}

/// What is to come, in the order in which it comes at one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Coming {
    /// Pods that were to go are gone.
    Gone(usize),
    /// The run of this number ends.
    Ends(usize, u32),
    /// A node is lost.
    Lost(usize),
    /// Somebody changes something.
    Changes(usize),
    /// An application comes.
    Arrives(usize),
}

/// A scenario under way.
pub struct Player {
    /// Everything as it is now.
    pub snapshot: Snapshot,
    /// The time, in milliseconds.
    pub now: i64,
    /// What the last cycle said.
    pub outcome: Outcome,
    /// How many cycles the last moment took.
    pub cycles: usize,
    /// How long pods take to go, in milliseconds.
    grace: i64,
    runs: Vec<Option<i64>>,
    /// How often each application was admitted.
    admissions: Vec<u32>,
    told: Vec<&'static str>,
    changes: Vec<Change>,
    coming: BTreeMap<(i64, Coming), ()>,
}

impl Player {
    /// Begins with a snapshot without applications; those of `jobs` that have pods run from the beginning.
    pub fn new(mut snapshot: Snapshot, jobs: Vec<Job>, grace: i64) -> Self {
        let start = jobs.iter().map(|job| job.arrives).min().unwrap_or(0);
        let mut coming = BTreeMap::new();
        let mut runs = Vec::new();
        for (number, job) in jobs.into_iter().enumerate() {
            let mut app = job.app;
            if let Stage::Admitted { .. } = app.stage {
                if let Some(runs) = job.runs {
                    coming.insert((start + runs, Coming::Ends(number, 1)), ());
                }
            } else {
                app.stage = Stage::Ended;
                coming.insert((job.arrives, Coming::Arrives(number)), ());
            }
            snapshot.apps.push(app);
            runs.push(job.runs);
        }
        let count = snapshot.apps.len();
        let admissions = snapshot.apps.iter().map(|app| u32::from(app.stage != Stage::Ended)).collect();
        Self {
            snapshot,
            now: start,
            outcome: Outcome::default(),
            cycles: 0,
            grace,
            runs,
            admissions,
            told: vec![""; count],
            changes: Vec::new(),
            coming,
        }
    }

    /// A node is lost at a time, with the pods on it.
    pub fn lose(&mut self, node: usize, at: i64) {
        self.coming.insert((at.max(self.now), Coming::Lost(node)), ());
    }

    /// Somebody changes something at a time.
    pub fn change(&mut self, change: Change, at: i64) {
        self.coming.insert((at.max(self.now), Coming::Changes(self.changes.len())), ());
        self.changes.push(change);
    }

    /// When something happens next.
    pub fn next(&self) -> Option<i64> {
        self.coming.keys().next().map(|(at, _)| *at)
    }

    /// Plays the next moment at which something happens; `None` when nothing will.
    pub fn step(&mut self) -> Option<Vec<Event>> {
        let at = self.next()?;
        let mut events = self.come_to(at);
        self.cycles = self.decide(&mut events);
        Some(events)
    }

    /// Has everything happen that comes until a time, and decides nothing.
    pub fn come_to(&mut self, at: i64) -> Vec<Event> {
        self.now = at;
        let mut events = Vec::new();
        while let Some(((at, coming), ())) = self.coming.pop_first() {
            if at > self.now {
                self.coming.insert((at, coming), ());
                break;
            }
            self.come(coming, &mut events);
        }
        events
    }

    /// Has cycles decide until nothing is left to decide at this moment; answers how many there were.
    pub fn decide(&mut self, events: &mut Vec<Event>) -> usize {
        let mut cycles = 1;
        while self.decide_once(events) && cycles < MOST_CYCLES {
            cycles += 1;
        }
        for why in self.outcome.waiting.clone() {
            let reason = self.outcome.blocks[why.block].reason();
            if self.told[why.app] != reason {
                self.told[why.app] = reason;
                let message = self.outcome.message(&why, &self.snapshot.kinds);
                let text = format!("{reason}: {message} (position {} in line)", why.position);
                events.push(self.event(EventKind::Waiting, why.app, text));
            }
        }
        cycles
    }

    /// One cycle, and what it decides; whether the next may decide more.
    pub fn decide_once(&mut self, events: &mut Vec<Event>) -> bool {
        self.outcome = cycle(&self.snapshot, self.now);
        let decisions = self.outcome.hand_on(&mut self.snapshot);
        decisions.iter().for_each(|decision| self.follow(decision, events));
        self.outcome.goes_on
    }

    /// Does what was decided.
    fn follow(&mut self, decision: &Decision, events: &mut Vec<Event>) {
        decision.apply(&mut self.snapshot, self.now);
        let number = decision.app();
        let beneficiary = |other: usize| format!("gives way to {}", self.snapshot.apps[other].name);
        match decision {
            Decision::Admit { .. } => {
                self.told[number] = "";
                self.admissions[number] += 1;
                if let Some(runs) = self.runs[number] {
                    self.coming.insert((self.now + runs, Coming::Ends(number, self.admissions[number])), ());
                }
                events.push(self.event(EventKind::Admitted, number, String::new()));
            }
            Decision::Grow { .. } => events.push(self.event(EventKind::Resized, number, "room is free".into())),
            Decision::Shrink { beneficiary: other, .. } => {
                let reason = beneficiary(*other);
                events.push(self.event(EventKind::Resized, number, reason));
            }
            Decision::Evict { beneficiary: other, .. } => {
                let reason = beneficiary(*other);
                events.push(self.event(EventKind::Evicted, number, reason));
            }
        }
        self.release(number);
    }

    /// Pods that are to go are gone after their grace period.
    fn release(&mut self, number: usize) {
        let pods = &mut self.snapshot.apps[number].pods;
        if !pods.any_leaving() {
            return;
        }
        if self.grace == 0 {
            pods.gone();
        } else {
            self.coming.insert((self.now + self.grace, Coming::Gone(number)), ());
        }
    }

    fn come(&mut self, coming: Coming, events: &mut Vec<Event>) {
        match coming {
            Coming::Arrives(number) => self.snapshot.apps[number].stage = Stage::Waiting,
            Coming::Gone(number) => self.snapshot.apps[number].pods.gone(),
            Coming::Ends(number, run) => {
                let app = &mut self.snapshot.apps[number];
                if self.admissions[number] == run && app.stage != Stage::Waiting {
                    app.stage = Stage::Ended;
                    app.pods = Default::default();
                    events.push(self.event(EventKind::Completed, number, String::new()));
                }
            }
            Coming::Lost(node) => self.lost(node, events),
            Coming::Changes(number) => match self.changes[number].clone() {
                Change::Queue(name, spec) => drop(self.snapshot.queues.insert(name, spec)),
                Change::Quota(namespace, quota) => {
                    let quotas = self.snapshot.quotas.entry(namespace).or_default();
                    quotas.retain(|other| other.name != quota.name);
                    quotas.push(quota);
                }
            },
        }
    }

    fn lost(&mut self, node: usize, events: &mut Vec<Event>) {
        self.snapshot.nodes[node].node.usable = false;
        for number in 0..self.snapshot.apps.len() {
            let app = &mut self.snapshot.apps[number];
            let driver = app.pods.driver == Some(node);
            let executors = app.pods.executors.remove(&node).is_some();
            app.pods.leaving.remove(&node);
            app.pods.leaving_driver = app.pods.leaving_driver.filter(|home| *home != node);
            if driver {
                app.pods.driver = None;
                app.pods.leave();
                app.stage = Stage::Waiting;
            }
            let what = if driver { EventKind::Evicted } else { EventKind::Resized };
            if driver || executors {
                let reason = format!("node {} is lost", self.snapshot.nodes[node].node.name);
                events.push(self.event(what, number, reason));
                self.release(number);
            }
        }
    }

    fn event(&self, kind: EventKind, number: usize, reason: String) -> Event {
        let pods = &self.snapshot.apps[number].pods;
        let mut nodes = pods.executors.clone();
        if let Some(driver) = pods.driver {
            *nodes.entry(driver).or_default() += 1;
        }
        Event { at: self.now, kind, app: number, executors: pods.staying(), nodes, reason }
    }
}

/// Gives those that are said to run from the beginning a place: all gangs first, then what more they want as far as there is
/// room.
///
/// # Errors
/// The number of one whose gang has no place.
pub fn seat(snapshot: &Snapshot, jobs: &mut [Job]) -> Result<(), usize> {
    let both = &[View::Now, View::Soon];
    let mut ground = Ground::new(&snapshot.shapes, &snapshot.nodes);
    let seated = |job: &&mut Job| job.app.stage != Stage::Waiting;
    for (number, job) in jobs.iter_mut().enumerate().filter(|(_, job)| seated(job)) {
        let app = &mut job.app;
        let placement = ground.place(app.driver, app.executor, app.minimum, View::Now).ok_or(number)?;
        ground.take(app.driver, placement.driver, 1, both);
        placement.executors.iter().for_each(|(node, count)| ground.take(app.executor, *node, *count, both));
        app.pods.place(&placement);
    }
    for app in jobs.iter_mut().filter(seated).map(|job| &mut job.app) {
        while app.pods.staying() < app.wanted {
            let Some(node) = ground.one(app.executor, View::Now) else { break };
            ground.take(app.executor, node, 1, both);
            app.pods.grow(&[(node, 1)]);
        }
    }
    Ok(())
}
