//! Ballista's job state with a memory that is bounded and counts: the last jobs that ended are kept whole, of those before
//! them only what they add up to. It numbers jobs in the order they came. It schedules nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ballista_core::error::Result;
use ballista_core::serde::protobuf::JobStatus;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::{JobId, JobStatusSubscriber};
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::cluster::{JobState, JobStateEventStream};
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::digest::Digest;
use super::readers::Readers;

/// Jobs that ended and are kept whole.
const KEPT_JOBS: usize = 200;
/// Tasks of those jobs together; a job with more is kept until the next one ends.
const KEPT_TASKS: usize = 50_000;

/// What is known of a job before it is planned.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub id: JobId,
    /// From 1, in the order in which jobs came.
    pub number: u32,
    /// As the client called it.
    pub name: String,
    /// Milliseconds since the epoch.
    pub queued_at: u64,
    /// How many stages all jobs before it have; `None` until it is planned.
    pub first_stage: Option<usize>,
}

/// A job that ended.
pub(super) struct Ended {
    pub status: JobStatus,
    /// Absent where it could not be planned.
    pub graph: Option<ExecutionGraphBox>,
    tasks: usize,
}

impl Ended {
    fn at(&self) -> u64 {
        match &self.status.status {
            Some(Status::Successful(job)) => job.ended_at,
            Some(Status::Failed(job)) => job.ended_at,
            _ => u64::MAX,
        }
    }
}

#[derive(Default)]
struct Books {
    /// Jobs that are kept, oldest first.
    tickets: VecDeque<Ticket>,
    ended: HashMap<JobId, Arc<Ended>>,
    jobs: u32,
    stages: usize,
    tasks: usize,
    totals: Digest,
    /// Jobs of which only the totals are left.
    forgotten: u64,
}

impl Books {
    fn end(&mut self, id: &JobId, ended: Ended, digest: &Digest, reading_since: Option<u64>) {
        self.tasks += ended.tasks;
        self.totals.add(digest);
        self.ended.insert(id.clone(), Arc::new(ended));
        // A result that somebody reads is looked up by its job.
        let is_read = |ended: &Ended| reading_since.is_some_and(|since| ended.at() >= since);
        while self.ended.len() > KEPT_JOBS || (self.tasks > KEPT_TASKS && self.ended.len() > 1) {
            let oldest =
                self.tickets.iter().position(|ticket| self.ended.get(&ticket.id).is_some_and(|job| !is_read(job)));
            let Some(ticket) = oldest.and_then(|at| self.tickets.remove(at)) else { break };
            let Some(job) = self.ended.remove(&ticket.id) else { break };
            self.tasks -= job.tasks;
            self.forgotten += 1;
        }
    }
}

pub(super) struct History {
    inner: InMemoryJobState,
    readers: Readers,
    books: Mutex<Books>,
}

/// What of a job there is to look at, apart from the graph of one that runs.
pub(super) struct Known {
    pub ticket: Ticket,
    pub ended: Option<Arc<Ended>>,
}

/// The books at one moment.
pub(super) struct Records {
    /// The jobs that are kept, oldest first.
    pub jobs: Vec<Known>,
    /// What all jobs that ended add up to.
    pub totals: Digest,
    /// Jobs of which only the totals are left.
    pub forgotten: u64,
}

impl History {
    pub(super) fn new(inner: InMemoryJobState, readers: Readers) -> Self {
        Self { inner, readers, books: Mutex::default() }
    }

    /// All that is on record.
    pub(super) fn records(&self) -> Records {
        let books = self.books();
        let known = |ticket: &Ticket| Known { ticket: ticket.clone(), ended: books.ended.get(&ticket.id).cloned() };
        let jobs = books.tickets.iter().map(known).collect();
        Records { jobs, totals: books.totals.clone(), forgotten: books.forgotten }
    }

    /// What all jobs that ended add up to.
    pub(super) fn totals(&self) -> Digest {
        self.books().totals.clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, id: &JobId, status: JobStatus, graph: Option<ExecutionGraphBox>) {
        let failed = matches!(status.status, Some(Status::Failed(_)));
        let digest = Digest::of_job(graph.as_deref(), failed);
        let tasks = digest.launched as usize;
        let reading_since = self.readers.oldest();
        self.books().end(id, Ended { status, graph, tasks }, &digest, reading_since);
    }
}

#[async_trait::async_trait]
impl JobState for History {
    fn accept_job(&self, job_id: &JobId, job_name: &str, queued_at: u64) -> Result<()> {
        self.inner.accept_job(job_id, job_name, queued_at)?;
        let mut books = self.books();
        books.jobs += 1;
        let number = books.jobs;
        let ticket = Ticket { id: job_id.clone(), number, name: job_name.into(), queued_at, first_stage: None };
        books.tickets.push_back(ticket);
        Ok(())
    }

    fn pending_job_number(&self) -> usize {
        self.inner.pending_job_number()
    }

    async fn submit_job(
        &self,
        job_id: JobId,
        graph: &ExecutionGraphBox,
        subscriber: Option<JobStatusSubscriber>,
    ) -> Result<()> {
        {
            let mut books = self.books();
            let first = books.stages;
            books.stages += graph.stage_count();
            if let Some(ticket) = books.tickets.iter_mut().rev().find(|ticket| ticket.id == job_id) {
                ticket.first_stage = Some(first);
            }
        }
        self.inner.submit_job(job_id, graph, subscriber).await
    }

    async fn get_jobs(&self) -> Result<HashSet<JobId>> {
        Ok(self.books().ended.keys().cloned().collect())
    }

    async fn get_all_jobs(&self) -> Result<HashSet<JobId>> {
        let mut all = self.inner.get_all_jobs().await?;
        all.extend(self.books().ended.keys().cloned());
        Ok(all)
    }

    async fn get_job_status(&self, job_id: &JobId) -> Result<Option<JobStatus>> {
        let ended = self.books().ended.get(job_id).map(|job| job.status.clone());
        match ended {
            Some(status) => Ok(Some(status)),
            None => self.inner.get_job_status(job_id).await,
        }
    }

    async fn get_execution_graph(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        let ended = self.books().ended.get(job_id).cloned();
        Ok(ended.and_then(|job| job.graph.as_ref().map(|graph| graph.cloned())))
    }

    async fn save_job(&self, job_id: &JobId, graph: &ExecutionGraphBox) -> Result<()> {
        if !matches!(graph.status().status, Some(Status::Successful(_) | Status::Failed(_))) {
            return self.inner.save_job(job_id, graph).await;
        }
        self.end(job_id, graph.status().clone(), Some(graph.cloned()));
        self.inner.save_job(job_id, graph).await?;
        // Kept once, here.
        self.inner.remove_job(job_id).await
    }

    async fn fail_unscheduled_job(&self, job_id: &JobId, reason: String) -> Result<()> {
        self.inner.fail_unscheduled_job(job_id, reason).await?;
        if let Some(status) = self.inner.get_job_status(job_id).await? {
            self.end(job_id, status, None);
        }
        self.inner.remove_job(job_id).await
    }

    async fn remove_job(&self, job_id: &JobId) -> Result<()> {
        self.inner.remove_job(job_id).await
    }

    async fn try_acquire_job(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.inner.try_acquire_job(job_id).await
    }

    async fn job_state_events(&self) -> Result<JobStateEventStream> {
        self.inner.job_state_events().await
    }

    async fn create_or_update_session(&self, session_id: &str, config: &SessionConfig) -> Result<Arc<SessionContext>> {
        self.inner.create_or_update_session(session_id, config).await
    }

    async fn remove_session(&self, session_id: &str) -> Result<()> {
        self.inner.remove_session(session_id).await
    }

    fn produce_config(&self) -> SessionConfig {
        self.inner.produce_config()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books_with(jobs: u32, tasks: usize, reading_since: Option<u64>) -> Books {
        let mut books = Books::default();
        for number in 1..=jobs {
            let id: JobId = format!("job{number}").into();
            books.tickets.push_back(Ticket {
                id: id.clone(),
                number,
                name: String::new(),
                queued_at: 0,
                first_stage: None,
            });
            let status = JobStatus {
                job_id: id.to_string(),
                job_name: String::new(),
                status: Some(Status::Failed(ballista_core::serde::protobuf::FailedJob {
                    ended_at: u64::from(number),
                    ..Default::default()
                })),
            };
            let digest = Digest { launched: tasks as u64, failed_jobs: 1, ..Digest::default() };
            books.end(&id, Ended { status, graph: None, tasks }, &digest, reading_since);
        }
        books
    }

    #[test]
    fn jobs_beyond_the_last_ones_are_only_counted() {
        let books = books_with(KEPT_JOBS as u32 + 50, 1, None);
        assert_eq!((books.ended.len(), books.tickets.len(), books.forgotten), (KEPT_JOBS, KEPT_JOBS, 50));
        assert_eq!(books.tickets[0].number, 51);
        assert_eq!(books.totals.failed_jobs, KEPT_JOBS as u64 + 50);
    }

    #[test]
    fn jobs_of_many_tasks_go_sooner_but_the_last_one_stays() {
        let books = books_with(5, KEPT_TASKS * 2 / 5, None);
        assert_eq!((books.ended.len(), books.forgotten), (2, 3));
        assert_eq!(books_with(3, KEPT_TASKS * 2, None).ended.len(), 1);
    }

    #[test]
    fn a_job_whose_result_may_be_read_stays() {
        let books = books_with(KEPT_JOBS as u32 + 50, 1, Some(31));
        assert_eq!((books.ended.len(), books.forgotten), (KEPT_JOBS + 20, 30));
    }
}
