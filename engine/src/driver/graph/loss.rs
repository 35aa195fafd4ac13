//! What the loss of files means: tasks whose results are still needed run again, and stages that read them begin anew
//! with everything they had written void.

use std::collections::HashSet;

use ballista_core::serde::protobuf::task_status;
use ballista_scheduler::state::execution_graph::RunningTaskInfo;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};

use super::Graph;

/// What is gone.
#[derive(Clone, Copy)]
pub(super) enum Lost<'a> {
    /// An executor, with all it ran and wrote.
    Executor(&'a str),
    /// What one stage wrote on an executor, as somebody who wanted to read it says.
    Files { stage: usize, executor: &'a str },
}

impl Graph {
    /// Takes what is lost out of the graph. Returns the stages that changed, the tasks that work in vain, and how many lost
    /// tasks run again.
    pub(super) fn lose(&mut self, lost: Lost<'_>) -> (HashSet<usize>, Vec<RunningTaskInfo>, usize) {
        let (mut changed, mut in_vain, mut again) = (HashSet::new(), Vec::new(), 0);
        loop {
            let before = changed.len() + in_vain.len();
            let mut moved = false;
            for stage_id in self.stages.keys().copied().collect::<Vec<_>>() {
                let reset = self.reset_tasks(stage_id, lost);
                if reset > 0 {
                    again += reset;
                    changed.insert(stage_id);
                    moved = true;
                }
            }
            for stage_id in self.stages.keys().copied().collect::<Vec<_>>() {
                if self.misses_an_input(stage_id)
                    && let Some(tasks) = self.roll_back(stage_id)
                {
                    changed.insert(stage_id);
                    in_vain.extend(tasks);
                    moved = true;
                }
            }
            // A stage that begins anew may need files that nobody needed a moment ago.
            if !moved && before == changed.len() + in_vain.len() {
                return (changed, in_vain, again);
            }
        }
    }

    /// Marks a stage's lost tasks to run again; none where there was none, or nobody needs them.
    fn reset_tasks(&mut self, stage_id: usize, lost: Lost<'_>) -> usize {
        let (executor, whole) = match lost {
            Lost::Executor(executor) => (executor, true),
            Lost::Files { stage, executor } if stage == stage_id => (executor, false),
            Lost::Files { .. } => return 0,
        };
        let needed = self.is_needed(stage_id);
        let reset = match self.stages.get_mut(&stage_id) {
            Some(ExecutionStage::Running(stage)) if whole => stage.reset_tasks(executor),
            Some(ExecutionStage::Successful(stage)) if needed => stage.reset_tasks(executor),
            _ => 0,
        };
        if reset == 0 {
            return 0;
        }
        self.rerun(stage_id);
        if let Some(ExecutionStage::Running(stage)) = self.stages.get(&stage_id) {
            self.outputs.retain(stage_id, |task_id| stage.task_infos.get(task_id).is_some_and(counts));
        }
        reset
    }

    /// Whether somebody will still read what a stage wrote.
    fn is_needed(&self, stage_id: usize) -> bool {
        let Some(stage) = self.stages.get(&stage_id) else {
            return false;
        };
        let readers = stage.output_links();
        readers.is_empty() || readers.iter().any(|reader| !self.is_done(*reader))
    }

    /// A stage at work must find all its inputs as they were when it started.
    fn misses_an_input(&self, stage_id: usize) -> bool {
        let inputs = match self.stages.get(&stage_id) {
            Some(ExecutionStage::Resolved(stage)) => &stage.inputs,
            Some(ExecutionStage::Running(stage)) => &stage.inputs,
            _ => return false,
        };
        inputs.iter().any(|(input, given)| !self.is_done(*input) || !self.outputs.is_still(*input, given))
    }

    /// Lets a stage that had succeeded run its missing tasks.
    pub(super) fn rerun(&mut self, stage_id: usize) -> bool {
        let Some(ExecutionStage::Successful(stage)) = self.stages.get(&stage_id) else {
            return false;
        };
        let running = stage.to_running();
        self.stages.insert(stage_id, ExecutionStage::Running(running));
        true
    }

    /// Puts a stage back to where it waits for its inputs. Returns the tasks it had running.
    pub(super) fn roll_back(&mut self, stage_id: usize) -> Option<Vec<RunningTaskInfo>> {
        let (attempt, used, tasks) = match self.stages.get(&stage_id)? {
            ExecutionStage::Running(stage) => (stage.stage_attempt_num, stage.task_infos.len(), self.tasks_of(stage)),
            ExecutionStage::Resolved(stage) => (stage.stage_attempt_num, 0, Vec::new()),
            _ => return None,
        };
        // The plan as it was before inputs were known: what was known of them is no longer true.
        let Some(ExecutionStage::UnResolved(planned)) = self.origin.stages().get(&stage_id) else {
            return None;
        };
        let mut stage = planned.clone();
        stage.stage_attempt_num = attempt + 1;
        self.stages.insert(stage_id, ExecutionStage::UnResolved(stage));
        self.outputs.forget(stage_id);
        let retired = self.retired.entry(stage_id).or_default();
        *retired = used.max(*retired);
        Some(tasks)
    }
}

fn counts(task: &TaskInfo) -> bool {
    matches!(task.task_status, task_status::Status::Successful(_))
}
