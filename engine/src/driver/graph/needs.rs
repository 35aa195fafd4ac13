//! What a job still needs: the files that a stage at work or to come will read, and cores. It looks at stages alone, so it
//! also serves a graph that is not ours yet.

use std::collections::HashSet;
use std::sync::Arc;

use ballista_core::execution_plans::{RangeShuffleReaderExec, ShuffleReaderExec};
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::task_status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// The executors whose files somebody will still read: as long as a stage that reads them is not done, and results until
/// the job has left the scheduler.
pub(in crate::driver) fn holders(graph: &dyn ExecutionGraph) -> HashSet<String> {
    let stages = graph.stages();
    if matches!(graph.status().status, Some(Status::Failed(_))) {
        return HashSet::new();
    }
    let is_done = |stage_id: &usize| matches!(stages.get(stage_id), Some(ExecutionStage::Successful(_)));
    let needed = stages.values().filter(|stage| {
        let readers = stage.output_links();
        readers.is_empty() || !readers.iter().all(is_done)
    });
    let tasks = needed.filter_map(|stage| match stage {
        ExecutionStage::Running(stage) => Some(&stage.task_infos),
        ExecutionStage::Successful(stage) => Some(&stage.task_infos),
        _ => None,
    });
    tasks.flatten().filter_map(writer).collect()
}

fn writer(task: &TaskInfo) -> Option<String> {
    match &task.task_status {
        task_status::Status::Successful(done) => Some(done.executor_id.clone()),
        _ => None,
    }
}

/// How many cores would be put to use at once if they were there.
pub(in crate::driver) fn waiting(graph: &dyn ExecutionGraph) -> usize {
    let stages = graph.stages().values().map(|stage| match stage {
        ExecutionStage::Resolved(stage) => cores(stage.partitions, &stage.plan),
        ExecutionStage::Running(stage) => cores(stage.available_tasks(), &stage.plan),
        _ => 0,
    });
    stages.sum()
}

/// A stage that brings its partitions together is one task, however many there are.
fn cores(partitions: usize, plan: &Arc<dyn ExecutionPlan>) -> usize {
    match plan.children().as_slice() {
        [input] if collapses(input) => partitions.min(1),
        _ => partitions,
    }
}

/// The rule by which Ballista binds such a stage to one core.
fn collapses(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if plan.is::<ShuffleReaderExec>() || plan.is::<RangeShuffleReaderExec>() {
        return false;
    }
    match plan.children().as_slice() {
        _ if plan.output_partitioning().partition_count() == 1 => true,
        [input] => collapses(input),
        _ => false,
    }
}
