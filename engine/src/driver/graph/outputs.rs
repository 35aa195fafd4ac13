//! Who wrote what: the shuffle files of every task whose result counts, by stage and task.

use std::collections::{BTreeMap, HashMap};

use ballista_core::serde::protobuf::{ShuffleWritePartition, TaskStatus};
use ballista_core::serde::scheduler::{ExecutorMetadata, PartitionId, PartitionLocation, PartitionStats};
use ballista_scheduler::state::execution_stage::StageOutput;

#[derive(Clone, Default)]
pub(super) struct Outputs(HashMap<usize, BTreeMap<usize, Vec<PartitionLocation>>>);

impl Outputs {
    /// A task has succeeded on `executor`.
    pub(super) fn add(&mut self, task: &TaskStatus, executor: &ExecutorMetadata, files: Vec<ShuffleWritePartition>) {
        let (stage_id, task_id) = (task.stage_id as usize, task.task_id as usize);
        let locations = files.into_iter().map(|file| PartitionLocation {
            map_partition_id: task_id,
            partition_id: PartitionId {
                job_id: task.job_id.clone().into(),
                stage_id,
                partition_id: file.partition_id as usize,
            },
            executor_meta: executor.clone(),
            partition_stats: PartitionStats::new(Some(file.num_rows), Some(file.num_batches), Some(file.num_bytes)),
            file_id: file.file_id,
            is_sort_shuffle: file.is_sort_shuffle,
        });
        self.0.entry(stage_id).or_default().insert(task_id, locations.collect());
    }

    /// The stage's attempt is void.
    pub(super) fn forget(&mut self, stage_id: usize) {
        self.0.remove(&stage_id);
    }

    /// Keeps the tasks that `counts` names.
    pub(super) fn retain(&mut self, stage_id: usize, counts: impl Fn(usize) -> bool) {
        if let Some(tasks) = self.0.get_mut(&stage_id) {
            tasks.retain(|task_id, _| counts(*task_id));
        }
    }

    /// All files of a stage, by task.
    pub(super) fn locations(&self, stage_id: usize) -> Vec<PartitionLocation> {
        self.0.get(&stage_id).into_iter().flat_map(BTreeMap::values).flatten().cloned().collect()
    }

    /// What a stage that reads `stage_id` is given.
    pub(super) fn complete(&self, stage_id: usize) -> StageOutput {
        let mut output = StageOutput::new();
        self.locations(stage_id).into_iter().for_each(|location| output.add_partition(location));
        output.complete = true;
        output
    }

    /// Whether `given` is what [`Self::complete`] would give now.
    pub(super) fn is_still(&self, stage_id: usize, given: &StageOutput) -> bool {
        let files = |output: &StageOutput| {
            let locations = output.partition_locations.values().flatten();
            let mut files: Vec<_> = locations
                .map(|at| (at.partition_id.partition_id, at.map_partition_id, at.executor_meta.id.clone()))
                .collect();
            files.sort();
            files
        };
        files(given) == files(&self.complete(stage_id))
    }
}
