//! Reads what there is to see: the scheduler's graphs, the ledger, the session's statements. It reads when it is asked,
//! holds locks for no longer than a look takes, and changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ballista_core::serde::protobuf::executor_metric::Metric;
use ballista_core::serde::protobuf::job_status::Status as JobStatus;
use ballista_core::serde::protobuf::task_status::Status as TaskStatus;
use ballista_scheduler::cluster::ClusterState;
use ballista_scheduler::display::format_stage_metrics;
use ballista_scheduler::scheduler_server::timestamp_millis;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use onager_contract::{Application, ExecutorDemand, Phase};
use tokio::sync::watch;

use super::view::{Executor, Job, Stage, Standing, State, Task, View};
use crate::driver::crew::short;
use crate::driver::digest::{Digest, failed_on, launched_tasks, milliseconds};
use crate::driver::graph;
use crate::driver::history::Known;
use crate::driver::scheduler::Scheduler;
use crate::statements::{Statements, cut};
use crate::{redact, remote_error, session};

/// Characters of an error that are shown.
const ERROR_CHARS: usize = 2_000;
/// Characters of a stage's plan that are shown.
const PLAN_CHARS: usize = 64_000;

/// Where everything is read from.
pub(in crate::driver) struct Facts {
    application: Application,
    program: &'static str,
    demand: ExecutorDemand,
    /// Names and values; secrets are hidden.
    pub(super) conf: Vec<(String, String)>,
    started_at: u64,
    phases: watch::Receiver<(Phase, u64)>,
    scheduler: Arc<Scheduler>,
    statements: OnceLock<Arc<Statements>>,
    /// The highest sums seen: what is rolled back was done nevertheless.
    highest: Mutex<[u64; 6]>,
    /// Jobs that ended, by number, as long as they are on record.
    shown: Mutex<HashMap<u32, Job>>,
}

impl Facts {
    pub(in crate::driver) fn new(
        application: Application,
        program: &'static str,
        demand: ExecutorDemand,
        conf: &BTreeMap<String, String>,
        phases: watch::Receiver<(Phase, u64)>,
        scheduler: Arc<Scheduler>,
    ) -> Self {
        let conf = conf.iter().map(|(name, value)| (name.clone(), redact::value(name, value))).collect();
        let started_at = timestamp_millis();
        let (statements, highest, shown) = (OnceLock::new(), Mutex::default(), Mutex::default());
        Self { application, program, demand, conf, started_at, phases, scheduler, statements, highest, shown }
    }

    /// From here on statements are seen.
    pub(in crate::driver) fn follow(&self, statements: Arc<Statements>) {
        let _ = self.statements.set(statements);
    }

    /// How far the driver is.
    pub(in crate::driver) fn phase(&self) -> Phase {
        self.phases.borrow().0
    }

    /// All there is to see, but for tasks and plans.
    pub(in crate::driver) async fn view(&self) -> View {
        let mut live = Digest::default();
        let mut at_work: HashMap<String, u64> = HashMap::new();
        let mut pending_tasks = 0;
        let mut jobs = Vec::new();
        let (records, running) = self.scheduler.jobs();
        for known in records.jobs {
            let graph = match &known.ended {
                Some(_) => {
                    jobs.push(self.ended(&known));
                    continue;
                }
                None => running.get(&known.ticket.id).map(|job| job.execution_graph.clone()),
            };
            let Some(graph) = graph else {
                jobs.push(job(&known, None));
                continue;
            };
            let graph = graph.read().await;
            live.count(&**graph);
            pending_tasks += graph::waiting(&**graph) as u64;
            for task in graph.running_tasks() {
                *at_work.entry(task.executor_id).or_default() += 1;
            }
            jobs.push(job(&known, Some(&**graph)));
        }
        self.shown().retain(|number, _| jobs.iter().any(|job| job.number == *number));
        let mut totals = records.totals;
        totals.add(&live);
        totals.never_less(&mut self.highest.lock().unwrap_or_else(PoisonError::into_inner));
        let (phase, phase_since) = *self.phases.borrow();
        View {
            now: timestamp_millis(),
            application: self.application.clone(),
            program: self.program,
            started_at: self.started_at,
            phase,
            phase_since,
            demand: self.demand.clone(),
            lost: self.scheduler.ledger().lost(),
            executors: self.executors(&totals, &at_work).await,
            jobs,
            statements: self.statements.get().map(|statements| statements.all()).unwrap_or_default(),
            expected_statements: self.statements.get().and_then(|statements| statements.expected()),
            totals,
            forgotten_jobs: records.forgotten,
            pending_tasks,
        }
    }

    /// A job that ended, which is summed up once.
    fn ended(&self, known: &Known) -> Job {
        let number = known.ticket.number;
        if let Some(job) = self.shown().get(&number) {
            return job.clone();
        }
        let graph = known.ended.as_ref().and_then(|ended| ended.graph.as_deref());
        let made = job(known, graph.map(|graph| graph as &dyn ExecutionGraph));
        self.shown().insert(number, made.clone());
        made
    }

    fn shown(&self) -> MutexGuard<'_, HashMap<u32, Job>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn executors(&self, totals: &Digest, at_work: &HashMap<String, u64>) -> Vec<Executor> {
        let ledger = self.scheduler.ledger();
        let standing = ledger.standing().await;
        let mut executors: Vec<Executor> = ledger
            .crew()
            .members()
            .into_iter()
            .map(|member| {
                let now = standing.get(&member.id).copied().unwrap_or_default();
                let here = member.gone.is_none();
                let standing = match member.gone {
                    Some(gone) if gone.lost => Standing::Lost { at: gone.at, reason: gone.reason },
                    Some(gone) => Standing::Left { at: gone.at, reason: gone.reason },
                    None if now.leaving => Standing::Leaving,
                    None if now.drained => Standing::Drained,
                    None => Standing::Active,
                };
                let heartbeat = ledger.get_executor_heartbeat(&member.id).filter(|_| here);
                let memory_bytes = heartbeat.map_or(0, |heartbeat| {
                    let metrics = heartbeat.metrics.into_iter().filter_map(|metric| metric.metric);
                    let resident = metrics.filter_map(|metric| match metric {
                        Metric::ProcPhysicalMemory(bytes) => Some(bytes),
                        _ => None,
                    });
                    resident.max().unwrap_or_default()
                });
                Executor {
                    id: short(&member.id).to_string(),
                    host: member.host,
                    port: member.port,
                    cores: member.cores,
                    busy: if here { now.busy } else { 0 },
                    running_tasks: at_work.get(&member.id).copied().filter(|_| here).unwrap_or_default(),
                    since: member.since,
                    standing,
                    memory_bytes,
                    work: totals.executors.get(&member.id).copied().unwrap_or_default(),
                }
            })
            .collect();
        executors.sort_by_key(|executor| (!executor.standing.is_here(), executor.id.parse().unwrap_or(u32::MAX)));
        executors
    }

    /// The tasks of a stage, of its present attempt and those before; `None` where there is no such stage.
    pub(in crate::driver) async fn tasks(&self, job: u32, stage: usize) -> Option<Vec<Task>> {
        self.look(job, |graph| {
            let infos = graph.stages().get(&stage)?.task_infos().unwrap_or_default();
            Some(launched_tasks(infos).map(task).collect())
        })
        .await?
    }

    /// The plan of a stage, with what its operators counted so far.
    pub(in crate::driver) async fn plan(&self, job: u32, stage: usize) -> Option<String> {
        self.look(job, |graph| graph.stages().get(&stage).map(plan)).await?
    }

    /// The plans of all stages of a job, in the order of their numbers.
    pub(in crate::driver) async fn plans(&self, job: u32) -> Option<BTreeMap<usize, String>> {
        self.look(job, |graph| graph.stages().iter().map(|(id, stage)| (*id, plan(stage))).collect()).await
    }

    async fn look<T>(&self, number: u32, look: impl FnOnce(&dyn ExecutionGraph) -> T) -> Option<T> {
        let (records, running) = self.scheduler.jobs();
        let known = records.jobs.into_iter().find(|known| known.ticket.number == number)?;
        if let Some(ended) = &known.ended {
            return ended.graph.as_deref().map(|graph| look(graph));
        }
        let graph = running.get(&known.ticket.id)?.execution_graph.read().await;
        Some(look(&**graph))
    }
}

fn job(known: &Known, graph: Option<&dyn ExecutionGraph>) -> Job {
    let status = known.ended.as_ref().map(|ended| ended.status.clone());
    let status = status.or_else(|| graph.map(|graph| graph.status().clone())).and_then(|status| status.status);
    let (state, ended_at, error) = match status {
        Some(JobStatus::Successful(job)) => (State::Succeeded, Some(job.ended_at), None),
        Some(JobStatus::Failed(job)) => {
            (State::Failed, Some(job.ended_at), Some(readable(&remote_error::readable(&job.error))))
        }
        Some(JobStatus::Running(_)) => (State::Running, None, None),
        Some(JobStatus::Queued(_)) | None => (State::Waiting, None, None),
    };
    let (statement, name) = session::statement_of(&known.ticket.name);
    let first = known.ticket.first_stage.unwrap_or_default();
    let mut stages: Vec<Stage> =
        graph.into_iter().flat_map(|graph| graph.stages()).map(|(id, stage)| of_stage(*id, first, stage)).collect();
    stages.sort_by_key(|stage| stage.id);
    let written: HashMap<usize, (u64, u64)> =
        stages.iter().map(|stage| (stage.id, (stage.rows, stage.bytes))).collect();
    for stage in stages.iter_mut().filter(|stage| stage.state != State::Waiting) {
        for (rows, bytes) in stage.inputs.iter().filter_map(|input| written.get(input)) {
            stage.read_rows += rows;
            stage.read_bytes += bytes;
        }
    }
    Job {
        number: known.ticket.number,
        name: name.to_string(),
        statement,
        state,
        queued_at: known.ticket.queued_at,
        ended_at,
        error,
        stages,
    }
}

fn of_stage(id: usize, first: usize, stage: &ExecutionStage) -> Stage {
    let (state, attempt, partitions, inputs, started_at, error) = match stage {
        ExecutionStage::UnResolved(s) => (State::Waiting, s.stage_attempt_num, 0, Some(&s.inputs), None, None),
        ExecutionStage::Resolved(s) => (State::Waiting, s.stage_attempt_num, s.partitions, Some(&s.inputs), None, None),
        ExecutionStage::Running(s) => {
            let since = s.stage_running_time as u64;
            (State::Running, s.stage_attempt_num, s.partitions, Some(&s.inputs), Some(since), None)
        }
        ExecutionStage::Successful(s) => {
            (State::Succeeded, s.stage_attempt_num, s.partitions, Some(&s.inputs), None, None)
        }
        ExecutionStage::Failed(s) => {
            let error = readable(&remote_error::readable(&s.error_message));
            (State::Failed, s.stage_attempt_num, s.partitions, None, None, Some(error))
        }
    };
    let mut view = Stage {
        id,
        global_id: first + id.saturating_sub(1),
        attempt,
        state,
        operator: operator(stage.plan()),
        is_read: !stage.output_links().is_empty(),
        inputs: inputs.map(|inputs| inputs.keys().copied().collect()).unwrap_or_default(),
        partitions,
        done_partitions: 0,
        waiting_partitions: match stage {
            ExecutionStage::Resolved(stage) => stage.partitions,
            ExecutionStage::Running(stage) => stage.available_tasks(),
            _ => 0,
        },
        running_tasks: 0,
        done_tasks: 0,
        failed_tasks: 0,
        executors: 0,
        started_at,
        ended_at: None,
        rows: 0,
        bytes: 0,
        read_rows: 0,
        read_bytes: 0,
        error,
    };
    view.inputs.sort_unstable();
    let mut executors = HashSet::new();
    for task in launched_tasks(stage.task_infos().unwrap_or_default()) {
        view.started_at = Some(view.started_at.unwrap_or(u64::MAX).min(task.scheduled_time as u64));
        match &task.task_status {
            TaskStatus::Running(running) => {
                view.running_tasks += 1;
                executors.insert(&running.executor_id);
            }
            TaskStatus::Successful(done) => {
                view.done_tasks += 1;
                view.done_partitions += task.global_input_partition_ids.len();
                view.rows += done.partitions.iter().map(|file| file.num_rows).sum::<u64>();
                view.bytes += done.partitions.iter().map(|file| file.num_bytes).sum::<u64>();
            }
            TaskStatus::Failed(_) => view.failed_tasks += 1,
        }
        if matches!(view.state, State::Succeeded | State::Failed) && task.finish_time > 0 {
            view.ended_at = view.ended_at.max(Some(task.finish_time as u64));
        }
    }
    view.executors = executors.len();
    view
}

fn task(info: &TaskInfo) -> Task {
    let mut task = Task {
        id: info.task_id,
        state: State::Running,
        executor: None,
        partitions: info.global_input_partition_ids.clone(),
        started_at: match info.start_exec_time {
            0 => info.scheduled_time as u64,
            started => started as u64,
        },
        milliseconds: None,
        rows: 0,
        bytes: 0,
        error: None,
    };
    match &info.task_status {
        TaskStatus::Running(running) => task.executor = Some(short(&running.executor_id).to_string()),
        TaskStatus::Successful(done) => {
            task.state = State::Succeeded;
            task.executor = Some(short(&done.executor_id).to_string());
            task.milliseconds = Some(milliseconds(info));
            task.rows = done.partitions.iter().map(|file| file.num_rows).sum();
            task.bytes = done.partitions.iter().map(|file| file.num_bytes).sum();
        }
        TaskStatus::Failed(failed) => {
            let (executor, error) = failed_on(&failed.error);
            task.state = State::Failed;
            task.executor = executor.map(|executor| short(executor).to_string());
            task.milliseconds = Some(milliseconds(info));
            task.error = Some(readable(error));
        }
    }
    task
}

/// What an executor's or a user's text may show here.
fn readable(error: &str) -> String {
    cut(&redact::text(&cut(error, ERROR_CHARS * 2)), ERROR_CHARS)
}

/// The first operator below the shuffle writer that says what a stage is for.
fn operator(plan: &dyn ExecutionPlan) -> String {
    const PLAIN: [&str; 7] =
        ["Shuffle", "Unresolved", "Projection", "Coalesce", "RepartitionExec", "Cooperative", "SortShuffle"];
    let mut found = plan.name().to_string();
    let mut next = plan.children().first().map(|child| (*child).clone());
    while let Some(node) = next {
        let name = node.name();
        if !PLAIN.iter().any(|plain| name.starts_with(plain)) {
            found = name.to_string();
            break;
        }
        next = node.children().first().map(|child| (*child).clone());
    }
    found.replacen("Exec", "", 1)
}

fn plan(stage: &ExecutionStage) -> String {
    let text = match stage {
        ExecutionStage::Running(stage) => stage.stage_metrics.as_ref().map(|m| format_stage_metrics(&*stage.plan, m)),
        ExecutionStage::Successful(stage) => Some(format_stage_metrics(&*stage.plan, &stage.stage_metrics)),
        ExecutionStage::Failed(stage) => stage.stage_metrics.as_ref().map(|m| format_stage_metrics(&*stage.plan, m)),
        ExecutionStage::UnResolved(_) | ExecutionStage::Resolved(_) => None,
    };
    let text = text.unwrap_or_else(|| displayable(stage.plan()).indent(false).to_string());
    redact::text(&cut(&text.replace(", metrics=[]", ""), PLAN_CHARS))
}
