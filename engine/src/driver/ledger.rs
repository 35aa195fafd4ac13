//! Ballista's cluster state with books kept beside it. Ballista forgets the cores of tasks it rolls back when an executor
//! is lost, and push scheduling then hangs; the ledger knows what every executor has lent out, so that what no running
//! task holds can be given back. It also counts executors, for whoever waits for them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use tokio::sync::{Mutex, Notify, watch};
use tracing::{info, warn};

use super::graph::Graph;

/// The jobs that run, as the scheduler hands them out.
pub(super) type RunningJobs = Arc<HashMap<JobId, JobInfoCache>>;

pub(super) struct Ledger {
    inner: InMemoryClusterState,
    /// Cores bound to tasks, for each executor.
    bound: Mutex<HashMap<String, u32>>,
    /// Jobs whose graph is ours.
    taken_over: Mutex<HashSet<JobId>>,
    registered: watch::Sender<usize>,
    lost: AtomicU32,
    removed: Notify,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            inner: InMemoryClusterState::default(),
            bound: Mutex::default(),
            taken_over: Mutex::default(),
            registered: watch::Sender::new(0),
            lost: AtomicU32::new(0),
            removed: Notify::new(),
        }
    }
}

impl Ledger {
    /// How many executors are registered, and each change of it.
    pub(super) fn registered(&self) -> watch::Receiver<usize> {
        self.registered.subscribe()
    }

    /// How many executors were removed.
    pub(super) fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Returns after an executor was removed.
    pub(super) async fn removed(&self) {
        self.removed.notified().await;
    }

    /// The id of some executor that is registered.
    pub(super) async fn anyone(&self) -> Option<String> {
        self.inner.registered_executor_metadata().await.into_iter().next().map(|executor| executor.id)
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
        for (executor, cores) in bound.iter_mut() {
            let excess = cores.saturating_sub(held.get(executor).copied().unwrap_or(0));
            if excess > 0 {
                *cores -= excess;
                freed.push((executor.clone(), excess));
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
        let tasks = self.inner.bind_schedulable_tasks(distribution, active_jobs, executors).await?;
        for (executor, task) in &tasks {
            *bound.entry(executor.clone()).or_default() += task.vcores_consumed;
        }
        Ok(tasks)
    }

    async fn unbind_tasks(&self, executor_slots: Vec<ExecutorSlot>) -> Result<()> {
        let mut bound = self.bound.lock().await;
        // A late answer of a task that was settled already must not give its cores back twice.
        let slots = executor_slots.into_iter().filter_map(|(executor, cores)| {
            let entry = bound.get_mut(&executor)?;
            let cores = cores.min(*entry);
            *entry -= cores;
            Some((executor, cores))
        });
        let slots = slots.collect();
        self.inner.unbind_tasks(slots).await
    }

    async fn register_executor(&self, metadata: ExecutorMetadata, spec: ExecutorData) -> Result<()> {
        let (id, host, cores) = (metadata.id.clone(), metadata.host.clone(), spec.total_vcores);
        self.inner.register_executor(metadata, spec).await?;
        self.bound.lock().await.insert(id.clone(), 0);
        self.count().await;
        info!(executor = id, host, cores, "executor registered");
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

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        let known = self.inner.get_executor_metadata(executor_id).await.is_ok();
        self.inner.remove_executor(executor_id).await?;
        self.bound.lock().await.remove(executor_id);
        self.count().await;
        if known {
            self.lost.fetch_add(1, Ordering::Relaxed);
            warn!(executor = executor_id, "executor lost; its tasks go to others");
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
