//! What is to be done about a schedule now.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_crds::{ConcurrencyPolicy, ScheduleState, ScheduledSparkApplication, ScheduledSparkApplicationStatus};

use super::{
    Action, Fault, Plan, Schedule, history,
    names::{of_run, run_name},
    seen::{Progress, Seen},
};
use crate::{
    conditions,
    plan::{Event, EventKind},
};

/// The one condition of a schedule.
const SCHEDULED: &str = "Scheduled";
/// Its reason while runs start at their times.
const IN_TIME: (&str, &str) = ("Scheduled", "runs start at their times");
/// Its reason when the run that was due last is not made.
const SKIPPED: &str = "RunSkipped";
/// No timer is longer: a clock that was set is noticed by then.
const LONGEST_TIMER: Duration = Duration::from_secs(300);
/// How often a run that waits for the end of another is looked at, if nothing else wakes it.
const WAIT: Duration = Duration::from_secs(15);

/// What is to be done about a schedule now.
pub fn plan(seen: &Seen<'_>, now: Timestamp) -> Plan {
    let object = seen.schedule;
    if object.metadata.deletion_timestamp.is_some() {
        // The garbage collector takes the runs.
        return Plan::default();
    }
    let mut draft = Draft::new(seen, now);
    draft.confirm();
    draft.actions = history::settle(&mut draft.status, seen);
    match read(object) {
        Err(fault) => draft.refuse(&fault),
        Ok(_) if object.spec.is_suspended() => draft.suspend(),
        Ok(schedule) => draft.follow(&schedule),
    }
    draft.finish()
}

/// The API server will never take the run that is due, as the template is: the next one is awaited.
pub fn reject(seen: &Seen<'_>, refusal: &str, now: Timestamp) -> Plan {
    let object = seen.schedule;
    let mut draft = Draft::new(seen, now);
    draft.actions = history::settle(&mut draft.status, seen);
    if let (Ok(schedule), Some(due)) = (read(object), draft.status.next_run.clone()) {
        let message = format!("the run of {} was skipped: it was refused: {refusal}", due.0);
        draft.skip(&message, EventKind::Warning, schedule.next_after(now));
    }
    draft.finish()
}

fn read(object: &ScheduledSparkApplication) -> Result<Schedule, Fault> {
    let anchor = object.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |created| created.0);
    Schedule::read(&object.spec.schedule, object.spec.time_zone.as_deref(), anchor)
}

/// A plan in the making.
struct Draft<'a> {
    seen: &'a Seen<'a>,
    now: Timestamp,
    status: ScheduledSparkApplicationStatus,
    actions: Vec<Action>,
    events: Vec<Event>,
    again: Option<Duration>,
}

impl<'a> Draft<'a> {
    fn new(seen: &'a Seen<'a>, now: Timestamp) -> Self {
        let mut status = seen.schedule.status.clone().unwrap_or_default();
        status.observed_generation = seen.schedule.metadata.generation;
        status.conditions.iter_mut().for_each(|condition| condition.observed_generation = status.observed_generation);
        Self { seen, now, status, actions: Vec::new(), events: Vec::new(), again: None }
    }

    fn finish(self) -> Plan {
        let status = Some(self.status).filter(|status| self.seen.schedule.status.as_ref() != Some(status));
        Plan { status, actions: self.actions, events: self.events, again: self.again }
    }

    /// A run that is newer than the last one on record is the last one from here on.
    fn confirm(&mut self) {
        let runs = self.seen.runs.iter().filter_map(|run| Some((of_run(&run.name)?.1, run)));
        let Some((due, run)) = runs.max_by_key(|(due, _)| *due).filter(|(due, _)| self.on_record() < Some(*due)) else {
            return;
        };
        self.tell(EventKind::Normal, "ScheduledRunStarted", format!("run {} has started", run.name));
        let status = &mut self.status;
        status.last_run = Some(Time(run.created));
        status.last_run_name = Some(run.name.clone());
        // A later one that is being made already goes on.
        if status.next_run.as_ref().is_none_or(|next| next.0 <= due) {
            status.starting_run_name = None;
            status.next_run = None;
        }
        self.set(ScheduleState::Scheduled, true, IN_TIME);
    }

    fn refuse(&mut self, fault: &Fault) {
        let message = fault.to_string();
        if self.status.reason.as_deref() != Some(&message) {
            self.tell(EventKind::Warning, "InvalidSchedule", message.clone());
        }
        self.stand_still(ScheduleState::FailedValidation, ("InvalidSchedule", &message));
    }

    fn suspend(&mut self) {
        self.stand_still(ScheduleState::Scheduled, ("Suspended", "spec.suspend is true: no run starts"));
    }

    /// No run starts; what is due meanwhile is not made up for.
    fn stand_still(&mut self, state: ScheduleState, why: (&str, &str)) {
        self.status.next_run = None;
        self.status.starting_run_name = None;
        self.set(state, false, why);
    }

    fn follow(&mut self, schedule: &Schedule) {
        // What was made is never made again, also when the clock goes back.
        let made = self.on_record();
        let upcoming = schedule.next_after(made.map_or(self.now, |made| made.max(self.now)));
        let due = self
            .status
            .next_run
            .as_ref()
            .map(|at| at.0)
            .filter(|due| *due <= self.now && schedule.names(*due) && made.is_none_or(|made| *due > made));
        let Some(due) = due else { return self.await_next(upcoming) };
        // Of several that were missed the latest counts.
        let due = schedule.latest(due, self.now);
        let late = self.now.duration_since(due).as_secs();
        if let Some(limit) = self.seen.schedule.spec.starting_deadline_seconds.filter(|limit| late > *limit) {
            let message = format!("the run of {due} was skipped: it could not start within {limit} s");
            return self.skip(&message, EventKind::Warning, upcoming);
        }
        let at_work = self.seen.at_work().join(", ");
        match self.seen.schedule.spec.concurrency_policy {
            ConcurrencyPolicy::Forbid if !at_work.is_empty() => {
                let message = format!("the run of {due} was skipped: {at_work} has not ended");
                self.skip(&message, EventKind::Normal, upcoming);
            }
            ConcurrencyPolicy::Replace if !at_work.is_empty() => self.replace(&at_work),
            _ => self.start(due),
        }
    }

    fn await_next(&mut self, upcoming: Option<Timestamp>) {
        self.status.next_run = upcoming.map(Time);
        self.status.starting_run_name = None;
        // That the last one was skipped is worth reading until the next one.
        if !self.is_told(SKIPPED) {
            self.set(ScheduleState::Scheduled, true, IN_TIME);
        }
        self.again = upcoming.map(|at| until(at, self.now));
    }

    fn skip(&mut self, message: &str, kind: EventKind, upcoming: Option<Timestamp>) {
        // One event, however many are skipped in a row.
        if !self.is_told(SKIPPED) {
            self.tell(kind, "ScheduledRunSkipped", message.to_string());
        }
        self.set(ScheduleState::Scheduled, true, (SKIPPED, message));
        self.await_next(upcoming);
    }

    /// Deletes what has not ended; the run that is due stays due.
    fn replace(&mut self, at_work: &str) {
        let active = self.seen.runs.iter().filter(|run| run.progress == Progress::Active && !run.deleting);
        self.actions.extend(active.map(Action::delete));
        if !self.is_told("Replacing") {
            let message = format!("{at_work} is deleted, since the next run is due");
            self.tell(EventKind::Normal, "ScheduledRunReplaced", message);
        }
        let message = format!("the run that is due starts when {at_work} is gone");
        self.set(ScheduleState::Scheduled, true, ("Replacing", &message));
        self.again = Some(WAIT);
    }

    fn start(&mut self, due: Timestamp) {
        if let Some(held) = &self.seen.held {
            if let Some(trouble) = &held.trouble {
                let message = format!("the run of {due} cannot be made: {}", trouble.message);
                if !self.is_told(&trouble.reason) {
                    self.tell(EventKind::Warning, "ScheduledRunRefused", message.clone());
                }
                self.set(ScheduleState::Scheduled, true, (&trouble.reason, &message));
            }
            self.again = Some(held.left);
            return;
        }
        let name = run_name(self.seen.name(), due);
        self.status.next_run = Some(Time(due));
        self.status.starting_run_name = Some(name.clone());
        self.actions.push(Action::CreateRun { name, due });
    }

    /// When the last run was due.
    fn on_record(&self) -> Option<Timestamp> {
        self.status.last_run_name.as_deref().and_then(of_run).map(|(_, due)| due)
    }

    fn set(&mut self, state: ScheduleState, holds: bool, why: (&str, &str)) {
        let status = &mut self.status;
        status.schedule_state = state;
        status.reason = (why != IN_TIME).then(|| why.1.to_string());
        conditions::set(&mut status.conditions, status.observed_generation, SCHEDULED, holds, why, self.now);
    }

    fn is_told(&self, reason: &str) -> bool {
        self.status.conditions.iter().any(|condition| condition.type_ == SCHEDULED && condition.reason == reason)
    }

    fn tell(&mut self, kind: EventKind, reason: &'static str, message: String) {
        self.events.push(Event { kind, reason, message });
    }
}

/// How long to sleep until a time.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    at.duration_since(now).unsigned_abs().min(LONGEST_TIMER)
}
