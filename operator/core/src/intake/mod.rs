//! From Kubernetes' objects to what queues decide on: nodes, Queues, quotas and applications in plain amounts. Reads alone; what
//! cannot be read is an error that names the field.

mod application;
mod cluster;
mod queue;
mod ranges;

pub use application::{Classes, Habits, USER, application, queue_of};
pub use cluster::{CpuLimits, is_ready, node, quota, readiness, site};
pub use queue::queue;
pub use ranges::fill;

use thiserror::Error;

use crate::{
    queue::{Amounts, Kinds},
    requests::Others,
    size::Size,
    workload::Refusal,
};

/// What cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl From<Refusal> for Unreadable {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.message)
    }
}

/// A size and what there is beside it, as amounts.
pub fn amounts(size: Size, others: &Others, kinds: &mut Kinds) -> Amounts {
    let mut amounts = Amounts::of(size.cpu, size.memory, size.pods);
    for (name, amount) in others {
        amounts.set(kinds.intern(name), *amount);
    }
    amounts
}

/// An amount of a resource, in the small unit that [`crate::queue::Kinds`] shows.
pub(crate) fn amount(path: &str, resource: &str, text: &str) -> Result<u64, Unreadable> {
    let read =
        if resource == "cpu" || resource.ends_with(".cpu") { crate::quantity::milli } else { crate::quantity::whole };
    read(text).ok_or_else(|| Unreadable(format!("{path}[{resource}]: {text:?} is no amount such as 500m, 2 or 1.5Gi")))
}
