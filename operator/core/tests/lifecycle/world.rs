//! A cluster of one application, played: pods that are made, run, end, vanish; an operator that may be killed between any two
//! of its writes. Every write is held against the invariants as it is made.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use onager_core::{
    Action, Exit, Held, Phase, Plan, PodSeen, Role, Seen, Settings, SideKind, SideSeen, Trouble,
    lifecycle::{self, transitions},
};
use onager_crds::{RestartPolicy, RestartPolicyType, SparkApplication, SparkApplicationSpec, State};

use crate::common::{UID, made, name_of};

/// The driver's summary of a run that went well.
pub const SUMMARY: &str = r#"{"rows":1}"#;

/// Every step from one state to another that any world has taken.
pub static TAKEN: Mutex<BTreeSet<(State, State)>> = Mutex::new(BTreeSet::new());

/// What may happen.
#[derive(Clone, Debug)]
pub enum Step {
    /// The operator looks, and is killed after so many writes.
    Reconcile { writes: usize },
    /// The create that the operator was killed at is carried out all the same.
    Commits,
    /// The kubelet starts a pod.
    Runs(usize),
    /// A pod's main container ends; another of its containers may go on.
    Ends { pod: usize, well: bool, summary: bool, lingers: bool },
    /// The kubelet has no room for a pod after all.
    Refused(usize),
    /// Somebody deletes a pod.
    Deleted(usize),
    /// A deleted pod disappears.
    Gone(usize),
    /// A pod's node falls silent, or answers again.
    Node { pod: usize, ready: bool },
    /// An image cannot be pulled.
    Trouble(usize),
    /// There is room, or none.
    Room(bool),
    /// A quota is used up between admission and create.
    Quota,
    /// Creates are refused for a while, or not any more.
    Held(bool),
    /// What stands beside the pods is not there.
    SidesMissing(bool),
    /// Something stands beside the pods that the spec asked for, and does not any more.
    SideUnwanted,
    /// Time passes.
    Seconds(i64),
    /// The spec asks for another number of executors.
    Scale(i32),
    /// Dynamic allocation asks for a number of executors.
    Target(Option<u32>),
    /// The driver lets an executor go.
    Drained(u32),
    /// Others have a right to its room.
    Evicted,
    /// No node is found for a pod.
    Unschedulable(usize),
    /// The spec is edited in what its pods are made of.
    Edit,
    /// The spec is edited into one that cannot run, or back.
    Invalid(bool),
    /// The application is to be held, or not any more.
    Suspend(bool),
    /// The restart policy is edited.
    Policy(RestartPolicyType, Option<i32>),
}

/// The application, its pods, and what else there is.
pub struct World {
    pub app: SparkApplication,
    pub pods: Vec<PodSeen>,
    pub service: bool,
    pub room: bool,
    pub held: Option<Held>,
    pub sides_missing: bool,
    pub side_unwanted: bool,
    pub target: Option<u32>,
    pub drained: BTreeSet<u32>,
    pub evicted: bool,
    pub now: Timestamp,
    pub deleted: bool,
    pub in_flight: Option<Action>,
    made: HashSet<(u32, Role)>,
    serial: u32,
    version: u32,
    version_of_run: u32,
    settings: Settings,
}

impl World {
    pub fn new(keeps_executors: bool) -> Self {
        let spec: SparkApplicationSpec = serde_json::from_value(serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql", "timeToLiveSeconds": 500,
            "executor": {"instances": 3, "deleteOnTermination": !keeps_executors},
        }))
        .expect("spec");
        let mut app = SparkApplication::new("app", spec);
        app.metadata.uid = Some(UID.into());
        app.metadata.generation = Some(1);
        Self {
            app,
            pods: Vec::new(),
            service: false,
            room: true,
            held: None,
            sides_missing: false,
            side_unwanted: false,
            target: None,
            drained: BTreeSet::new(),
            evicted: false,
            now: Timestamp::UNIX_EPOCH,
            deleted: false,
            in_flight: None,
            made: HashSet::new(),
            serial: 0,
            version: 0,
            version_of_run: 0,
            settings: Settings::default(),
        }
    }

    pub fn seen(&self) -> Seen<'_> {
        let (drivers, executors): (Vec<&PodSeen>, Vec<&PodSeen>) =
            self.pods.iter().partition(|pod| pod.role == Role::Driver);
        let side = |kind, wanted| SideSeen {
            kind,
            name: "app-driver".into(),
            uid: format!("{kind:?}"),
            deleting: false,
            wanted,
        };
        let service = self.service.then(|| side(SideKind::Service, true));
        let budget = self.side_unwanted.then(|| side(SideKind::DisruptionBudget, false));
        Seen {
            app: &self.app,
            driver: drivers.first().map(|pod| (*pod).clone()),
            executors: executors.into_iter().cloned().collect(),
            sides: service.into_iter().chain(budget).collect(),
            sides_missing: self.sides_missing,
            target: self.target,
            drained: self.drained.clone(),
            held: self.held.clone(),
            refresh: true,
            shortage: (!self.room).then(|| Trouble { reason: "InsufficientResources".into(), message: "none".into() }),
            place: None,
            evicted: (self.evicted && self.state().is_admitted())
                .then(|| Trouble { reason: "Preempted".into(), message: "it gives way to other".into() }),
        }
    }

    pub fn plan(&self) -> Plan {
        lifecycle::plan(&self.seen(), &self.settings, self.now)
    }

    pub fn state(&self) -> State {
        self.app.status.as_ref().map(|status| status.application_state.state).unwrap_or_default()
    }

    pub fn reason(&self) -> String {
        self.app.status.as_ref().and_then(|status| status.application_state.reason.clone()).unwrap_or_default()
    }

    /// Carries out a plan, but for what comes after so many writes.
    pub fn carry_out(&mut self, plan: Plan, mut writes: usize) {
        if let Some(status) = plan.status {
            if writes == 0 {
                return;
            }
            writes -= 1;
            let (before, after) = (self.state(), status.application_state.state);
            assert!(transitions::is_allowed(before, after), "{before:?} -> {after:?} is not in the table");
            if before != after {
                TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert((before, after));
            }
            if matches!(before, State::PendingRerun | State::Invalidating | State::Resuming) && after.is_admitted() {
                assert!(self.pods.is_empty(), "pods of the last run are beside the next: {:?}", self.pods);
            }
            if after == State::Running {
                let mut drivers =
                    self.pods.iter().filter(|pod| pod.role == Role::Driver && pod.phase == Phase::Running);
                let of_this_run = drivers.all(|driver| driver.attempt >= status.admitted_attempt);
                assert!(of_this_run, "the driver of an earlier run is taken for that of this one");
            }
            if before.is_terminal() && self.version == self.version_of_run {
                let mut same = status.clone();
                same.observed_generation = self.app.status.as_ref().and_then(|status| status.observed_generation);
                assert!(self.app.status.as_ref() == Some(&same), "T: {before:?} was final: {status:?}");
            }
            if self.app.status.as_ref().and_then(|status| status.run_hash.as_ref()) != status.run_hash.as_ref() {
                self.version_of_run = self.version;
            }
            self.evicted &= after.is_admitted();
            self.app.status = Some(status);
        }
        let mut actions = plan.actions.into_iter();
        for action in actions.by_ref().take(writes) {
            self.act(action);
        }
        self.in_flight = actions.next();
    }

    /// What the API server carries out for an operator that does not hear of it any more: only names and UIDs hold it back.
    fn commit(&mut self) {
        let made = |action: &Action| matches!(action, Action::CreateDriver { .. } | Action::CreateExecutor { .. });
        if let Some(action) = self.in_flight.take().filter(made) {
            let (held, status) = (self.held.take(), self.app.status.clone());
            if let Some(status) = &mut self.app.status {
                status.application_state.state = State::Submitted;
            }
            self.act(action);
            (self.held, self.app.status) = (held, status);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::CreateDriver { attempt } => {
                self.service = true;
                self.create(Role::Driver, attempt);
            }
            Action::CreateExecutor { attempt, index } => {
                self.service = true;
                self.create(Role::Executor(index), attempt);
            }
            Action::DeletePod { name, uid } => {
                let found = self.pods.iter_mut().find(|pod| pod.name == name && pod.uid == uid);
                found.into_iter().for_each(|pod| (pod.deleting, pod.dismissed) = (true, !pod.ended()));
            }
            Action::CreateSides => {
                assert!(self.state().is_admitted(), "O: sides are made in {:?}", self.state());
                self.sides_missing = false;
            }
            Action::DeleteSide { kind: SideKind::Service, .. } => self.service = false,
            Action::DeleteSide { .. } => self.side_unwanted = false,
            Action::TellExecutorLost { .. } => {}
            Action::DeleteApplication => {
                assert!(self.state().is_terminal(), "a running application was deleted");
                self.deleted = true;
            }
        }
    }

    fn create(&mut self, role: Role, attempt: u32) {
        assert!(self.held.is_none(), "something was made while creates are held");
        if self.pods.iter().any(|pod| pod.name == name_of(role)) {
            return;
        }
        let status = self.app.status.as_ref().expect("nothing is made before a status is saved");
        assert!(status.application_state.state.is_admitted(), "T: {role:?} was made in {:?}", self.state());
        assert!(status.attempt >= attempt, "the attempt was not on record");
        if let Role::Executor(index) = role {
            assert!(
                status.executors.as_ref().is_some_and(|executors| executors.highest_index >= index),
                "the index was not on record"
            );
        }
        assert!(self.made.insert((attempt, role)), "X: {role:?} of attempt {attempt} was made twice");
        self.serial += 1;
        self.pods.push(made(role, attempt, format!("pod-{}", self.serial)));
        let drivers = self.pods.iter().filter(|pod| pod.role == Role::Driver && !pod.ended()).count();
        assert!(drivers <= 1, "D: two live drivers");
    }

    pub fn step(&mut self, step: Step) {
        let pods = self.pods.len();
        let pick = |pod: usize| (pods > 0).then(|| pod % pods);
        match step {
            Step::Reconcile { writes } => self.carry_out(self.plan(), writes),
            Step::Commits => self.commit(),
            Step::Runs(pod) => {
                if let Some(pod) = pick(pod).map(|at| &mut self.pods[at]).filter(|pod| pod.phase == Phase::Pending) {
                    pod.phase = Phase::Running;
                    pod.node = Some("node".into());
                    pod.trouble = None;
                }
            }
            Step::Ends { pod, well, summary, lingers } => {
                if let Some(pod) = pick(pod).map(|at| &mut self.pods[at]).filter(|pod| pod.phase == Phase::Running) {
                    pod.phase = if well { Phase::Succeeded } else { Phase::Failed };
                    let message = if summary { SUMMARY.to_string() } else { String::new() };
                    let at = Some(self.now);
                    pod.exit = Some(Exit { code: Some(i32::from(!well)), reason: "Error".into(), message, at });
                    pod.lingers = lingers;
                }
            }
            Step::Refused(pod) => {
                if let Some(pod) = pick(pod).map(|at| &mut self.pods[at]).filter(|pod| pod.phase == Phase::Pending) {
                    pod.phase = Phase::Failed;
                    pod.exit = Some(Exit { reason: "OutOfcpu".into(), ..Exit::default() });
                }
            }
            Step::Deleted(pod) => pick(pod).into_iter().for_each(|at| self.pods[at].deleting = true),
            Step::Gone(pod) => {
                if let Some(at) = pick(pod).filter(|at| self.pods[*at].deleting) {
                    self.pods.remove(at);
                }
            }
            Step::Node { pod, ready } => pick(pod).into_iter().for_each(|at| self.pods[at].node_ready = ready),
            Step::Trouble(pod) => {
                if let Some(pod) = pick(pod).map(|at| &mut self.pods[at]).filter(|pod| pod.phase == Phase::Pending) {
                    pod.trouble = Some(Trouble { reason: "ImagePullBackOff".into(), message: "no such image".into() });
                }
            }
            Step::Room(room) => self.room = room,
            Step::Quota => {
                if self.state().is_admitted() {
                    let plan = lifecycle::undo_admission(&self.seen(), &self.settings, "exceeded quota", self.now);
                    self.carry_out(plan, usize::MAX);
                }
            }
            Step::Held(held) => {
                let trouble = Trouble { reason: "QuotaExceeded".into(), message: "exceeded quota".into() };
                let pause = Held { left: Duration::from_secs(15), trouble: Some(trouble) };
                self.held = held.then_some(pause);
            }
            Step::SidesMissing(missing) => self.sides_missing = missing,
            Step::SideUnwanted => self.side_unwanted |= self.service,
            Step::Seconds(seconds) => self.now += SignedDuration::from_secs(seconds),
            Step::Scale(instances) => self.edit(|spec| spec.executor.instances = Some(instances)),
            Step::Target(target) => self.target = target,
            Step::Evicted => self.evicted = self.state().is_admitted(),
            Step::Unschedulable(pod) => {
                if let Some(pod) = pick(pod).map(|at| &mut self.pods[at]).filter(|pod| pod.phase == Phase::Pending) {
                    pod.trouble = Some(Trouble { reason: "Unschedulable".into(), message: "0 of 3 nodes".into() });
                }
            }
            Step::Drained(index) => drop(self.drained.insert(index)),
            Step::Edit => {
                self.version += 1;
                let file = format!("local:///{}.sql", self.version);
                self.edit(|spec| spec.main_application_file = Some(file));
            }
            Step::Invalid(invalid) => {
                self.version += 1;
                let memory = if invalid { "1".to_string() } else { format!("{}m", 512 + self.version) };
                self.edit(|spec| spec.driver.pod.memory_limit = Some(memory));
            }
            Step::Suspend(suspend) => self.edit(|spec| spec.suspend = Some(suspend)),
            Step::Policy(policy, retries) => self.edit(|spec| {
                spec.restart_policy = Some(RestartPolicy {
                    policy,
                    on_failure_retries: retries,
                    on_submission_failure_retries: retries,
                    ..RestartPolicy::default()
                });
            }),
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut SparkApplicationSpec)) {
        change(&mut self.app.spec);
        self.app.metadata.generation = self.app.metadata.generation.map(|generation| generation + 1);
    }
}
