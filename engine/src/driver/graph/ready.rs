//! Moves stages forward: a stage whose tasks are done has succeeded, one whose inputs have succeeded can start.

use ballista_core::error::{BallistaError, Result};
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{FailedTask, ResultLost, task_status};
use ballista_scheduler::state::execution_graph::{ExecutionGraph, create_task_info};
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};

use super::Graph;

impl Graph {
    /// Moves every stage as far as it can go; true where one can start.
    pub(super) fn advance(&mut self) -> Result<bool> {
        let mut ready = false;
        for stage_id in self.running_stages() {
            if matches!(self.stages.get(&stage_id), Some(ExecutionStage::Running(stage)) if stage.is_successful()) {
                self.succeed(stage_id);
            }
        }
        for stage_id in self.stages.keys().copied().collect::<Vec<_>>() {
            ready |= self.resolve(stage_id)?;
        }
        Ok(ready)
    }

    /// Starts the stages that can start; true where there was one.
    pub(super) fn start_resolved(&mut self) -> bool {
        let mut started = false;
        for (stage_id, stage) in &mut self.stages {
            if let ExecutionStage::Resolved(resolved) = stage {
                let mut running = resolved.to_running();
                let retired = self.retired.get(stage_id).copied().unwrap_or(0);
                running.task_infos = (0..retired).map(retired_task).collect();
                *stage = ExecutionStage::Running(running);
                started = true;
            }
        }
        started
    }

    pub(super) fn succeed(&mut self, stage_id: usize) -> bool {
        let Some(ExecutionStage::Running(stage)) = self.stages.get(&stage_id) else {
            return false;
        };
        let successful = stage.to_successful();
        self.stages.insert(stage_id, ExecutionStage::Successful(successful));
        self.unreadable.remove(&stage_id);
        true
    }

    /// Gives a stage the files of its inputs, where all of them are there.
    pub(super) fn resolve(&mut self, stage_id: usize) -> Result<bool> {
        let Some(ExecutionStage::UnResolved(stage)) = self.stages.get(&stage_id) else {
            return Ok(false);
        };
        if !stage.inputs.keys().all(|input| self.is_done(*input)) {
            return Ok(false);
        }
        let mut stage = stage.clone();
        for (input, output) in &mut stage.inputs {
            *output = self.outputs.complete(*input);
        }
        let resolved = stage.to_resolved(self.session_config().options());
        let resolved = resolved.map_err(|error| BallistaError::Internal(format!("stage {stage_id}: {error}")))?;
        self.stages.insert(stage_id, ExecutionStage::Resolved(resolved));
        Ok(true)
    }
}

/// Holds the place of a number that an earlier attempt has used.
fn retired_task(task_id: usize) -> TaskInfo {
    let mut task = create_task_info(String::new(), task_id);
    task.task_status = task_status::Status::Failed(FailedTask {
        error: "an earlier attempt's".into(),
        retryable: false,
        count_to_failures: false,
        failed_reason: Some(FailedReason::ResultLost(ResultLost {})),
    });
    task.global_input_partition_ids = Vec::new();
    task.vcores_consumed = 0;
    task
}
