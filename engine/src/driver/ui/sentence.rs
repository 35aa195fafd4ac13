//! Says in a sentence what a run is doing and what it waits for: the same on its page and in its log.

use onager_contract::Phase;

use super::format::{count, duration, several};
use super::view::{Job, Stage, Standing, State, View};

/// What the run does now.
pub(in crate::driver) fn now(view: &View) -> String {
    match view.phase {
        Phase::WaitingForExecutors => waits_for_executors(view),
        Phase::Ending => "The application has ended; executors are sent home.".into(),
        Phase::Running => runs(view),
    }
}

fn waits_for_executors(view: &View) -> String {
    let here = view.registered();
    let (minimum, waited) = (view.demand.minimum as usize, duration(view.now.saturating_sub(view.phase_since)));
    format!(
        "Waits for {} of {}; {} registered ({waited} of at most {}).",
        count(minimum.saturating_sub(here) as u64),
        several(minimum, "executor"),
        match here {
            0 => "none has".into(),
            1 => "1 has".into(),
            here => format!("{here} have"),
        },
        duration(view.demand.wait_seconds * 1000),
    )
}

fn runs(view: &View) -> String {
    let mut said = vec![match view.jobs.iter().rev().find(|job| job.state == State::Running) {
        Some(job) => job_runs(view, job),
        None => between_jobs(view),
    }];
    if view.registered() == 0 && view.pending_tasks > 0 {
        said.push(format!("There is no executor, and {} wait.", several(view.pending_tasks as usize, "task")));
    }
    let leaving = view.executors.iter().filter(|executor| executor.standing == Standing::Leaving).count();
    if leaving > 0 {
        let wait = if leaving == 1 { "waits" } else { "wait" };
        said.push(format!("{} {wait} to leave until nobody needs their files.", several(leaving, "executor")));
    }
    said.join(" ")
}

fn job_runs(view: &View, job: &Job) -> String {
    let of = match view.statement_of(job) {
        Some(statement) => format!(" of {}", statement_name(view, statement.number)),
        None => format!(" of job {}", job.number),
    };
    match busiest(job) {
        Some(stage) => format!("Stage {} of {}{of}: {}.", stage.id, job.stages.len(), progress(stage)),
        None => format!("Stages of{} are about to start.", of.trim_start_matches(" of")),
    }
}

/// Of the stages that run, the one with most tasks at work.
pub(super) fn busiest(job: &Job) -> Option<&Stage> {
    let running = job.stages.iter().filter(|stage| stage.state == State::Running);
    running.max_by_key(|stage| (stage.running_tasks, std::cmp::Reverse(stage.id)))
}

/// `12 of 200 partitions are done, 8 tasks run on 2 executors`.
pub(super) fn progress(stage: &Stage) -> String {
    let done =
        format!("{} of {} are done", count(stage.done_partitions as u64), several(stage.partitions, "partition"));
    let runs = match stage.running_tasks {
        0 => "no task runs".to_string(),
        1 => "1 task runs on 1 executor".to_string(),
        tasks => format!("{} tasks run on {}", count(tasks as u64), several(stage.executors, "executor")),
    };
    format!("{done}, {runs}")
}

fn between_jobs(view: &View) -> String {
    if let Some(job) = view.jobs.iter().rev().find(|job| job.state == State::Waiting) {
        return match view.statement_of(job) {
            Some(statement) => format!("{} is planned.", capital(&statement_name(view, statement.number))),
            None => format!("Job {} is planned.", job.number),
        };
    }
    match view.statements.last() {
        Some(statement) if view.state_of(statement) == State::Running => {
            format!("{} is in the driver.", capital(&statement_name(view, statement.number)))
        }
        _ => "The program is in the driver; no job runs.".into(),
    }
}

/// `statement 3 of 7`.
fn statement_name(view: &View, number: u32) -> String {
    match view.expected_statements {
        Some(all) => format!("statement {number} of {all}"),
        None => format!("statement {number}"),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn a_driver_that_waits_says_for_how_many_executors() {
        let mut view = example::view();
        (view.phase, view.phase_since) = (Phase::WaitingForExecutors, view.now - 30_000);
        view.executors.truncate(1);
        assert_eq!(now(&view), "Waits for 2 of 3 executors; 1 has registered (30.0 s of at most 5 min 0 s).");
        view.executors.clear();
        assert!(now(&view).starts_with("Waits for 3 of 3 executors; none has registered"), "{}", now(&view));
    }

    #[test]
    fn a_driver_that_runs_says_how_far_the_stage_is() {
        let mut view = example::view();
        let said = "Stage 2 of 2 of statement 2 of 3: 12 of 200 partitions are done, 8 tasks run on 2 executors.";
        assert_eq!(now(&view), said);
        view.executors.clear();
        view.pending_tasks = 180;
        assert_eq!(now(&view), format!("{said} There is no executor, and 180 tasks wait."));
        view.jobs.clear();
        view.pending_tasks = 0;
        assert_eq!(now(&view), "Statement 2 of 3 is in the driver.");
        view.phase = Phase::Ending;
        assert_eq!(now(&view), "The application has ended; executors are sent home.");
    }
}
