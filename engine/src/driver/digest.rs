//! What jobs add up to: stages, tasks, rows and bytes, in all and for each executor. It reads graphs and keeps none.

use std::collections::HashMap;

use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::TaskInfo;

/// Executors of which figures are kept; there are more only where thousands came and went.
const MOST_EXECUTORS: usize = 2_000;

/// What an executor did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub done: u64,
    pub failed: u64,
    pub milliseconds: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// Sums over jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Digest {
    pub successful_jobs: u64,
    pub failed_jobs: u64,
    /// Stages of which a task was launched.
    pub stages: u64,
    /// Tasks that were launched, whatever became of them.
    pub launched: u64,
    pub done: u64,
    pub failed: u64,
    /// Written to shuffle files that another stage reads.
    pub shuffle_bytes: u64,
    pub shuffle_rows: u64,
    pub executors: HashMap<String, Work>,
}

impl Digest {
    /// Of one job that ended; without a graph it could not be planned.
    pub(super) fn of_job(graph: Option<&(dyn ExecutionGraph + Send + Sync)>, failed: bool) -> Self {
        let mut digest =
            Self { failed_jobs: u64::from(failed), successful_jobs: u64::from(!failed), ..Self::default() };
        if let Some(graph) = graph {
            digest.count(graph);
        }
        digest
    }

    /// Adds the tasks of a job.
    pub(super) fn count(&mut self, graph: &dyn ExecutionGraph) {
        for stage in graph.stages().values() {
            let is_read = !stage.output_links().is_empty();
            let mut launched = 0;
            for task in launched_tasks(stage.task_infos().unwrap_or_default()) {
                launched += 1;
                match &task.task_status {
                    Status::Successful(done) => {
                        let rows = done.partitions.iter().map(|file| file.num_rows).sum::<u64>();
                        let bytes = done.partitions.iter().map(|file| file.num_bytes).sum::<u64>();
                        self.done += 1;
                        if is_read {
                            self.shuffle_rows += rows;
                            self.shuffle_bytes += bytes;
                        }
                        let milliseconds = milliseconds(task);
                        self.work(&done.executor_id, &Work { done: 1, failed: 0, milliseconds, rows, bytes });
                    }
                    Status::Failed(failure) => {
                        self.failed += 1;
                        if let Some(executor) = failed_on(&failure.error).0 {
                            self.work(executor, &Work { failed: 1, ..Work::default() });
                        }
                    }
                    Status::Running(_) => {}
                }
            }
            self.launched += launched;
            self.stages += u64::from(launched > 0);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.successful_jobs += other.successful_jobs;
        self.failed_jobs += other.failed_jobs;
        self.stages += other.stages;
        self.launched += other.launched;
        self.done += other.done;
        self.failed += other.failed;
        self.shuffle_bytes += other.shuffle_bytes;
        self.shuffle_rows += other.shuffle_rows;
        for (executor, work) in &other.executors {
            self.work(executor, work);
        }
    }

    /// Raises sums to the highest ones seen, and those with them: a counter never goes back.
    pub(super) fn never_less(&mut self, highest: &mut [u64; 6]) {
        let sums = [
            &mut self.stages,
            &mut self.launched,
            &mut self.done,
            &mut self.failed,
            &mut self.shuffle_bytes,
            &mut self.shuffle_rows,
        ];
        for (sum, highest) in sums.into_iter().zip(highest) {
            *sum = (*sum).max(*highest);
            *highest = *sum;
        }
    }

    fn work(&mut self, executor: &str, more: &Work) {
        if !self.executors.contains_key(executor) {
            if self.executors.len() >= MOST_EXECUTORS {
                return;
            }
            self.executors.insert(executor.to_string(), Work::default());
        }
        if let Some(work) = self.executors.get_mut(executor) {
            work.done += more.done;
            work.failed += more.failed;
            work.milliseconds += more.milliseconds;
            work.rows += more.rows;
            work.bytes += more.bytes;
        }
    }
}

/// Tasks that were launched: places that hold the numbers of an earlier attempt's tasks are left out.
pub(super) fn launched_tasks(tasks: &[TaskInfo]) -> impl Iterator<Item = &TaskInfo> {
    tasks.iter().filter(|task| !task.global_input_partition_ids.is_empty())
}

/// How long a task that ended was at work.
pub(super) fn milliseconds(task: &TaskInfo) -> u64 {
    task.end_exec_time.saturating_sub(task.start_exec_time) as u64
}

/// A failure's text with the executor in front: Ballista's record of a failed task does not tell it.
pub(super) fn failure_on(executor: &str, error: &str) -> String {
    format!("on {executor}: {error}")
}

/// The executor on which a task failed, and why.
pub(super) fn failed_on(error: &str) -> (Option<&str>, &str) {
    if let Some((executor, error)) = error.strip_prefix("on ").and_then(|rest| rest.split_once(": ")) {
        return (Some(executor), error);
    }
    // Ballista's words for tasks of an executor that was lost.
    let lost = error.strip_prefix("Task failure due to Executor ").and_then(|rest| rest.strip_suffix(" lost"));
    match lost {
        Some(executor) => (Some(executor), "its executor was lost"),
        None => (None, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_where_it_was() {
        assert_eq!(failed_on(&failure_on("uid-3", "no: luck")), (Some("uid-3"), "no: luck"));
        assert_eq!(failed_on("Task failure due to Executor uid-3 lost"), (Some("uid-3"), "its executor was lost"));
        assert_eq!(failed_on("killed"), (None, "killed"));
    }

    #[test]
    fn digests_add_up_and_executors_are_bounded() {
        let mut all = Digest::default();
        for number in 0..MOST_EXECUTORS + 10 {
            let work = Work { done: 1, ..Work::default() };
            let one = Digest { done: 1, executors: [(format!("e-{number}"), work)].into(), ..Digest::default() };
            all.add(&one);
            all.add(&one);
        }
        assert_eq!(all.done as usize, 2 * (MOST_EXECUTORS + 10));
        assert_eq!(all.executors.len(), MOST_EXECUTORS);
        assert_eq!(all.executors["e-7"].done, 2);
    }
}
