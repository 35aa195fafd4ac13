//! Asks the drivers of followed applications how far they are, wakes applications whose number of executors is to change,
//! and asks for leave for executors that are idle. One task asks them all, a few at a time, however many there are; the API
//! server is not asked anything.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use jiff::Timestamp;
use kube::ResourceExt;
use onager_contract::{Drain, Progress};
use onager_core::{Role, allocation::Rules, conf, lifecycle::driver_pod_name};
use onager_crds::{SparkApplication, State};
use tokio::{sync::mpsc, time::Instant};

use super::{Followed, Run, on_record};
use crate::{
    cache::{Cache, state},
    control::{Address, Control, ControlError},
};

/// Drivers that are asked at once: one that does not answer takes its place for two seconds.
const AT_ONCE: usize = 64;
/// Executors of one driver for which leave is asked at once, and after one look.
const DRAINS: (usize, usize) = (8, 64);
/// Until a driver's pod has an address.
const UNBORN: Duration = Duration::from_secs(1);

/// What asking needs.
pub struct Asker {
    /// The way to drivers.
    pub control: Control,
    /// Where drivers and executors are found.
    pub cache: Arc<Cache>,
    /// What is remembered.
    pub followed: Arc<Followed>,
    /// Has an application looked at, by namespace and name.
    pub wake: Wake,
}

type Wake = Box<dyn Fn(&str, &str) + Send + Sync>;

/// When a run is to be looked at; those of the same time in the order in which they came.
struct Due(Instant, u64, Run);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// Asks for as long as the operator runs; `news` are runs that come to be followed.
pub async fn follow(asker: Arc<Asker>, mut news: mpsc::UnboundedReceiver<Run>) {
    let mut due = std::collections::BinaryHeap::new();
    let mut asked: FuturesUnordered<BoxFuture<'_, Option<(Run, Duration)>>> = FuturesUnordered::new();
    let mut number = 0;
    loop {
        let next = due.peek().map(|Reverse(Due(at, ..))| *at).filter(|_| asked.len() < AT_ONCE);
        let again = tokio::select! {
            run = news.recv() => match run {
                Some(run) => Some((run, Duration::ZERO)),
                None => return,
            },
            Some(again) = asked.next() => again,
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                if let Some(Reverse(Due(.., run))) = due.pop() {
                    asked.push(Box::pin(asker.look(run)));
                }
                None
            }
        };
        if let Some((run, wait)) = again {
            number += 1;
            due.push(Reverse(Due(Instant::now() + wait, number, run)));
        }
    }
}

impl Asker {
    /// Looks at a run once; `None` when it is over.
    async fn look(&self, run: Run) -> Option<(Run, Duration)> {
        let Some((app, rules, cores)) = self.still_runs(&run) else {
            self.followed.forget(&run);
            return None;
        };
        let driver = self.cache.pods().control_of(&run.namespace, &driver_pod_name(&app));
        let Some(driver) = driver else { return Some((run, UNBORN)) };
        let wait = match self.control.progress(&driver, &run.uid).await {
            Ok(progress) => {
                self.followed.metrics.asked("answered");
                self.take_in(&run, &app, &rules, cores, &driver, &progress).await?
            }
            Err(error) => {
                self.followed.metrics.asked(kind(&error));
                tracing::debug!(namespace = run.namespace, app = run.name, %driver, %error, "a driver could not be asked how far it is");
                self.followed.after_failure(&run)?
            }
        };
        Some((run, wait))
    }

    fn still_runs(&self, run: &Run) -> Option<(Arc<SparkApplication>, Rules, u32)> {
        let app = self.cache.apps().get(&run.namespace, &run.name)?;
        let attempt = app.status.as_ref()?.attempt;
        let same = app.uid().as_deref() == Some(&run.uid) && attempt == run.attempt;
        let runs = state(&app) == State::Running && app.metadata.deletion_timestamp.is_none();
        let rules = Rules::read(&app.spec).ok()??;
        let cores = conf::filled(&app.spec).ok()?.executor.pod.cores;
        let cores = cores.and_then(|cores| u32::try_from(cores).ok()).unwrap_or(1);
        (same && runs).then_some((app, rules, cores))
    }

    async fn take_in(
        &self,
        run: &Run,
        app: &SparkApplication,
        rules: &Rules,
        cores: u32,
        driver: &Address,
        progress: &Progress,
    ) -> Option<Duration> {
        let there = self.indexes(&run.uid);
        let decision = self.followed.look(run, rules, cores, progress, &there, Timestamp::now())?;
        let asked = decision.leave.iter().take(DRAINS.1).map(|drain| self.drain(run, driver, drain));
        let left = stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(DRAINS.0).filter(|left| {
            let left = *left;
            async move { left }
        });
        let left = left.count().await;
        let decided = decision.wakes || left > 0;
        let (short, wait) = self.followed.after_look(run, rules, cores, progress, on_record(app), decided)?;
        // Those that had no room the last time are asked for again.
        if decided || short > 0 {
            (self.wake)(&run.namespace, &run.name);
        }
        Some(wait)
    }

    fn indexes(&self, uid: &str) -> BTreeSet<u32> {
        let pods = self.cache.pods();
        let indexes = pods.of_owner(uid).filter_map(|ours| match ours.seen.role {
            Role::Executor(index) => Some(index),
            Role::Driver => None,
        });
        indexes.collect()
    }

    /// Whether the driver lets an executor go.
    async fn drain(&self, run: &Run, driver: &Address, drain: &Drain) -> bool {
        let (answer, left) = match self.control.drain(driver, &run.uid, drain).await {
            Ok(true) => ("left", true),
            Ok(false) => ("stayed", false),
            Err(error) => {
                tracing::debug!(namespace = run.namespace, app = run.name, %driver, %error, "a driver could not be asked for leave for an executor");
                (kind(&error), false)
            }
        };
        self.followed.metrics.drained(answer);
        if left {
            tracing::info!(namespace = run.namespace, app = run.name, index = drain.index, "an idle executor leaves");
            self.followed.drain(run, drain.index);
        }
        left
    }
}

/// Why a driver could not be asked, in one word.
fn kind(error: &ControlError) -> &'static str {
    match error {
        ControlError::NoAddress(_) | ControlError::Unreachable(_) => "unreachable",
        ControlError::TooSlow => "slow",
        ControlError::Refused(_) => "refused",
        ControlError::Broken(_) | ControlError::Unreadable(_) => "unreadable",
    }
}
