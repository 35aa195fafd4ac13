//! Whatever happens in whatever order (pods start, end, vanish; nodes fall silent; the operator is killed between any two
//! writes), the invariants of the life cycle hold: D, X, O, T and S of docs/ARCHITECTURE.md.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use onager_core::{
    Action, Exit, Held, Phase, Plan, PodSeen, Role, Seen, Settings, SideKind, SideSeen, Trouble, lifecycle,
};
use onager_crds::{SparkApplication, SparkApplicationSpec, State};
use proptest::prelude::*;

const UID: &str = "app-uid";

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// The operator looks, and is killed after so many writes.
    Reconcile { writes: usize },
    /// The create that the operator was killed at is carried out all the same.
    Commits,
    /// The kubelet starts a pod.
    Runs(usize),
    /// A pod's containers end.
    Ends { pod: usize, well: bool, summary: bool },
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
    /// Time passes.
    Seconds(i64),
    /// The spec asks for another number of executors.
    Scale(i32),
}

fn service() -> SideSeen {
    SideSeen { kind: SideKind::Service, name: "app-driver".into(), uid: "service".into(), deleting: false }
}

struct World {
    app: SparkApplication,
    pods: Vec<PodSeen>,
    service: bool,
    room: bool,
    held: Option<Held>,
    now: Timestamp,
    made: HashSet<(u32, Role)>,
    serial: u32,
    in_flight: Option<Action>,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let spec: SparkApplicationSpec = serde_json::from_value(serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql", "executor": {"instances": 3}, "timeToLiveSeconds": 500,
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
            now: Timestamp::UNIX_EPOCH,
            made: HashSet::new(),
            serial: 0,
            in_flight: None,
            settings: Settings::default(),
        }
    }

    fn seen(&self) -> Seen<'_> {
        let (drivers, executors): (Vec<&PodSeen>, Vec<&PodSeen>) =
            self.pods.iter().partition(|pod| pod.role == Role::Driver);
        Seen {
            app: &self.app,
            driver: drivers.first().map(|pod| (*pod).clone()),
            executors: executors.into_iter().cloned().collect(),
            sides: self.service.then(service).into_iter().collect(),
            sides_missing: false,
            target: None,
            drained: BTreeSet::new(),
            held: self.held.clone(),
            refresh: true,
            shortage: (!self.room).then(|| Trouble { reason: "InsufficientResources".into(), message: "none".into() }),
        }
    }

    fn plan(&self) -> Plan {
        lifecycle::plan(&self.seen(), &self.settings, self.now)
    }

    fn state(&self) -> State {
        self.app.status.as_ref().map(|status| status.application_state.state).unwrap_or_default()
    }

    /// Carries out a plan, but for what comes after so many writes.
    fn carry_out(&mut self, plan: Plan, mut writes: usize) {
        if let Some(status) = plan.status {
            if writes == 0 {
                return;
            }
            writes -= 1;
            let before = self.state();
            assert!(!before.is_terminal() || self.app.status.as_ref() == Some(&status), "T: {before:?} was final");
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
                found.into_iter().for_each(|pod| pod.deleting = true);
            }
            Action::CreateSides => {}
            Action::DeleteSide { .. } => self.service = false,
            Action::TellExecutorLost { .. } => {}
            Action::DeleteApplication => assert!(self.state().is_terminal(), "a running application was deleted"),
        }
    }

    fn create(&mut self, role: Role, attempt: u32) {
        assert!(self.held.is_none(), "something was made while creates are held");
        let name = match role {
            Role::Driver => lifecycle::driver_name("app"),
            Role::Executor(index) => lifecycle::executor_name("app", index),
        };
        if self.pods.iter().any(|pod| pod.name == name) {
            return;
        }
        let status = self.app.status.as_ref().expect("nothing is made before a status is saved");
        assert!(!status.application_state.state.is_terminal(), "T: {role:?} was made after the end");
        assert!(status.submission_attempts >= attempt, "the attempt was not on record");
        if let Role::Executor(index) = role {
            assert!(
                status.executors.as_ref().is_some_and(|executors| executors.highest_index >= index),
                "the index was not on record"
            );
        }
        assert!(self.made.insert((attempt, role)), "X: {role:?} of attempt {attempt} was made twice");
        self.serial += 1;
        self.pods.push(PodSeen {
            role,
            name,
            uid: format!("pod-{}", self.serial),
            owner: Some(UID.into()),
            attempt,
            phase: Phase::Pending,
            deleting: false,
            node_ready: true,
            node: None,
            trouble: None,
            exit: None,
        });
        let drivers = self.pods.iter().filter(|pod| pod.role == Role::Driver && !pod.ended()).count();
        assert!(drivers <= 1, "D: two live drivers");
    }

    fn step(&mut self, step: Step) {
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
            Step::Ends { pod, well, summary } => {
                if let Some(pod) = pick(pod).map(|at| &mut self.pods[at]).filter(|pod| pod.phase == Phase::Running) {
                    pod.phase = if well { Phase::Succeeded } else { Phase::Failed };
                    let message = if summary { r#"{"rows":1}"#.to_string() } else { String::new() };
                    pod.exit = Some(Exit {
                        code: Some(i32::from(!well)),
                        reason: "Error".into(),
                        message,
                        at: Some(self.now),
                    });
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
                if self.state() == State::Submitted {
                    let plan = lifecycle::undo_admission(&self.seen(), &self.settings, "exceeded quota", self.now);
                    self.carry_out(plan, usize::MAX);
                }
            }
            Step::Held(held) => {
                let trouble = Trouble { reason: "QuotaExceeded".into(), message: "exceeded quota".into() };
                let pause = Held { left: Duration::from_secs(15), trouble: Some(trouble) };
                self.held = held.then_some(pause);
            }
            Step::Seconds(seconds) => self.now += SignedDuration::from_secs(seconds),
            Step::Scale(instances) => self.app.spec.executor.instances = Some(instances),
        }
    }

    /// Nothing changes from outside: the operator comes to rest within a few steps, and then writes nothing.
    fn comes_to_rest(&mut self) {
        for _ in 0..6 {
            let plan = self.plan();
            let only_deletes_itself = plan.actions == [Action::DeleteApplication];
            if plan.is_quiet() || only_deletes_itself {
                return;
            }
            self.carry_out(plan, usize::MAX);
        }
        panic!("S: still writing: {:?}", self.plan());
    }

    /// After the end nothing works any more, and nothing but ended pods stays.
    fn leaves_nothing(&self) {
        if self.state() == State::Queued {
            let left: Vec<&PodSeen> = self.pods.iter().filter(|pod| !pod.deleting).collect();
            assert!(left.is_empty(), "G: a part of an undone gang stays: {left:?}");
        }
        if self.state().is_terminal() {
            let stays = |pod: &PodSeen| pod.role == Role::Driver && pod.ended();
            let left: Vec<&PodSeen> = self.pods.iter().filter(|pod| !pod.deleting && !stays(pod)).collect();
            assert!(left.is_empty() && !self.service, "O: left behind: {left:?}");
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pod = 0..8_usize;
    let step = prop_oneof![
        6 => (0..9_usize).prop_map(|writes| Step::Reconcile { writes }),
        4 => Just(Step::Reconcile { writes: usize::MAX }),
        2 => Just(Step::Commits),
        6 => pod.clone().prop_map(Step::Runs),
        2 => (pod.clone(), any::<bool>(), any::<bool>()).prop_map(|(pod, well, summary)| Step::Ends { pod, well, summary }),
        1 => pod.clone().prop_map(Step::Deleted),
        2 => pod.clone().prop_map(Step::Gone),
        1 => (pod.clone(), any::<bool>()).prop_map(|(pod, ready)| Step::Node { pod, ready }),
        1 => pod.prop_map(Step::Trouble),
        1 => any::<bool>().prop_map(Step::Room),
        1 => Just(Step::Quota),
        1 => any::<bool>().prop_map(Step::Held),
        1 => (1..200_i64).prop_map(Step::Seconds),
        1 => (1..5_i32).prop_map(Step::Scale),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_in_any_order_of_events(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.comes_to_rest();
        world.leaves_nothing();
    }
}

#[test]
fn without_faults_an_application_completes() {
    let mut world = World::new();
    world.step(Step::Reconcile { writes: usize::MAX });
    assert_eq!((world.state(), world.pods.len()), (State::Submitted, 4));
    for pod in 0..4 {
        world.step(Step::Runs(pod));
    }
    world.comes_to_rest();
    assert_eq!(world.state(), State::Running);
    world.step(Step::Ends { pod: 0, well: true, summary: true });
    world.comes_to_rest();
    assert_eq!(world.state(), State::Completed);
    world.leaves_nothing();
    assert!(!world.pods[0].deleting, "the log of a driver that ended stays");
    let status = world.app.status.expect("status");
    assert!(status.conditions.iter().any(|condition| condition.type_ == "Succeeded" && condition.status == "True"));
    assert_eq!(status.summary.expect("summary").rows, 1);
}

#[test]
fn a_driver_whose_create_was_answered_late_is_the_driver() {
    let mut world = World::new();
    // The status and nothing else: the operator is killed at the create of the driver.
    world.step(Step::Reconcile { writes: 1 });
    let late = world.in_flight.take();
    world.step(Step::Reconcile { writes: 1 });
    world.in_flight = late;
    world.step(Step::Commits);
    world.comes_to_rest();
    let drivers: Vec<(u32, bool)> =
        world.pods.iter().filter(|pod| pod.role == Role::Driver).map(|pod| (pod.attempt, pod.deleting)).collect();
    assert_eq!(drivers, [(1, false)]);
    assert_eq!(world.pods.iter().filter(|pod| pod.is_live()).count(), 4);
}
