//! What executors report of their tasks, and what follows: files to read, work to do again, a job that ends. A report of
//! a task that no longer counts changes nothing.

use ballista_core::error::Result;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{FailedTask, TaskStatus, task_status};
use ballista_core::serde::scheduler::ExecutorMetadata;
use ballista_scheduler::scheduler_server::event::QueryStageSchedulerEvent as Event;
use ballista_scheduler::scheduler_server::timestamp_millis;
use ballista_scheduler::state::execution_graph::{ExecutionGraph, RunningTaskInfo};
use ballista_scheduler::state::execution_stage::{ExecutionStage, RunningStage};
use tracing::{debug, warn};

use super::Graph;
use super::loss::Lost;
use crate::driver::crew::short;
use crate::driver::digest::failure_on;

/// How often something may fail before the job does.
pub(super) struct Limits {
    pub task: usize,
    pub stage: usize,
}

impl Graph {
    /// Takes reports of an executor in and moves the job on.
    pub(super) fn take_reports(
        &mut self,
        executor: &ExecutorMetadata,
        reports: Vec<TaskStatus>,
        limits: &Limits,
    ) -> Result<Vec<Event>> {
        let mut in_vain = Vec::new();
        for report in reports {
            if self.is_over() {
                break;
            }
            let stage_id = report.stage_id as usize;
            match self.take_report(executor, report, limits) {
                Ok(tasks) => in_vain.extend(tasks),
                Err(Fatal(reason)) => {
                    return Ok(self.fail(&format!("Job failed due to stage {stage_id} failed: {reason}")));
                }
            }
        }
        let mut events = Vec::new();
        if !in_vain.is_empty() {
            events.push(Event::CancelTasks(in_vain));
        }
        if self.is_over() {
            return Ok(events);
        }
        let ready = match self.advance() {
            Ok(ready) => ready,
            Err(error) => return Ok(self.fail(&format!("Job failed: {error}"))),
        };
        if self.is_successful() {
            self.succeed_job()?;
            let (job_id, queued_at) = (self.job_id().clone(), self.queued_at);
            events.push(Event::JobFinished { job_id, queued_at, completed_at: timestamp_millis() });
        } else if ready {
            events.push(Event::JobUpdated(self.job_id().clone()));
        }
        Ok(events)
    }

    /// Returns the tasks that now work in vain.
    fn take_report(
        &mut self,
        executor: &ExecutorMetadata,
        report: TaskStatus,
        limits: &Limits,
    ) -> std::result::Result<Vec<RunningTaskInfo>, Fatal> {
        let (stage_id, task_id) = (report.stage_id as usize, report.task_id as usize);
        let Some(ExecutionStage::Running(stage)) = self.stages.get_mut(&stage_id) else {
            debug!(stage_id, task_id, "report of a stage that does not run");
            return Ok(Vec::new());
        };
        let known = task_id < stage.task_infos.len() && report.status.is_some();
        if !known || !stage.update_task_info(task_id, report.clone()) {
            debug!(stage_id, task_id, "report of a task that does not count");
            return Ok(Vec::new());
        }
        match report.status.clone() {
            Some(task_status::Status::Successful(done)) => {
                // Figures for people; a plan that a task saw differently has others, and that is no failure.
                if let Err(error) = stage.update_task_metrics(task_id, report.metrics.clone()) {
                    debug!(stage_id, task_id, "metrics left out: {error}");
                }
                stage.append_runtime_stats_reports(task_id, done.runtime_stats);
                stage.append_window_state_reports(task_id, done.window_state);
                self.outputs.add(&report, executor, done.partitions);
                Ok(Vec::new())
            }
            Some(task_status::Status::Failed(failed)) => {
                let text = failure_on(&executor.id, &failed.error);
                let in_vain = match failed.failed_reason.clone() {
                    Some(FailedReason::FetchPartitionError(missing)) => {
                        let (map_stage, holder) = (missing.map_stage_id as usize, missing.executor_id);
                        warn!(
                            "a task of stage {stage_id} cannot read what stage {map_stage} wrote on executor {}: {}",
                            short(&holder),
                            failed.error
                        );
                        let lost = Lost::Files { stage: map_stage, executor: &holder };
                        self.cannot_read(stage_id, task_id, lost, limits, &failed)
                    }
                    _ => retry(stage, task_id, limits, failed).map(|()| Vec::new()),
                };
                self.note_failure(stage_id, task_id, text);
                in_vain
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Keeps for whoever looks why a task failed and where; Ballista's own words are of what follows.
    fn note_failure(&mut self, stage_id: usize, task_id: usize, text: String) {
        if let Some(ExecutionStage::Running(stage)) = self.stages.get_mut(&stage_id)
            && let Some(task) = stage.task_infos.get_mut(task_id)
            && let task_status::Status::Failed(failed) = &mut task.task_status
        {
            failed.error = text;
        }
    }

    /// A task found files of its input missing: they are made again, and the stage begins anew.
    fn cannot_read(
        &mut self,
        stage_id: usize,
        task_id: usize,
        lost: Lost<'_>,
        limits: &Limits,
        failed: &FailedTask,
    ) -> std::result::Result<Vec<RunningTaskInfo>, Fatal> {
        let times = self.unreadable.entry(stage_id).or_default();
        *times += 1;
        // Several tasks may meet one loss, and executors may go one by one.
        if *times >= limits.stage * 4 {
            return Err(Fatal(format!("its inputs could not be read {times} times, at last: {}", failed.error)));
        }
        let (changed, in_vain, _) = self.lose(lost);
        if changed.is_empty()
            && let Some(ExecutionStage::Running(stage)) = self.stages.get_mut(&stage_id)
        {
            // The files are where they are said to be, or were made again already.
            stage.reset_task_info(task_id);
        }
        Ok(in_vain)
    }

    /// Ends the job; the event's handler cancels what still runs.
    fn fail(&mut self, message: &str) -> Vec<Event> {
        self.fail_job(message.to_string());
        let (job_id, queued_at) = (self.job_id().clone(), self.queued_at);
        vec![Event::JobRunningFailed { job_id, fail_message: message.into(), queued_at, failed_at: timestamp_millis() }]
    }
}

/// Ends the job, with this reason.
struct Fatal(String);

/// Gives a failed task's partitions to another task, as long as that is of use.
fn retry(
    stage: &mut RunningStage,
    task_id: usize,
    limits: &Limits,
    failed: FailedTask,
) -> std::result::Result<(), Fatal> {
    let times = stage.task_failure_number(task_id);
    match failed {
        FailedTask { retryable: false, error, .. } => Err(Fatal(error)),
        FailedTask { count_to_failures: true, error, .. } if times >= limits.task => {
            Err(Fatal(format!("a task failed {times} times, at last: {error}")))
        }
        _ => {
            stage.reset_task_info(task_id);
            Ok(())
        }
    }
}
