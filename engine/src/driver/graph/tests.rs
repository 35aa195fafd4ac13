//! A job of three stages, its tasks bound and reported by hand.

use std::collections::HashMap;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::{
    ExecutionError, FailedTask, FetchPartitionError, ShuffleWritePartition, SuccessfulTask, TaskKilled,
    failed_task::FailedReason,
};
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use ballista_scheduler::planner::DefaultDistributedPlanner;
use ballista_scheduler::state::execution_graph::{StaticExecutionGraph, create_task_info};
use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::*;
use crate::driver::digest::Digest;

/// A task as it was handed out.
#[derive(Clone, Debug)]
struct Task {
    stage: usize,
    attempt: usize,
    id: usize,
    executor: &'static str,
}

async fn three_stages() -> Graph {
    let config = SessionConfig::new_with_ballista().with_target_partitions(2);
    let context = SessionContext::new_with_config(config.clone());
    let schema = Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![1, 2, 3]))]).expect("batch");
    let table = MemTable::try_new(schema, vec![vec![batch.clone()], vec![batch]]).expect("table");
    context.register_table("t", Arc::new(table)).expect("table");
    let sql = "SELECT c, count(*) FROM (SELECT k, count(*) AS c FROM t GROUP BY k) GROUP BY c";
    let plan = context.sql(sql).await.expect("plan").create_physical_plan().await.expect("plan");
    let mut planner = DefaultDistributedPlanner::new();
    let job = "job".into();
    let graph = StaticExecutionGraph::new("driver", &job, "", "session", plan, 0, Arc::new(config), &mut planner, None);
    let graph = Graph::new(Box::new(graph.expect("graph")));
    assert_eq!(graph.stage_count(), 3);
    graph
}

fn executor(id: &str) -> ExecutorMetadata {
    ExecutorMetadata {
        id: id.into(),
        host: "127.0.0.1".into(),
        port: 1,
        grpc_port: 2,
        specification: ExecutorSpecification::default(),
        os_info: ExecutorOperatingSystemSpecification::default(),
    }
}

/// Hands one partition to `executor`.
fn bind(graph: &mut Graph, executor: &'static str) -> Task {
    let stage = graph.fetch_running_stage(&[]).expect("a stage with work");
    let partitions = stage.pending.next_slice(1);
    let id = stage.task_infos.len();
    let mut info = create_task_info(executor.into(), id);
    info.global_input_partition_ids = partitions;
    info.vcores_consumed = 1;
    stage.task_infos.push(info);
    Task { stage: stage.stage_id, attempt: stage.stage_attempt_num, id, executor }
}

fn report(graph: &mut Graph, task: &Task, status: TaskState) -> Vec<QueryStageSchedulerEvent> {
    let report = TaskStatus {
        task_id: task.id as u32,
        job_id: "job".into(),
        stage_id: task.stage as u32,
        stage_attempt_num: task.attempt as u32,
        status: Some(status),
        ..TaskStatus::default()
    };
    graph.update_task_status(&executor(task.executor), vec![report], 4, 4).expect("events")
}

type TaskState = ballista_core::serde::protobuf::task_status::Status;

fn succeed(graph: &mut Graph, task: &Task) {
    let partitions = (0..2).map(|partition_id| ShuffleWritePartition {
        partition_id,
        num_rows: 1,
        num_batches: 1,
        num_bytes: 1,
        file_id: Some(task.id as u64),
        is_sort_shuffle: false,
    });
    let done =
        SuccessfulTask { executor_id: task.executor.into(), partitions: partitions.collect(), ..Default::default() };
    report(graph, task, TaskState::Successful(done));
}

fn fail(graph: &mut Graph, task: &Task, reason: FailedReason, retryable: bool) -> Vec<QueryStageSchedulerEvent> {
    let failed = FailedTask { error: "why".into(), retryable, count_to_failures: false, failed_reason: Some(reason) };
    report(graph, task, TaskState::Failed(failed))
}

/// Binds a task to each executor and lets it succeed.
fn run(graph: &mut Graph, executors: [&'static str; 2]) -> [Task; 2] {
    let tasks = executors.map(|executor| bind(graph, executor));
    tasks.iter().for_each(|task| succeed(graph, task));
    tasks
}

/// The tasks a stage at work reads, for each of its partitions.
fn reads(graph: &Graph, stage: usize) -> HashMap<usize, Vec<(usize, String)>> {
    let Some(ExecutionStage::Running(stage)) = graph.stages().get(&stage) else {
        panic!("stage {stage} does not run");
    };
    let outputs = stage.inputs.values().flat_map(|output| &output.partition_locations);
    let of = |at: &PartitionLocation| (at.map_partition_id, at.executor_meta.id.clone());
    outputs.map(|(partition, locations)| (*partition, locations.iter().map(of).collect())).collect()
}

#[tokio::test]
async fn a_job_without_losses_runs_through() {
    let mut graph = three_stages().await;
    for _ in 0..3 {
        run(&mut graph, ["a", "b"]);
    }
    assert!(graph.is_successful());
    assert!(matches!(graph.status().status, Some(Status::Successful(_))));
    assert_eq!(graph.output_locations().len(), 4);
}

#[tokio::test]
async fn what_a_rolled_back_stage_wrote_is_not_read_again() {
    let mut graph = three_stages().await;
    run(&mut graph, ["a", "b"]);
    // The second stage is half done, on the executor that stays.
    let (on_a, on_b) = (bind(&mut graph, "a"), bind(&mut graph, "b"));
    succeed(&mut graph, &on_b);
    let (changed, in_vain) = graph.reset_stages_on_lost_executor("a").expect("reset");
    assert!(changed.contains(&on_b.stage), "{changed:?}");
    assert!(in_vain.iter().all(|task| task.executor_id != "a"), "{in_vain:?}");

    // One task of the first stage is missing, then the second stage starts from its beginning.
    let again = bind(&mut graph, "b");
    assert_eq!(again.stage, 1);
    succeed(&mut graph, &again);
    let second = run(&mut graph, ["b", "b"]);
    assert!(second.iter().all(|task| task.stage == on_b.stage && task.attempt > on_b.attempt));
    assert!(second.iter().all(|task| task.id > on_a.id && task.id > on_b.id), "numbers are used once: {second:?}");

    let third = bind(&mut graph, "b");
    for read in reads(&graph, third.stage).values() {
        let expected: Vec<_> = second.iter().map(|task| (task.id, "b".to_string())).collect();
        assert_eq!(read, &expected);
    }
}

#[tokio::test]
async fn a_late_report_of_an_earlier_attempt_changes_nothing() {
    let mut graph = three_stages().await;
    run(&mut graph, ["a", "b"]);
    let late = bind(&mut graph, "b");
    graph.reset_stages_on_lost_executor("a").expect("reset");
    succeed(&mut graph, &late);
    let again = bind(&mut graph, "b");
    succeed(&mut graph, &again);
    let new = bind(&mut graph, "b");
    succeed(&mut graph, &late);
    assert_eq!(new.stage, late.stage);
    assert!(!graph.is_done(late.stage));
    assert_eq!(graph.running_tasks().len(), 1);
}

#[tokio::test]
async fn results_of_a_lost_executor_are_made_again() {
    let mut graph = three_stages().await;
    run(&mut graph, ["a", "b"]);
    run(&mut graph, ["b", "b"]);
    // The last stage has one of its results on the executor that goes.
    let (on_a, on_b) = (bind(&mut graph, "a"), bind(&mut graph, "b"));
    succeed(&mut graph, &on_a);
    graph.reset_stages_on_lost_executor("a").expect("reset");
    succeed(&mut graph, &on_b);
    assert!(!graph.is_successful());
    let again = bind(&mut graph, "b");
    succeed(&mut graph, &again);
    assert!(graph.is_successful());
    let results = graph.output_locations();
    assert_eq!(results.len(), 4);
    assert!(results.iter().all(|location| location.executor_meta.id == "b"));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_written_again() {
    let mut graph = three_stages().await;
    run(&mut graph, ["a", "b"]);
    let reader = bind(&mut graph, "b");
    let missing = FetchPartitionError { executor_id: "a".into(), map_stage_id: 1, map_partition_id: 0 };
    fail(&mut graph, &reader, FailedReason::FetchPartitionError(missing), false);
    let again = bind(&mut graph, "b");
    assert_eq!(again.stage, 1);
    succeed(&mut graph, &again);
    run(&mut graph, ["b", "b"]);
    run(&mut graph, ["b", "b"]);
    assert!(graph.is_successful());
}

#[tokio::test]
async fn a_task_that_was_killed_runs_again_and_one_that_fails_ends_the_job() {
    let mut graph = three_stages().await;
    let first = bind(&mut graph, "a");
    fail(&mut graph, &first, FailedReason::TaskKilled(TaskKilled {}), true);
    assert_eq!(graph.available_tasks(), 2);
    let second = bind(&mut graph, "a");
    let events = fail(&mut graph, &second, FailedReason::ExecutionError(ExecutionError {}), false);
    assert!(matches!(graph.status().status, Some(Status::Failed(_))));
    assert!(matches!(&events[..], [QueryStageSchedulerEvent::JobRunningFailed { .. }]));
    assert!(graph.fetch_running_stage(&[]).is_none());
}

#[tokio::test]
async fn files_are_needed_until_their_reader_is_done() {
    let holders = |graph: &Graph| {
        let mut holders: Vec<_> = super::holders(graph).into_iter().collect();
        holders.sort();
        holders
    };
    let mut graph = three_stages().await;
    assert!(holders(&graph).is_empty());
    run(&mut graph, ["a", "a"]);
    assert_eq!(holders(&graph), ["a"]);
    let half = bind(&mut graph, "b");
    succeed(&mut graph, &half);
    assert_eq!(holders(&graph), ["a", "b"]);
    let other = bind(&mut graph, "b");
    succeed(&mut graph, &other);
    assert_eq!(holders(&graph), ["b"], "the second stage has read all of the first one");
    run(&mut graph, ["c", "c"]);
    assert_eq!(holders(&graph), ["c"], "the result is there until the job has left the scheduler");
    graph.fail_job("why".into());
    assert!(holders(&graph).is_empty());
}

#[tokio::test]
async fn every_task_without_a_core_waits_also_of_a_stage_that_has_not_begun() {
    let mut graph = three_stages().await;
    assert_eq!(super::waiting(&graph), 2);
    let first = bind(&mut graph, "a");
    assert_eq!(super::waiting(&graph), 1);
    let second = bind(&mut graph, "a");
    assert_eq!(super::waiting(&graph), 0);
    succeed(&mut graph, &first);
    assert_eq!(super::waiting(&graph), 0);
    succeed(&mut graph, &second);
    assert_eq!(super::waiting(&graph), 2, "the next stage can start");
}

#[tokio::test]
async fn what_tasks_did_is_counted_for_each_executor_and_numbers_out_of_use_are_no_tasks() {
    let count = |graph: &Graph| {
        let mut digest = Digest::default();
        digest.count(graph);
        digest
    };
    let mut graph = three_stages().await;
    let first = bind(&mut graph, "a");
    fail(&mut graph, &first, FailedReason::TaskKilled(TaskKilled {}), true);
    run(&mut graph, ["a", "b"]);
    let digest = count(&graph);
    assert_eq!((digest.stages, digest.launched, digest.done, digest.failed), (1, 3, 2, 1));
    assert_eq!((digest.executors["a"].done, digest.executors["a"].failed), (1, 1));
    assert_eq!((digest.shuffle_rows, digest.shuffle_bytes), (4, 4));

    // The second stage begins anew, and keeps the places of what it had launched.
    bind(&mut graph, "b");
    graph.reset_stages_on_lost_executor("a").expect("reset");
    let again = bind(&mut graph, "b");
    succeed(&mut graph, &again);
    bind(&mut graph, "b");
    let digest = count(&graph);
    assert_eq!((digest.stages, digest.launched, digest.done, digest.failed), (2, 5, 2, 2));
    assert_eq!((digest.executors["a"].failed, digest.executors["b"].done), (2, 2));
}
