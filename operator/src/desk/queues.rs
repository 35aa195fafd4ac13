//! Writes how each queue stands, where that has changed, and not more often than people look.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{Api, ResourceExt, api::PostParams};
use onager_core::{
    conditions,
    queue::{Amounts, Kinds, Name, QueueReport},
};
use onager_crds::{Queue, QueueStatus, ResourceList};

use super::{
    guard::{Guards, children, is_due, standing},
    round::Reports,
};
use crate::context::Context;

/// A queue's figures are written at most so often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Remembers when each was written.
#[derive(Default)]
pub struct Writer {
    written: HashMap<Name, Instant>,
    guards: Guards,
}

impl Writer {
    /// Writes what differs from what is on record.
    /// Answers whether something is left to write when its interval is over.
    pub async fn write(&mut self, context: &Context, reports: Reports) -> bool {
        let mut left = false;
        let queues: BTreeMap<Name, Queue> = context
            .cache
            .queues()
            .all()
            .map(|queue| (Name::new(&queue.namespace().unwrap_or_default(), &queue.name_any()), queue.clone()))
            .collect();
        self.written.retain(|name, _| queues.contains_key(name));
        self.guards.forget(&queues);
        let children = children(&queues);
        for report in &reports.queues {
            let Some((name, queue)) = report.name.as_ref().and_then(|name| queues.get_key_value(name)) else {
                continue;
            };
            let seen = standing(queue, report, children.get(name).copied().unwrap_or(0));
            if is_due(&seen) {
                if let Some(saved) = self.guards.keep(&context.client, name, queue, seen).await {
                    // Its status is of another version now: written in the next round, which this news brings. What lost its
                    // last guard may be gone already.
                    if saved.metadata.deletion_timestamp.is_none() {
                        context.cache.queue_written(saved);
                        context.desk.poke();
                    }
                    continue;
                }
                // No news tells that a namespace ends, or that its turn has come.
                left = true;
            }
            let mut status = status(queue, report, &reports.kinds);
            status.waiting = reports.first.get(name).cloned().unwrap_or_default();
            if queue.status.as_ref() == Some(&status) {
                continue;
            }
            if self.written.get(name).is_some_and(|written| written.elapsed() < INTERVAL) {
                left = true;
                continue;
            }
            self.written.insert(name.clone(), Instant::now());
            let api: Api<Queue> = Api::namespaced(context.client.clone(), &name.namespace);
            let changed = Queue { status: Some(status), ..queue.clone() };
            match api.replace_status(&name.name, &PostParams::default(), &changed).await {
                Ok(saved) => context.cache.queue_written(saved),
                Err(error) => {
                    left = true;
                    tracing::debug!(queue = %name, %error, "its status is written later");
                }
            }
        }
        left
    }
}

fn status(queue: &Queue, report: &QueueReport, kinds: &Kinds) -> QueueStatus {
    let mut conditions = queue.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    let why = match &report.fault {
        Some(fault) => (fault.reason(), fault.to_string()),
        None if queue.spec.closed == Some(true) => ("Closed", "nothing new is admitted; what runs goes on".to_string()),
        None if queue.metadata.deletion_timestamp.is_some() => {
            ("Deleting", "it goes with the last of its applications and of the queues below it".to_string())
        }
        None => ("Ready", "applications are admitted".to_string()),
    };
    let generation = queue.metadata.generation;
    let ready = matches!(why.0, "Ready" | "Deleting");
    conditions::set(&mut conditions, generation, "Ready", ready, (why.0, &why.1), Timestamp::now());
    QueueStatus {
        observed_generation: generation,
        used: list(&report.used, kinds),
        deserved: list(&report.deserved, kinds),
        borrowed: list(&report.borrowed, kinds),
        share: Some(format!("{:.2}", report.share)),
        queued: i32::try_from(report.waiting).unwrap_or(i32::MAX),
        admitted: i32::try_from(report.admitted).unwrap_or(i32::MAX),
        waiting: Vec::new(),
        conditions,
    }
}

fn list(amounts: &Amounts, kinds: &Kinds) -> ResourceList {
    amounts.some().map(|(kind, amount)| (kinds.name(kind).to_string(), Quantity(kinds.show(kind, amount)))).collect()
}
