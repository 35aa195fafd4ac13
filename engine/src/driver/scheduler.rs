//! Ballista's scheduler inside the driver: how it is configured, where it listens, and what can be asked of it. All that
//! the rest of the driver knows of Ballista's scheduling goes through here.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_core::serde::protobuf::{ExecutorStoppedParams, SuccessfulJob};
use ballista_core::serde::scheduler::ExecutorMetadata;
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::cluster::{BallistaCluster, ClusterState, JobState};
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use ballista_scheduler::scheduler_server::SchedulerServer;
use ballista_scheduler::state::session_manager::share_file_statistics_cache;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use onager_contract::{DriverSpec, endpoint};
use tokio::net::{TcpListener, TcpSocket};
use tonic::Request;
use tracing::{error, warn};

use super::digest::Digest;
use super::history::{History, Records};
use super::ledger::{Ledger, RunningJobs};
use super::readers::Readers;
use super::{cannot_listen, graph, recovery};
use crate::overrides::{bind_address, var};
use crate::settings::Settings;
use crate::{Error, Result};

pub(super) type Server = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// For losses that nobody reports: executors send a heartbeat every five seconds.
const EXECUTOR_TIMEOUT_SECONDS: u64 = 20;
const CHECK_SECONDS: u64 = 3;
/// The driver itself ends a run without executors; Ballista's own limit stands behind it.
const BEHIND_OURS_SECONDS: u64 = 60;

pub(super) struct Scheduler {
    server: Server,
    ledger: Arc<Ledger>,
    jobs: Arc<History>,
    readers: Readers,
    address: SocketAddr,
}

/// What waits and what runs.
#[derive(Default)]
pub(super) struct Load {
    pub pending_tasks: u64,
    pub running_tasks: u64,
}

impl Scheduler {
    /// Starts it and opens its port.
    pub(super) async fn start(spec: &DriverSpec, settings: &Settings) -> Result<Self> {
        let port = spec.scheduler_port.unwrap_or(endpoint::SCHEDULER_PORT);
        let listener = listen(SocketAddr::new(bind_address(), port)).map_err(|error| cannot_listen(port, &error))?;
        let address = listener.local_addr().map_err(|error| Error::platform(error.to_string()))?;
        let config = Arc::new(config(spec, settings));

        let ledger = Arc::new(Ledger::default());
        let for_sessions = settings.clone();
        let in_memory = InMemoryJobState::new(
            config.scheduler_id.clone(),
            share_file_statistics_cache(Arc::new(move |config| for_sessions.scheduler_state(config))),
            producer(settings),
        );
        let readers = Readers::default();
        let jobs = Arc::new(History::new(in_memory, readers.clone()));
        let cluster = BallistaCluster::new(ledger.clone(), jobs.clone());
        let server: Server =
            create_scheduler(cluster, config).await.map_err(|error| Error::platform(error.to_string()))?;

        let serving = start_grpc_service_with_listener(listener, server.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                error!("the scheduler's port is closed: {error}");
            }
        });
        tokio::spawn(recovery::watch(server.clone(), ledger.clone()));
        Ok(Self { server, ledger, jobs, readers, address })
    }

    /// Where the driver's own client finds it.
    pub(super) fn url(&self) -> String {
        let ip = match self.address.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The executors that are registered.
    pub(super) async fn executors(&self) -> Vec<ExecutorMetadata> {
        self.ledger.registered_executor_metadata().await
    }

    /// Takes an executor off at once; false where it is not registered.
    pub(super) async fn executor_lost(&self, executor_id: String, reason: String) -> bool {
        if self.ledger.get_executor_metadata(&executor_id).await.is_err() {
            return false;
        }
        self.ledger.crew().announce(&executor_id, &reason);
        // The grace period is zero: this removes it and gives its tasks to others.
        let request = Request::new(ExecutorStoppedParams { executor_id, reason });
        if let Err(status) = SchedulerGrpc::executor_stopped(&self.server, request).await {
            warn!("cannot take an executor off: {status}");
        }
        true
    }

    /// Those who read results.
    pub(super) fn readers(&self) -> &Readers {
        &self.readers
    }

    pub(super) async fn load(&self) -> Load {
        let mut load = Load { pending_tasks: 0, running_tasks: self.ledger.cores_at_work().await };
        for job in self.server.state.task_manager.get_running_job_cache().values() {
            load.pending_tasks += graph::waiting(&**job.execution_graph.read().await) as u64;
        }
        load
    }

    /// Executors with files that a job at work or the reader of a result still needs.
    pub(super) async fn holders(&self) -> HashSet<String> {
        let mut holders = HashSet::new();
        // Who reads is asked first, and jobs at work before jobs that ended: none can pass in between unseen.
        let reading = self.readers.oldest();
        for job in self.server.state.task_manager.get_running_job_cache().values() {
            holders.extend(graph::holders(&**job.execution_graph.read().await));
        }
        let Some(since) = reading else { return holders };
        for job in self.jobs.get_all_jobs().await.unwrap_or_default() {
            let status = self.jobs.get_job_status(&job).await.ok().flatten().and_then(|job| job.status);
            if let Some(Status::Successful(SuccessfulJob { partition_location, ended_at, .. })) = status
                && ended_at >= since
            {
                holders.extend(partition_location.into_iter().filter_map(|file| Some(file.executor_meta?.id)));
            }
        }
        holders
    }

    /// Gives an executor no more tasks; false where it has some, or files that are needed and may not be lost.
    pub(super) async fn drain(&self, executor_id: &str, with_shuffle: bool) -> bool {
        // First no more tasks, then a look at its files: none can be written in between.
        if !self.ledger.drain(executor_id).await {
            return false;
        }
        if !with_shuffle && self.holders().await.contains(executor_id) {
            self.ledger.use_again(executor_id).await;
            return false;
        }
        true
    }

    /// What the jobs that ended add up to.
    pub(super) fn totals(&self) -> Digest {
        self.jobs.totals()
    }

    /// The jobs that are on record, and the graphs of those that run.
    pub(super) fn jobs(&self) -> (Records, RunningJobs) {
        // First those that run: one that ends in between is in the records.
        let running = self.server.state.task_manager.get_running_job_cache();
        (self.jobs.records(), running)
    }
}

fn config(spec: &DriverSpec, settings: &Settings) -> SchedulerConfig {
    let host = var(endpoint::ENV_POD_IP).unwrap_or_else(|| match bind_address() {
        ip if ip.is_unspecified() => "127.0.0.1".into(),
        ip => ip.to_string(),
    });
    SchedulerConfig {
        scheduler_id: format!("{}-{}", spec.application.uid, spec.application.attempt),
        external_host: if host.contains(':') { format!("[{host}]") } else { host },
        bind_port: spec.scheduler_port.unwrap_or(endpoint::SCHEDULER_PORT),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        executor_timeout_seconds: EXECUTOR_TIMEOUT_SECONDS,
        expire_dead_executor_interval_seconds: CHECK_SECONDS,
        executor_termination_grace_period: 0,
        // The history keeps as many as there is room for.
        finished_job_state_clean_up_interval_seconds: 0,
        no_executors_grace_period_seconds: spec.executors.wait_seconds + BEHIND_OURS_SECONDS,
        override_config_producer: Some(producer(settings)),
        ..SchedulerConfig::default()
    }
}

fn producer(settings: &Settings) -> ballista_core::ConfigProducer {
    let settings = settings.clone();
    Arc::new(move || settings.config())
}

/// Accepted connections inherit the listener's options; without this one small answers wait for each other.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}
