//! What an application is held to at last, whatever happened to it: rest, an end, and nothing left behind.

use jiff::SignedDuration;
use onager_core::{Action, PodSeen, Role};
use onager_crds::{RestartPolicyType, State};

use super::world::{Step, World};

impl World {
    /// Nothing changes from outside: the operator comes to rest within a few steps, and then writes nothing.
    pub fn comes_to_rest(&mut self) {
        for _ in 0..10 {
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
    pub fn leaves_nothing(&self) {
        let keeps = self.app.spec.executor.delete_on_termination == Some(false);
        let termination = self.app.status.as_ref().and_then(|status| status.termination_time.as_ref());
        let has_time = termination.is_some_and(|at| self.now < at.0 + SignedDuration::from_secs(30));
        let stays = |pod: &PodSeen| match self.state() {
            State::Completed | State::Failed if pod.role == Role::Driver => pod.ended() && (!pod.lingers || has_time),
            State::Completed | State::Failed => keeps && ((pod.ended() && !pod.lingers) || has_time),
            State::Queued | State::Suspended | State::Suspending | State::Invalidating => false,
            State::Failing | State::Succeeding | State::SubmissionFailed | State::PendingRerun => false,
            _ => true,
        };
        let left: Vec<&PodSeen> = self.pods.iter().filter(|pod| !pod.deleting && !stays(pod)).collect();
        assert!(left.is_empty(), "O: left behind in {:?}: {left:?}", self.state());
        let has_none = self.state().is_terminal() || self.state() == State::Queued;
        assert!(!self.service || !has_none, "O: the Service is left behind in {:?}", self.state());
        let has_no_more = has_none || self.state() == State::Running;
        assert!(!self.side_unwanted || !has_no_more, "O: what is not asked for is left in {:?}", self.state());
    }

    /// From here on everything goes its way: pods start, end and vanish, there is room. The application gets to its end.
    pub fn ends_in_the_end(&mut self) {
        self.step(Step::Held(false));
        self.step(Step::Room(true));
        self.step(Step::Target(None));
        self.step(Step::Policy(RestartPolicyType::Never, None));
        for round in 0..60 {
            self.pods.iter_mut().for_each(|pod| pod.node_ready = true);
            self.pods.retain(|pod| !pod.deleting);
            for pod in 0..self.pods.len() {
                if self.pods[pod].role == Role::Driver {
                    self.step(Step::Ends { pod, well: true, summary: true, lingers: false });
                }
                self.step(Step::Runs(pod));
            }
            self.step(Step::Reconcile { writes: usize::MAX });
            // With suspension the end is to be held.
            if self.deleted || self.state().is_terminal() || (self.state() == State::Suspended && round > 5) {
                return;
            }
            self.step(Step::Seconds(10));
        }
        panic!("it is stuck in {:?}: {:?}", self.state(), self.app.status);
    }

    /// From here on no pod ever goes: the application says so, and waits for nothing that does not come.
    pub fn says_that_pods_remain(&mut self) {
        self.step(Step::Held(false));
        self.step(Step::Room(true));
        for _ in 0..8 {
            // The control plane deletes pods from nodes that do not answer.
            self.pods.iter_mut().filter(|pod| !pod.node_ready).for_each(|pod| pod.deleting = true);
            self.step(Step::Seconds(3_600));
            self.comes_to_rest();
        }
        if !self.pods.iter().any(|pod| pod.deleting) {
            return;
        }
        let rests = matches!(self.state(), State::Suspending | State::Queued | State::Running);
        assert!(self.deleted || self.state().is_terminal() || rests, "it waits for ever in {:?}", self.state());
        assert!(
            !self.reason().is_empty() || !rests || self.state() == State::Running,
            "{:?} without a reason",
            self.state()
        );
    }
}
