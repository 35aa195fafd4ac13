//! A schedule, played: time passes, clocks go back, runs end or are deleted, specs change, the operator is away or killed between
//! any two writes, two work at once. What it promises is checked here too.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_core::{
    Held, Trouble,
    schedule::{self, Action, Plan, Progress, RunSeen, Seen},
};
use onager_crds::{ConcurrencyPolicy, ScheduleState, ScheduledSparkApplication, ScheduledSparkApplicationSpec};

pub const START: i64 = 1_790_000_000;

/// What may happen.
#[derive(Clone, Debug)]
pub enum Step {
    /// The operator looks, and is killed after so many writes.
    Reconcile {
        writes: usize,
    },
    /// One that still believes to lead decides on what it saw so many versions ago.
    Stale {
        versions: usize,
    },
    /// The create that the operator was killed at is carried out all the same.
    Commits,
    /// Time passes.
    Seconds(i64),
    /// The operator is away for hours.
    Away(i64),
    /// The clock is set back.
    Back(i64),
    /// A run ends.
    Ends {
        run: usize,
        well: bool,
    },
    /// Somebody deletes a run.
    Deleted(usize),
    /// A deleted run disappears; its driver works on for a while.
    Gone(usize),
    /// A driver of a run that is gone ends.
    DriverGone(usize),
    /// The spec changes.
    Schedule(&'static str),
    Suspend(bool),
    History(i32),
    Deadline(Option<i64>),
    /// Creates are refused for a while, or not any more.
    Held(bool),
    /// The API server will never take the run.
    Refused,
}

#[derive(Clone)]
pub struct World {
    pub object: ScheduledSparkApplication,
    /// Earlier versions of the object, with the runs as they were seen then.
    pub past: Vec<(ScheduledSparkApplication, Vec<RunSeen>)>,
    pub version: usize,
    pub runs: Vec<RunSeen>,
    pub driving: Vec<String>,
    pub held: Option<Held>,
    pub now: Timestamp,
    /// Every run that ever was.
    pub made: HashSet<String>,
    pub in_flight: Option<Action>,
    pub serial: u32,
}

impl World {
    pub fn new(schedule: &str, policy: ConcurrencyPolicy) -> Self {
        let spec: ScheduledSparkApplicationSpec = serde_json::from_value(serde_json::json!({
            "schedule": schedule, "concurrencyPolicy": policy, "template": {"type": "SQL", "mainApplicationFile": "local:///a.sql"},
        }))
        .expect("spec");
        let mut object = ScheduledSparkApplication::new("nightly", spec);
        let now = Timestamp::from_second(START).expect("time");
        object.metadata.creation_timestamp = Some(Time(now));
        object.metadata.generation = Some(1);
        Self {
            object,
            past: Vec::new(),
            version: 0,
            runs: Vec::new(),
            driving: Vec::new(),
            held: None,
            now,
            made: HashSet::new(),
            in_flight: None,
            serial: 0,
        }
    }

    pub fn plan_of(&self, object: &ScheduledSparkApplication, runs: &[RunSeen]) -> Plan {
        let seen =
            Seen { schedule: object, runs: runs.to_vec(), driving: self.driving.clone(), held: self.held.clone() };
        schedule::plan(&seen, self.now)
    }

    pub fn plan(&self) -> Plan {
        self.plan_of(&self.object, &self.runs)
    }

    pub fn starting(&self) -> Option<&String> {
        self.object.status.as_ref()?.starting_run_name.as_ref()
    }

    pub fn save(&mut self, plan: &Plan) {
        if let Some(status) = &plan.status {
            self.past.push((self.object.clone(), self.runs.clone()));
            self.object.status = Some(status.clone());
            self.version += 1;
            let (good, bad) = self.object.spec.history();
            assert!(status.past_successful_run_names.len() <= good && status.past_failed_run_names.len() <= bad);
        }
    }

    pub fn carry_out(&mut self, plan: Plan, mut writes: usize) {
        if plan.status.is_some() {
            if writes == 0 {
                return;
            }
            writes -= 1;
            self.save(&plan);
        }
        let mut actions = plan.actions.into_iter();
        for action in actions.by_ref().take(writes) {
            self.act(action);
        }
        self.in_flight = actions.next();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::CreateRun { name, due } => self.create(name, due),
            Action::DeleteRun { name, uid } => {
                let found = self.runs.iter_mut().find(|run| run.name == name && run.uid == uid);
                found.into_iter().for_each(|run| run.deleting = true);
            }
        }
    }

    fn create(&mut self, name: String, due: Timestamp) {
        if self.runs.iter().any(|run| run.name == name) {
            return;
        }
        assert!(self.made.insert(name.clone()), "{name} was made twice");
        assert_eq!(schedule::of_run(&name), Some(("nightly", due)));
        assert_eq!(self.starting(), Some(&name), "what is made is on record");
        if self.object.spec.concurrency_policy != ConcurrencyPolicy::Allow {
            let active = self.runs.iter().filter(|run| run.progress == Progress::Active).count();
            assert!(active == 0 && self.driving.is_empty(), "two at once: {:?} {:?}", self.runs, self.driving);
        }
        self.serial += 1;
        let uid = format!("run-{}", self.serial);
        self.driving.push(name.clone());
        self.runs.push(RunSeen { name, uid, created: self.now, progress: Progress::Active, deleting: false });
    }

    pub fn step(&mut self, step: Step) {
        let runs = self.runs.len();
        let pick = |run: usize| (runs > 0).then(|| run % runs);
        match step {
            Step::Reconcile { writes } => self.carry_out(self.plan(), writes),
            Step::Stale { versions } => {
                let Some(at) = self.past.len().checked_sub(versions + 1) else { return };
                let (object, seen) = self.past[at].clone();
                let plan = self.plan_of(&object, &seen);
                // Its status is refused, since the version has changed; what needs no status goes on.
                if plan.status.is_none() {
                    plan.actions
                        .into_iter()
                        .filter(|action| matches!(action, Action::DeleteRun { .. }))
                        .for_each(|action| self.act(action));
                }
            }
            Step::Commits => {
                // The API server gives a request up long before a run has come and gone.
                if let Some(Action::CreateRun { name, due }) = self.in_flight.take()
                    && self.starting() == Some(&name)
                {
                    self.create(name, due);
                }
            }
            Step::Seconds(seconds) | Step::Away(seconds) => self.now += SignedDuration::from_secs(seconds),
            Step::Back(seconds) => self.now -= SignedDuration::from_secs(seconds),
            Step::Ends { run, well } => {
                if let Some(run) = pick(run).map(|at| &mut self.runs[at]).filter(|run| run.progress == Progress::Active)
                {
                    run.progress = if well { Progress::Succeeded } else { Progress::Failed };
                    self.driving.retain(|name| *name != run.name);
                }
            }
            Step::Deleted(run) => pick(run).into_iter().for_each(|at| self.runs[at].deleting = true),
            Step::Gone(run) => {
                // One that vanishes before it was seen cannot be told from one that was never made.
                let seen = |at: &usize| self.starting() != Some(&self.runs[*at].name);
                if let Some(at) = pick(run).filter(|at| self.runs[*at].deleting).filter(seen) {
                    self.runs.remove(at);
                }
            }
            Step::DriverGone(at) => {
                let names: HashSet<&String> = self.runs.iter().map(|run| &run.name).collect();
                let mut orphans: Vec<String> =
                    self.driving.iter().filter(|name| !names.contains(name)).cloned().collect();
                if !orphans.is_empty() {
                    let gone = orphans.swap_remove(at % orphans.len());
                    self.driving.retain(|name| *name != gone);
                }
            }
            Step::Schedule(text) => self.edit(|spec| spec.schedule = text.into()),
            Step::Suspend(suspend) => self.edit(|spec| spec.suspend = Some(suspend)),
            Step::History(limit) => self.edit(|spec| {
                spec.successful_run_history_limit = Some(limit);
                spec.failed_run_history_limit = Some(limit / 2);
            }),
            Step::Deadline(limit) => self.edit(|spec| spec.starting_deadline_seconds = limit),
            Step::Held(held) => {
                let trouble = Trouble { reason: "Forbidden".into(), message: "not now".into() };
                let pause = Held { left: std::time::Duration::from_secs(15), trouble: Some(trouble) };
                self.held = held.then_some(pause);
            }
            Step::Refused => {
                let seen = Seen {
                    schedule: &self.object,
                    runs: self.runs.clone(),
                    driving: self.driving.clone(),
                    held: self.held.clone(),
                };
                let made = seen.runs.iter().any(|run| self.starting() == Some(&run.name));
                if self.starting().is_some() && !made {
                    let plan = schedule::reject(&seen, "spec.template: no", self.now);
                    self.in_flight = None;
                    self.carry_out(plan, usize::MAX);
                }
            }
        }
    }

    pub fn edit(&mut self, change: impl FnOnce(&mut ScheduledSparkApplicationSpec)) {
        self.past.push((self.object.clone(), self.runs.clone()));
        change(&mut self.object.spec);
        self.object.metadata.generation = self.object.metadata.generation.map(|generation| generation + 1);
        self.version += 1;
    }

    /// Time stands still: the operator comes to rest within a few steps, and then writes nothing.
    pub fn comes_to_rest(&mut self) {
        for _ in 0..6 {
            let plan = self.plan();
            if plan.is_quiet() {
                return;
            }
            self.carry_out(plan, usize::MAX);
        }
        panic!("still writing: {:?}", self.plan());
    }

    /// Once everything has come to rest, what has ended is bounded, and who may run has a time to run at.
    pub fn keeps_its_promises(&self) {
        let (good, bad) = self.object.spec.history();
        for (progress, limit) in [(Progress::Succeeded, good), (Progress::Failed, bad)] {
            let kept = self.runs.iter().filter(|run| run.progress == progress && !run.deleting).count();
            assert!(kept <= limit, "{kept} runs are kept, {limit} may be");
        }
        let status = self.object.status.as_ref().expect("status");
        assert_eq!(status.observed_generation, self.object.metadata.generation);
        match status.schedule_state {
            ScheduleState::Scheduled if self.object.spec.is_suspended() => assert_eq!(status.next_run, None),
            ScheduleState::Scheduled => assert!(status.next_run.is_some()),
            state => assert!(state == ScheduleState::FailedValidation && status.reason.is_some(), "{state:?}"),
        }
    }

    pub fn live(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += SignedDuration::from_secs(1);
            self.comes_to_rest();
        }
    }

    pub fn names(&self) -> Vec<i64> {
        let due = |name: &String| schedule::of_run(name).map(|(_, due)| due.as_second() - START);
        let mut due: Vec<i64> = self.made.iter().filter_map(due).collect();
        due.sort_unstable();
        due
    }
}
