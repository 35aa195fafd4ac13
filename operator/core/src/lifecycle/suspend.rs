//! `spec.suspend`: an application that is held has no pods and takes no room, and is admitted again once it is not. One that
//! has ended is not touched by it.

use jiff::Timestamp;
use onager_crds::State;

use super::{end, report, rerun, start};
use crate::{
    Settings,
    plan::{Event, Plan},
    seen::Seen,
};

const HELD: (&str, &str) = ("Suspended", "spec.suspend is true: it is held, without pods");

/// Whether it is to be held.
pub fn is_asked_for(seen: &Seen<'_>) -> bool {
    seen.app.spec.suspend.unwrap_or(false)
}

/// Ends the run there is, if there is one.
pub fn begin(seen: &Seen<'_>, now: Timestamp) -> Plan {
    let mut status = report::base(seen.app);
    let why = ("Suspended", "spec.suspend is true: its pods are removed");
    report::stop(&mut status, State::Suspending, why, now, now);
    status.submission_attempts = 0;
    status.failed_attempts = 0;
    let event = Event::normal("SparkApplicationSuspending", why.1);
    Plan { status: Some(status), actions: end::remove_all(seen), events: vec![event], again: None }
}

/// The plan of an application that is SUSPENDING, SUSPENDED or RESUMING.
pub fn plan(seen: &Seen<'_>, settings: &Settings, now: Timestamp) -> Plan {
    let mut status = report::base(seen.app);
    let mut plan = Plan { actions: end::remove_all(seen), ..Plan::default() };
    match (seen.state(), is_asked_for(seen)) {
        (State::Resuming, true) => return begin(seen, now),
        (State::Resuming, false) if rerun::something_is_left(seen) => {
            let since = report::since(&status, "Suspended").unwrap_or(now);
            return rerun::await_gone(seen, status, since, settings, now);
        }
        (State::Resuming, false) => return start::plan(seen, settings, now),
        (State::Suspending, _) if rerun::something_is_left(seen) => {
            plan.again = seen.own_pods().next().is_none().then_some(rerun::SOON);
        }
        (State::Suspending, _) => {
            report::set_state(&mut status, State::Suspended, Some(HELD));
            report::set_condition(&mut status, "Suspended", true, HELD, now);
            plan.events.push(Event::normal("SparkApplicationSuspended", HELD.1));
        }
        (_, false) => {
            report::set_state(&mut status, State::Resuming, None);
            let why = ("Resumed", "spec.suspend is not true any more");
            report::set_condition(&mut status, "Suspended", false, why, now);
            plan.events.push(Event::normal("SparkApplicationResuming", "it is held no longer, and waits for room"));
        }
        (_, true) => {}
    }
    plan.status = Some(status);
    plan
}
