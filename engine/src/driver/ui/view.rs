//! What there is to see of a run at one moment, as plain data: pages, REST, metrics and the log's sentences all show this
//! and nothing else. It is made when somebody asks and kept by nobody.

use onager_contract::{Application, ExecutorDemand, Phase};

use crate::driver::digest::{Digest, Work};
use crate::statements::{End, Statement};

/// A run at one moment. Times are milliseconds since the epoch.
#[derive(Clone, Debug)]
pub(in crate::driver) struct View {
    pub now: u64,
    pub application: Application,
    /// What is run, in words.
    pub program: &'static str,
    pub started_at: u64,
    pub phase: Phase,
    pub phase_since: u64,
    pub demand: ExecutorDemand,
    pub executors: Vec<Executor>,
    /// Executors that were lost so far.
    pub lost: u32,
    /// Oldest first.
    pub jobs: Vec<Job>,
    /// Oldest first.
    pub statements: Vec<Statement>,
    /// How many statements there are to be, where that is known.
    pub expected_statements: Option<u32>,
    /// Of all jobs, also those that are not listed any more.
    pub totals: Digest,
    /// Jobs that are not listed any more.
    pub forgotten_jobs: u64,
    /// Cores that would be put to use at once if they were there.
    pub pending_tasks: u64,
}

/// How something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum State {
    Waiting,
    Running,
    Succeeded,
    Failed,
}

impl State {
    /// A word for people.
    pub(in crate::driver) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// How an executor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Standing {
    Active,
    /// It gets no more tasks.
    Drained,
    /// It gets no more tasks, and ends as soon as it is not needed.
    Leaving,
    Left {
        at: u64,
        reason: String,
    },
    Lost {
        at: u64,
        reason: String,
    },
}

impl Standing {
    /// Whether it is registered.
    pub(in crate::driver) fn is_here(&self) -> bool {
        !matches!(self, Self::Left { .. } | Self::Lost { .. })
    }

    /// A word for people.
    pub(in crate::driver) fn word(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Drained => "drained",
            Self::Leaving => "leaving",
            Self::Left { .. } => "left",
            Self::Lost { .. } => "lost",
        }
    }
}

#[derive(Clone, Debug)]
pub(in crate::driver) struct Executor {
    /// Its index within the application.
    pub id: String,
    pub host: String,
    pub port: u16,
    pub cores: u32,
    /// Cores at work.
    pub busy: u32,
    pub running_tasks: u64,
    pub since: u64,
    pub standing: Standing,
    /// Of its process, as it reported last; 0 where it did not.
    pub memory_bytes: u64,
    pub work: Work,
}

#[derive(Clone, Debug)]
pub(in crate::driver) struct Job {
    /// From 1, in the order in which jobs came.
    pub number: u32,
    /// As the application calls it.
    pub name: String,
    /// The statement it belongs to.
    pub statement: Option<u32>,
    pub state: State,
    pub queued_at: u64,
    pub ended_at: Option<u64>,
    pub error: Option<String>,
    /// In the order in which they can run.
    pub stages: Vec<Stage>,
}

impl Job {
    /// How long it took so far.
    pub(in crate::driver) fn milliseconds(&self, now: u64) -> u64 {
        self.ended_at.unwrap_or(now).saturating_sub(self.queued_at)
    }

    /// Partitions that are done and all.
    pub(in crate::driver) fn progress(&self) -> (usize, usize) {
        let done = self.stages.iter().map(|stage| stage.done_partitions).sum();
        (done, self.stages.iter().map(|stage| stage.partitions).sum())
    }

    /// Stages that are done.
    pub(in crate::driver) fn done_stages(&self) -> usize {
        self.stages.iter().filter(|stage| stage.state == State::Succeeded).count()
    }
}

#[derive(Clone, Debug)]
pub(in crate::driver) struct Stage {
    /// Within its job, from 1.
    pub id: usize,
    /// Among all stages of the application, from 0.
    pub global_id: usize,
    /// From 0; more than 0 where it began anew.
    pub attempt: usize,
    pub state: State,
    /// What it does, in a word or two.
    pub operator: String,
    /// Whether another stage reads what it writes.
    pub is_read: bool,
    /// Stages it reads.
    pub inputs: Vec<usize>,
    /// Parts of its work; 0 until its inputs are known.
    pub partitions: usize,
    pub done_partitions: usize,
    /// Partitions that no task has.
    pub waiting_partitions: usize,
    pub running_tasks: usize,
    pub done_tasks: usize,
    pub failed_tasks: usize,
    /// Executors that have tasks now.
    pub executors: usize,
    pub started_at: Option<u64>,
    pub ended_at: Option<u64>,
    /// Written by its tasks.
    pub rows: u64,
    pub bytes: u64,
    /// What the stages wrote that it reads.
    pub read_rows: u64,
    pub read_bytes: u64,
    pub error: Option<String>,
}

impl Stage {
    /// How long it took so far.
    pub(in crate::driver) fn milliseconds(&self, now: u64) -> Option<u64> {
        let end = match self.state {
            State::Running => now,
            _ => self.ended_at?,
        };
        Some(end.saturating_sub(self.started_at?))
    }
}

/// One launch of work on an executor; it has one partition or several.
#[derive(Clone, Debug)]
pub(in crate::driver) struct Task {
    pub id: usize,
    pub state: State,
    /// The index of its executor, where that is known.
    pub executor: Option<String>,
    pub partitions: Vec<usize>,
    pub started_at: u64,
    /// Absent while it runs.
    pub milliseconds: Option<u64>,
    pub rows: u64,
    pub bytes: u64,
    pub error: Option<String>,
}

impl Task {
    /// How long it took so far.
    pub(in crate::driver) fn time(&self, now: u64) -> u64 {
        self.milliseconds.unwrap_or_else(|| now.saturating_sub(self.started_at))
    }
}

impl View {
    /// Executors that are registered.
    pub(in crate::driver) fn registered(&self) -> usize {
        self.executors.iter().filter(|executor| executor.standing.is_here()).count()
    }

    /// How a statement goes.
    pub(in crate::driver) fn state_of(&self, statement: &Statement) -> State {
        match &statement.end {
            Some((_, End::Done(_))) => State::Succeeded,
            Some((_, End::Failed(_))) => State::Failed,
            None if statement.by_jobs => self.jobs_of(statement).last().map_or(State::Waiting, |job| job.state),
            None => State::Running,
        }
    }

    /// The jobs of a statement that are still listed.
    pub(in crate::driver) fn jobs_of(&self, statement: &Statement) -> impl Iterator<Item = &Job> {
        let number = statement.number;
        self.jobs.iter().filter(move |job| job.statement == Some(number))
    }

    /// The statement of a job, if it is still listed.
    pub(in crate::driver) fn statement_of(&self, job: &Job) -> Option<&Statement> {
        self.statements.iter().find(|statement| Some(statement.number) == job.statement)
    }

    /// How long a statement took so far.
    pub(in crate::driver) fn time_of(&self, statement: &Statement) -> u64 {
        let end = match &statement.end {
            Some((at, _)) => *at,
            None if self.state_of(statement) == State::Running => self.now,
            None => self.jobs_of(statement).filter_map(|job| job.ended_at).max().unwrap_or(statement.started_at),
        };
        end.saturating_sub(statement.started_at)
    }

    /// What an application calls itself where it has to be told from others: as Spark does.
    pub(in crate::driver) fn id(&self) -> String {
        format!("spark-{}", self.application.uid.replace('-', ""))
    }
}
