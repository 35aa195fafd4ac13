//! The same as JSON, in the shapes of Spark's REST API where they fit. A partition stands for what Spark calls a task where
//! tasks are counted; times of what has not ended are absent. It shows no more than the pages do.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::facts::Facts;
use super::format::spark_time;
use super::spread::quantile;
use super::view::{Executor, Job, Stage, Standing, State, Task, View};
use crate::readonly::{Asked, Reply};
use crate::statements::{End, Statement};

/// Tasks of one answer, as in Spark.
const TASKS: usize = 20;
/// More are not given at once.
const MOST_TASKS: usize = 1_000;
const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Answers to a path below `/api/v1`.
pub(super) async fn answer(facts: &Facts, path: &[&str], asked: &Asked) -> Reply {
    let view = facts.view().await;
    let found = match path {
        ["version"] => Some(json!({"onager": env!("CARGO_PKG_VERSION")})),
        ["applications"] => Some(json!([application(&view)])),
        ["applications", id] if is_ours(&view, id) => Some(application(&view)),
        ["applications", id, rest @ ..] if is_ours(&view, id) => of_application(facts, &view, rest, asked).await,
        _ => None,
    };
    match found {
        Some(value) => Reply::new("application/json", value.to_string()),
        None => Reply::text(StatusCode::NOT_FOUND, "there is no such thing here, or not any more"),
    }
}

fn is_ours(view: &View, id: &str) -> bool {
    id == view.id() || id == view.application.name
}

async fn of_application(facts: &Facts, view: &View, path: &[&str], asked: &Asked) -> Option<Value> {
    let wanted = asked.value("status");
    let is_wanted = |status: &str| wanted.is_empty() || status.eq_ignore_ascii_case(wanted);
    let stages = || view.jobs.iter().flat_map(|job| job.stages.iter().map(move |stage| (job, stage)));
    match path {
        ["jobs"] => {
            let jobs = view.jobs.iter().rev().filter(|found| is_wanted(job_status(found.state)));
            Some(jobs.map(|found| job(view, found)).collect())
        }
        ["jobs", number] => {
            let number: u32 = number.parse().ok()?;
            view.jobs.iter().find(|job| job.number == number).map(|found| job(view, found))
        }
        ["stages"] => {
            let mut found: Vec<_> = stages().filter(|(_, stage)| is_wanted(stage_status(stage.state))).collect();
            found.reverse();
            Some(found.into_iter().map(|(job, found)| stage(view, job, found)).collect())
        }
        ["stages", id, rest @ ..] => {
            let id: usize = id.parse().ok()?;
            let (job, found) = stages().find(|(_, stage)| stage.global_id == id)?;
            match rest {
                // In Spark this is a list of attempts; the present one is all there is.
                [] => Some(json!([stage(view, job, found)])),
                [attempt, rest @ ..] if attempt.parse::<usize>().ok() == Some(found.attempt) => match rest {
                    [] => Some(stage(view, job, found)),
                    ["taskList"] => Some(task_list(view, facts.tasks(job.number, found.id).await?, asked)),
                    ["taskSummary"] => Some(task_summary(&facts.tasks(job.number, found.id).await?, asked)),
                    _ => None,
                },
                _ => None,
            }
        }
        ["executors"] => {
            Some(view.executors.iter().filter(|executor| executor.standing.is_here()).map(executor).collect())
        }
        ["allexecutors"] => Some(view.executors.iter().map(executor).collect()),
        ["sql"] => Some(view.statements.iter().map(|found| statement(view, found)).collect()),
        ["sql", number] => {
            let number: u32 = number.parse().ok()?;
            view.statements.iter().find(|found| found.number == number).map(|found| statement(view, found))
        }
        ["environment"] => Some(json!({"sparkProperties": facts.conf})),
        _ => None,
    }
}

fn application(view: &View) -> Value {
    json!({
        "id": view.id(),
        "name": view.application.name,
        "namespace": view.application.namespace,
        "status": super::sentence::now(view),
        "attempts": [{
            "attemptId": view.application.attempt.to_string(),
            "startTime": spark_time(view.started_at),
            "startTimeEpoch": view.started_at,
            "endTime": "1969-12-31T23:59:59.999GMT",
            "endTimeEpoch": -1,
            "lastUpdated": spark_time(view.now),
            "lastUpdatedEpoch": view.now,
            "duration": view.now.saturating_sub(view.started_at),
            "sparkUser": "",
            "appSparkVersion": env!("CARGO_PKG_VERSION"),
            "completed": false,
        }],
    })
}

fn job_status(state: State) -> &'static str {
    match state {
        State::Waiting => "UNKNOWN",
        State::Running => "RUNNING",
        State::Succeeded => "SUCCEEDED",
        State::Failed => "FAILED",
    }
}

fn stage_status(state: State) -> &'static str {
    match state {
        State::Waiting => "PENDING",
        State::Running => "ACTIVE",
        State::Succeeded => "COMPLETE",
        State::Failed => "FAILED",
    }
}

fn job(view: &View, job: &Job) -> Value {
    let (done, all) = job.progress();
    let stages = |state: State| job.stages.iter().filter(|stage| stage.state == state).count();
    let text = view.statement_of(job).map(|statement| statement.text.as_str());
    without_nulls(json!({
        "jobId": job.number,
        "name": if job.name.is_empty() { text.unwrap_or_default() } else { &job.name },
        "description": text,
        "submissionTime": spark_time(job.queued_at),
        "completionTime": job.ended_at.map(spark_time),
        "stageIds": job.stages.iter().map(|stage| stage.global_id).collect::<Vec<_>>(),
        "status": job_status(job.state),
        "numTasks": all,
        "numActiveTasks": job.stages.iter().map(|stage| stage.running_tasks).sum::<usize>(),
        "numCompletedTasks": done,
        "numSkippedTasks": 0,
        "numFailedTasks": job.stages.iter().map(|stage| stage.failed_tasks).sum::<usize>(),
        "numKilledTasks": 0,
        "numCompletedIndices": done,
        "numActiveStages": stages(State::Running),
        "numCompletedStages": stages(State::Succeeded),
        "numSkippedStages": 0,
        "numFailedStages": stages(State::Failed),
        "sqlExecutionId": job.statement,
        "failureReason": job.error,
    }))
}

fn stage(view: &View, job: &Job, stage: &Stage) -> Value {
    let written = |of_shuffle: bool, value: u64| if of_shuffle == stage.is_read { value } else { 0 };
    without_nulls(json!({
        "status": stage_status(stage.state),
        "stageId": stage.global_id,
        "attemptId": stage.attempt,
        "jobId": job.number,
        "stageOfJob": stage.id,
        "parentIds": stage.inputs.iter().map(|id| (stage.global_id + id).saturating_sub(stage.id)).collect::<Vec<_>>(),
        "name": stage.operator,
        "description": view.statement_of(job).map(|statement| statement.text.as_str()),
        "numTasks": stage.partitions,
        "numActiveTasks": stage.running_tasks,
        "numCompleteTasks": stage.done_partitions,
        "numFailedTasks": stage.failed_tasks,
        "numKilledTasks": 0,
        "submissionTime": stage.started_at.map(spark_time),
        "firstTaskLaunchedTime": stage.started_at.map(spark_time),
        "completionTime": stage.ended_at.map(spark_time),
        "failureReason": stage.error,
        "shuffleReadBytes": stage.read_bytes,
        "shuffleReadRecords": stage.read_rows,
        "shuffleWriteBytes": written(true, stage.bytes),
        "shuffleWriteRecords": written(true, stage.rows),
        "outputBytes": written(false, stage.bytes),
        "outputRecords": written(false, stage.rows),
    }))
}

fn task_list(view: &View, mut tasks: Vec<Task>, asked: &Asked) -> Value {
    match asked.value("sortBy") {
        "runtime" => tasks.sort_by_key(|task| task.time(view.now)),
        "-runtime" => tasks.sort_by_key(|task| std::cmp::Reverse(task.time(view.now))),
        _ => {}
    }
    let length = asked.number("length").unwrap_or(TASKS).min(MOST_TASKS);
    let tasks = tasks.iter().skip(asked.number("offset").unwrap_or(0)).take(length);
    tasks.map(|found| task(view, found)).collect()
}

fn task(view: &View, task: &Task) -> Value {
    without_nulls(json!({
        "taskId": task.id,
        "index": task.id,
        "attempt": 0,
        "partitionId": task.partitions.first(),
        "partitions": task.partitions,
        "launchTime": spark_time(task.started_at),
        "duration": task.time(view.now),
        "executorId": task.executor,
        "status": match task.state {
            State::Succeeded => "SUCCESS",
            State::Failed => "FAILED",
            State::Running | State::Waiting => "RUNNING",
        },
        "errorMessage": task.error,
        "taskMetrics": {
            "executorRunTime": task.milliseconds,
            "shuffleWriteMetrics": {"bytesWritten": task.bytes, "recordsWritten": task.rows},
        },
    }))
}

fn task_summary(tasks: &[Task], asked: &Asked) -> Value {
    let given: Vec<f64> = asked.value("quantiles").split(',').filter_map(|text| text.trim().parse().ok()).collect();
    let quantiles = if given.is_empty() { QUANTILES.to_vec() } else { given };
    let of = |value: fn(&Task) -> u64| {
        let done = tasks.iter().filter(|task| task.state == State::Succeeded);
        let mut values: Vec<u64> = done.map(value).collect();
        values.sort_unstable();
        quantiles.iter().map(|share| quantile(&values, *share)).collect::<Vec<_>>()
    };
    let times = of(|task| task.milliseconds.unwrap_or_default());
    json!({
        "quantiles": quantiles,
        "duration": times,
        "executorRunTime": times,
        "shuffleWriteMetrics": {"writeBytes": of(|task| task.bytes), "writeRecords": of(|task| task.rows)},
    })
}

fn executor(executor: &Executor) -> Value {
    let (removed, reason) = match &executor.standing {
        Standing::Left { at, reason } | Standing::Lost { at, reason } => (Some(*at), Some(reason)),
        _ => (None, None),
    };
    let work = &executor.work;
    without_nulls(json!({
        "id": executor.id,
        "hostPort": format!("{}:{}", executor.host, executor.port),
        "isActive": executor.standing.is_here(),
        "state": executor.standing.word(),
        "totalCores": executor.cores,
        "maxTasks": executor.cores,
        "activeTasks": executor.running_tasks,
        "failedTasks": work.failed,
        "completedTasks": work.done,
        "totalTasks": work.done + work.failed + executor.running_tasks,
        "totalDuration": work.milliseconds,
        "totalShuffleWrite": work.bytes,
        "memoryUsed": executor.memory_bytes,
        "addTime": spark_time(executor.since),
        "removeTime": removed.map(spark_time),
        "removeReason": reason,
    }))
}

fn statement(view: &View, statement: &Statement) -> Value {
    let jobs = |state: State| {
        let jobs = view.jobs_of(statement).filter(|job| job.state == state);
        jobs.map(|job| job.number).collect::<Vec<_>>()
    };
    let (rows, error) = match &statement.end {
        Some((_, End::Done(rows))) => (*rows, None),
        Some((_, End::Failed(error))) => (None, Some(error)),
        None => (None, None),
    };
    without_nulls(json!({
        "id": statement.number,
        "status": match view.state_of(statement) {
            State::Succeeded => "COMPLETED",
            State::Failed => "FAILED",
            State::Running | State::Waiting => "RUNNING",
        },
        "description": statement.text,
        "line": statement.line,
        "submissionTime": spark_time(statement.started_at),
        "duration": view.time_of(statement),
        "rows": rows,
        "errorMessage": error,
        "runningJobIds": jobs(State::Running),
        "successJobIds": jobs(State::Succeeded),
        "failedJobIds": jobs(State::Failed),
    }))
}

/// What is not known is absent, as in Spark's answers.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn shapes_are_those_of_spark() {
        let view = example::view();
        let running = job(&view, &view.jobs[2]);
        assert_eq!(running["status"], "RUNNING");
        assert_eq!((&running["numTasks"], &running["numCompletedTasks"]), (&json!(400), &json!(212)));
        assert_eq!(running["description"], example::HOSTILE);
        assert!(running.get("completionTime").is_none());
        let second = stage(&view, &view.jobs[2], &view.jobs[2].stages[1]);
        assert_eq!((&second["status"], &second["parentIds"]), (&json!("ACTIVE"), &json!([0])));
        let lost = executor(&view.executors[2]);
        assert_eq!((&lost["isActive"], &lost["removeReason"]), (&json!(false), &json!("its node <gone>")));
        assert_eq!(statement(&view, &view.statements[1])["status"], "RUNNING");
        assert_eq!(application(&view)["id"], "spark-7d0c5f1e");
    }
}
