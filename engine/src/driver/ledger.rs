//! Ballista's cluster state with books kept beside it. Ballista forgets the cores of tasks it rolls back when an executor
//! is lost, and push scheduling then hangs; the ledger knows what every executor has lent out, so that what no running
//! task holds can be given back. It also counts executors, for whoever waits for them, knows who is idle, and gives no
//! more tasks to those that are to leave.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_core::error::{BallistaError, Result};
use ballista_core::serde::protobuf::{ExecutorHeartbeat, ExecutorStatus, executor_status::Status};
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use tokio::sync::{Mutex, Notify, watch};
use tracing::{info, warn};

use super::crew::{Crew, short};
use super::graph::Graph;
use crate::words::{are, several};

/// The jobs that run, as the scheduler hands them out.
pub(super) type RunningJobs = Arc<HashMap<JobId, JobInfoCache>>;

/// What is on record of one executor.
struct Account {
    /// Cores bound to tasks.
    cores: u32,
    /// Since when none is, where none is.
    idle_since: Instant,
    /// It gets no more tasks.
    drained: bool,
    /// Whoever drained it was told that it may go: its end is no loss.
    released: bool,
    /// It said itself that its pod is to end.
    leaving: bool,
}

/// What is known of an executor besides who it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Cores at work.
    pub busy: u32,
    /// It gets no more tasks.
    pub drained: bool,
    /// It said itself that it is to end.
    pub leaving: bool,
}

impl Account {
    fn new() -> Self {
        Self { cores: 0, idle_since: Instant::now(), drained: false, released: false, leaving: false }
    }

    /// Returns how many of `cores` it had.
    fn give_back(&mut self, cores: u32) -> u32 {
        let given = cores.min(self.cores);
        self.cores -= given;
        if given > 0 && self.cores == 0 {
            self.idle_since = Instant::now();
        }
        given
    }
}

pub(super) struct Ledger {
    inner: InMemoryClusterState,
    bound: Mutex<HashMap<String, Account>>,
    /// Executors that were let go: a late heartbeat must not bring them back.
    gone: Mutex<HashSet<String>>,
    /// Jobs whose graph is ours.
    taken_over: Mutex<HashSet<JobId>>,
    registered: watch::Sender<usize>,
    crew: Crew,
    lost: AtomicU32,
    removed: Notify,
    leaves: Notify,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            inner: InMemoryClusterState::default(),
            bound: Mutex::default(),
            gone: Mutex::default(),
            taken_over: Mutex::default(),
            registered: watch::Sender::new(0),
            crew: Crew::default(),
            lost: AtomicU32::new(0),
            removed: Notify::new(),
            leaves: Notify::new(),
        }
    }
}

impl Ledger {
    /// How many executors are registered, and each change of it.
    pub(super) fn registered(&self) -> watch::Receiver<usize> {
        self.registered.subscribe()
    }

    /// How many executors were removed that did not leave in order.
    pub(super) fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Who is here and who was.
    pub(super) fn crew(&self) -> &Crew {
        &self.crew
    }

    /// What executors have to do now, by their ids.
    pub(super) async fn standing(&self) -> HashMap<String, Standing> {
        let bound = self.bound.lock().await;
        let standing =
            |account: &Account| Standing { busy: account.cores, drained: account.drained, leaving: account.leaving };
        bound.iter().map(|(id, account)| (id.clone(), standing(account))).collect()
    }

    /// Returns after an executor was removed.
    pub(super) async fn removed(&self) {
        self.removed.notified().await;
    }

    /// The id of some executor that is registered.
    pub(super) async fn anyone(&self) -> Option<String> {
        self.inner.registered_executor_metadata().await.into_iter().next().map(|executor| executor.id)
    }

    /// Cores that tasks hold.
    pub(super) async fn cores_at_work(&self) -> u64 {
        self.bound.lock().await.values().map(|account| u64::from(account.cores)).sum()
    }

    /// Executors without a task, and for how long.
    pub(super) async fn idle(&self) -> Vec<(String, Duration)> {
        let bound = self.bound.lock().await;
        let idle = bound.iter().filter(|(_, account)| account.cores == 0);
        idle.map(|(id, account)| (id.clone(), account.idle_since.elapsed())).collect()
    }

    /// Gives an executor no more tasks. False where it has one, and then nothing changes; true also where it is unknown.
    pub(super) async fn drain(&self, executor_id: &str) -> bool {
        match self.bound.lock().await.get_mut(executor_id) {
            Some(account) if account.cores > 0 => false,
            Some(account) => {
                (account.drained, account.released) = (true, true);
                true
            }
            None => true,
        }
    }

    /// Takes a drain back, unless the executor itself is about to leave.
    pub(super) async fn use_again(&self, executor_id: &str) {
        if let Some(account) = self.bound.lock().await.get_mut(executor_id) {
            (account.drained, account.released) = (account.leaving, false);
        }
    }

    /// Returns after an executor said that it is to leave.
    pub(super) async fn somebody_leaves(&self) {
        self.leaves.notified().await;
    }

    /// Executors that said so and are still here, with the cores that are at work on them.
    pub(super) async fn leaving(&self) -> Vec<(String, u32)> {
        let bound = self.bound.lock().await;
        let leaving = bound.iter().filter(|(_, account)| account.leaving);
        leaving.map(|(id, account)| (id.clone(), account.cores)).collect()
    }

    /// From here on an executor counts as gone, and not as lost.
    pub(super) async fn let_go(&self, executor_id: &str) {
        self.gone.lock().await.insert(executor_id.to_string());
    }

    /// Gives back the cores that are bound to no running task; returns how many.
    pub(super) async fn settle(&self, jobs: &RunningJobs) -> Result<u32> {
        // Binding holds this lock as well: what is bound and what runs are seen at one moment.
        let mut bound = self.bound.lock().await;
        let mut held: HashMap<String, u32> = HashMap::new();
        for job in jobs.values() {
            let graph = job.execution_graph.read().await;
            for task in graph.running_tasks() {
                *held.entry(task.executor_id).or_default() +=
                    graph.task_vcores(task.stage_id, task.task_id).unwrap_or(0);
            }
        }
        let mut freed = Vec::new();
        for (executor, account) in bound.iter_mut() {
            let excess = account.cores.saturating_sub(held.get(executor).copied().unwrap_or(0));
            if excess > 0 {
                freed.push((executor.clone(), account.give_back(excess)));
            }
        }
        let total = freed.iter().map(|(_, cores)| cores).sum();
        self.inner.unbind_tasks(freed).await?;
        Ok(total)
    }

    /// Puts our graph in the place of Ballista's, before a job's first task is bound.
    async fn take_over(&self, jobs: &RunningJobs) {
        let mut taken = self.taken_over.lock().await;
        taken.retain(|job| jobs.contains_key(job));
        for (job_id, job) in jobs.iter() {
            if taken.insert(job_id.clone()) {
                let mut graph = job.execution_graph.write().await;
                *graph = Box::new(Graph::new(graph.cloned()));
            }
        }
    }

    async fn count(&self) {
        // One at a time, or of two that register at once the older count could be told last, and the driver wait for ever.
        let _alone = self.bound.lock().await;
        let count = self.inner.registered_executor_metadata().await.len();
        self.registered.send_replace(count);
    }
}

#[async_trait::async_trait]
impl ClusterState for Ledger {
    async fn init(&self) -> Result<()> {
        self.inner.init().await
    }

    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: RunningJobs,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let mut bound = self.bound.lock().await;
        self.take_over(&active_jobs).await;
        let mut executors = executors.unwrap_or_else(|| bound.keys().cloned().collect());
        executors.retain(|id| bound.get(id).is_some_and(|account| !account.drained));
        let tasks = self.inner.bind_schedulable_tasks(distribution, active_jobs, Some(executors)).await?;
        for (executor, task) in &tasks {
            bound.entry(executor.clone()).or_insert_with(Account::new).cores += task.vcores_consumed;
        }
        Ok(tasks)
    }

    async fn unbind_tasks(&self, executor_slots: Vec<ExecutorSlot>) -> Result<()> {
        let mut bound = self.bound.lock().await;
        // A late answer of a task that was settled already must not give its cores back twice.
        let slots = executor_slots.into_iter().filter_map(|(executor, cores)| {
            let cores = bound.get_mut(&executor)?.give_back(cores);
            Some((executor, cores))
        });
        let slots = slots.collect();
        self.inner.unbind_tasks(slots).await
    }

    async fn register_executor(&self, metadata: ExecutorMetadata, spec: ExecutorData) -> Result<()> {
        let (id, host, port, cores) = (metadata.id.clone(), metadata.host.clone(), metadata.port, spec.total_vcores);
        if self.gone.lock().await.contains(&id) {
            return Err(BallistaError::General(format!("executor {id} has left")));
        }
        // On record before it can be found: an executor without a record gets no tasks.
        self.bound.lock().await.entry(id.clone()).or_insert_with(Account::new);
        self.inner.register_executor(metadata, spec).await?;
        self.crew.came(&id, &host, port, cores);
        self.count().await;
        let all = *self.registered.borrow();
        let cores = several(cores, "core");
        info!("executor {} has registered from {host} with {cores}: {all} {} here", short(&id), are(all));
        Ok(())
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, mut heartbeat: ExecutorHeartbeat) -> Result<()> {
        if matches!(&heartbeat.status, Some(ExecutorStatus { status: Some(Status::Terminating(_)) })) {
            // Ballista would take it off at once, with all its files.
            heartbeat.status = Some(ExecutorStatus { status: Some(Status::Active(String::new())) });
            if let Some(account) = self.bound.lock().await.get_mut(&heartbeat.executor_id)
                && !account.leaving
            {
                let (id, cores) = (short(&heartbeat.executor_id), account.cores);
                info!("executor {id} is asked to end: it gets no more tasks, {} at work", several(cores, "core"));
                (account.drained, account.leaving) = (true, true);
                self.leaves.notify_one();
            }
        }
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        let known = self.inner.get_executor_metadata(executor_id).await.is_ok();
        self.inner.remove_executor(executor_id).await?;
        let account = self.bound.lock().await.remove(executor_id);
        self.count().await;
        let in_order = self.gone.lock().await.contains(executor_id)
            || account.is_some_and(|account| account.released && account.cores == 0);
        if in_order || known {
            let reason = self.crew.went(executor_id, !in_order);
            let (id, left) = (short(executor_id), *self.registered.borrow());
            let here = format!("{left} {} here", are(left));
            if in_order {
                info!("executor {id} has left: {reason}; {here}");
            } else {
                self.lost.fetch_add(1, Ordering::Relaxed);
                warn!("executor {id} was lost: {reason}; {here}");
            }
        }
        self.removed.notify_one();
        Ok(())
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}
