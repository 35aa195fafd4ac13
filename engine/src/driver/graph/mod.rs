//! The stages of one job, with recovery that keeps answers right. Ballista's own graph goes on reading what a stage wrote
//! before it was rolled back, beside what it writes the second time, and rows count twice. Here a stage reads what its
//! inputs' present tasks wrote and nothing else, and no task's number is ever used again within a stage, so that neither
//! files nor late reports of an earlier attempt can be mistaken for its own. It plans nothing: stages come from Ballista.

mod loss;
mod needs;
mod outputs;
mod ready;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::error::{BallistaError, Result};
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::{FailedJob, JobStatus, SuccessfulJob, TaskStatus};
use ballista_core::serde::scheduler::{ExecutorMetadata, PartitionLocation};
use ballista_scheduler::scheduler_server::event::QueryStageSchedulerEvent;
use ballista_scheduler::scheduler_server::timestamp_millis;
use ballista_scheduler::state::execution_graph::{ExecutionGraph, ExecutionGraphBox, RunningTaskInfo};
use ballista_scheduler::state::execution_stage::{ExecutionStage, RunningStage};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use tracing::warn;

use self::outputs::Outputs;
use super::crew::short;
use crate::words::several;

pub(super) use self::needs::{holders, waiting};

pub(super) struct Graph {
    /// The job as Ballista planned it: names, times, plans. Its stages are never run.
    origin: ExecutionGraphBox,
    stages: HashMap<usize, ExecutionStage>,
    /// What the present successful tasks of each stage wrote.
    outputs: Outputs,
    /// How many task numbers earlier attempts of a stage have used.
    retired: HashMap<usize, usize>,
    /// How often a stage could not read its inputs.
    unreadable: HashMap<usize, usize>,
    status: JobStatus,
    queued_at: u64,
    end_time: u64,
}

impl Graph {
    /// Takes over a job that has not begun.
    pub(super) fn new(origin: ExecutionGraphBox) -> Self {
        let status = origin.status().clone();
        let queued_at = match &status.status {
            Some(Status::Running(running)) => running.queued_at,
            _ => origin.start_time(),
        };
        Self {
            stages: origin.stages().clone(),
            outputs: Outputs::default(),
            retired: HashMap::new(),
            unreadable: HashMap::new(),
            end_time: origin.end_time(),
            status,
            queued_at,
            origin,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.status.status, Some(Status::Failed(_) | Status::Successful(_)))
    }

    fn is_done(&self, stage_id: usize) -> bool {
        matches!(self.stages.get(&stage_id), Some(ExecutionStage::Successful(_)))
    }

    fn tasks_of(&self, stage: &RunningStage) -> Vec<RunningTaskInfo> {
        let job_id = self.origin.job_id();
        let tasks = stage.running_tasks().into_iter();
        let tasks = tasks.map(|(task_id, stage_id, executor_id)| RunningTaskInfo {
            task_id,
            job_id: job_id.clone(),
            stage_id,
            executor_id,
        });
        tasks.collect()
    }

    fn set_status(&mut self, status: Status) {
        self.end_time = timestamp_millis();
        self.status.status = Some(status);
    }
}

impl ExecutionGraph for Graph {
    fn job_id(&self) -> &JobId {
        self.origin.job_id()
    }

    fn job_name(&self) -> &str {
        self.origin.job_name()
    }

    fn session_id(&self) -> &str {
        self.origin.session_id()
    }

    fn scheduler_id(&self) -> Option<&str> {
        self.origin.scheduler_id()
    }

    fn session_config(&self) -> Arc<SessionConfig> {
        self.origin.session_config()
    }

    fn status(&self) -> &JobStatus {
        &self.status
    }

    fn logical_plan(&self) -> Option<&str> {
        self.origin.logical_plan()
    }

    fn physical_plan(&self) -> Arc<dyn ExecutionPlan> {
        self.origin.physical_plan()
    }

    fn start_time(&self) -> u64 {
        self.origin.start_time()
    }

    fn end_time(&self) -> u64 {
        self.end_time
    }

    fn completed_stages(&self) -> usize {
        self.stages.keys().filter(|stage_id| self.is_done(**stage_id)).count()
    }

    fn is_successful(&self) -> bool {
        self.completed_stages() == self.stages.len()
    }

    fn revive(&mut self) -> bool {
        self.start_resolved()
    }

    fn update_task_status(
        &mut self,
        executor: &ExecutorMetadata,
        task_statuses: Vec<TaskStatus>,
        max_task_failures: usize,
        max_stage_failures: usize,
    ) -> Result<Vec<QueryStageSchedulerEvent>> {
        let limits = report::Limits { task: max_task_failures, stage: max_stage_failures };
        self.take_reports(executor, task_statuses, &limits)
    }

    fn running_stages(&self) -> Vec<usize> {
        let running = self.stages.iter().filter(|(_, stage)| matches!(stage, ExecutionStage::Running(_)));
        running.map(|(stage_id, _)| *stage_id).collect()
    }

    fn running_tasks(&self) -> Vec<RunningTaskInfo> {
        let tasks = self.stages.values().flat_map(|stage| match stage {
            ExecutionStage::Running(stage) => self.tasks_of(stage),
            _ => Vec::new(),
        });
        tasks.collect()
    }

    fn available_tasks(&self) -> usize {
        let tasks = self.stages.values().map(|stage| match stage {
            ExecutionStage::Running(stage) => stage.available_tasks(),
            _ => 0,
        });
        tasks.sum()
    }

    fn fetch_running_stage(&mut self, black_list: &[usize]) -> Option<&mut RunningStage> {
        if self.is_over() {
            return None;
        }
        self.start_resolved();
        self.stages.iter_mut().find_map(|(stage_id, stage)| match stage {
            ExecutionStage::Running(stage) if stage.available_tasks() > 0 && !black_list.contains(stage_id) => {
                Some(stage)
            }
            _ => None,
        })
    }

    fn update_status(&mut self, status: JobStatus) {
        self.status = status;
    }

    fn output_locations(&self) -> Vec<PartitionLocation> {
        let last = self.stages.iter().filter(|(_, stage)| stage.output_links().is_empty());
        last.flat_map(|(stage_id, _)| self.outputs.locations(*stage_id)).collect()
    }

    fn reset_stages_on_lost_executor(&mut self, executor_id: &str) -> Result<(HashSet<usize>, Vec<RunningTaskInfo>)> {
        if self.is_over() {
            return Ok(Default::default());
        }
        let (changed, in_vain, again) = self.lose(loss::Lost::Executor(executor_id));
        if again > 0 {
            let (tasks, executor) = (several(again as u64, "task"), short(executor_id));
            warn!("to be run again: {tasks} of executor {executor}, whose results are still needed");
        }
        self.advance()?;
        Ok((changed, in_vain))
    }

    fn resolve_stage(&mut self, stage_id: usize) -> Result<bool> {
        self.resolve(stage_id)
    }

    fn succeed_stage(&mut self, stage_id: usize) -> bool {
        self.succeed(stage_id)
    }

    fn fail_stage(&mut self, stage_id: usize, err_msg: String) -> bool {
        let Some(ExecutionStage::Running(stage)) = self.stages.get(&stage_id) else {
            return false;
        };
        let failed = stage.to_failed(err_msg);
        self.stages.insert(stage_id, ExecutionStage::Failed(failed));
        true
    }

    fn rollback_running_stage(&mut self, stage_id: usize, _: HashSet<String>) -> Result<Vec<RunningTaskInfo>> {
        Ok(self.roll_back(stage_id).unwrap_or_default())
    }

    fn rollback_resolved_stage(&mut self, stage_id: usize) -> Result<bool> {
        Ok(self.roll_back(stage_id).is_some())
    }

    fn rerun_successful_stage(&mut self, stage_id: usize) -> bool {
        self.rerun(stage_id)
    }

    fn fail_job(&mut self, error: String) {
        let (queued_at, started_at) = (self.queued_at, self.start_time());
        self.set_status(Status::Failed(FailedJob { error, queued_at, started_at, ended_at: timestamp_millis() }));
    }

    fn succeed_job(&mut self) -> Result<()> {
        if !self.is_successful() {
            return Err(BallistaError::Internal(format!("job {} is not complete", self.job_id())));
        }
        let locations = self.output_locations().into_iter().map(TryInto::try_into);
        let partition_location = locations.collect::<Result<_>>()?;
        let (queued_at, started_at) = (self.queued_at, self.start_time());
        let ended_at = timestamp_millis();
        self.set_status(Status::Successful(SuccessfulJob { partition_location, queued_at, started_at, ended_at }));
        Ok(())
    }

    fn stages(&self) -> &HashMap<usize, ExecutionStage> {
        &self.stages
    }

    fn stage_count(&self) -> usize {
        self.stages.len()
    }

    fn cloned(&self) -> ExecutionGraphBox {
        Box::new(Self {
            origin: self.origin.cloned(),
            stages: self.stages.clone(),
            outputs: self.outputs.clone(),
            retired: self.retired.clone(),
            unreadable: self.unreadable.clone(),
            status: self.status.clone(),
            queued_at: self.queued_at,
            end_time: self.end_time,
        })
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("job", self.origin.job_id()).field("stages", &self.stages).finish_non_exhaustive()
    }
}
