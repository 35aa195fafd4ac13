//! A Queue's fields as decisions take them.

use onager_crds::{Queue, QueueOrder, QueuePreemption, QueueProvisioning, QueueReclaim, ResourceList};

use super::{Unreadable, amount};
use crate::queue::{Amounts, Ceiling, Kinds, Name, Order, Preemption, Provisioning, QueueSpec, Reclaim};

/// A Queue's name, and what it says.
///
/// # Errors
/// When an amount cannot be read.
pub fn queue(queue: &Queue, kinds: &mut Kinds) -> Result<(Name, QueueSpec), Unreadable> {
    let namespace = queue.metadata.namespace.as_deref().unwrap_or("default");
    let spec = &queue.spec;
    let number = |value: Option<i32>| value.map(|value| u32::try_from(value).unwrap_or(0));
    let users = spec.user_limits.clone().unwrap_or_default();
    let read = QueueSpec {
        parent: spec.parent.as_ref().map(|parent| Name::read(parent, namespace)),
        weight: spec.weight.and_then(|weight| u64::try_from(weight).ok()).unwrap_or(1).max(1),
        guarantee: amounts("spec.guarantee", &spec.guarantee, kinds)?,
        capability: ceiling("spec.capability", &spec.capability, kinds)?,
        lendable: spec.lendable.unwrap_or(true),
        order: match spec.order {
            QueueOrder::StrictFIFO => Order::StrictFifo,
            QueueOrder::BestEffortFIFO => Order::BestEffortFifo,
        },
        reclaim: match spec.reclaim {
            QueueReclaim::Never => Reclaim::Never,
            QueueReclaim::LowerPriority => Reclaim::LowerPriority,
            QueueReclaim::Any => Reclaim::Any,
        },
        preemption: match spec.preemption {
            QueuePreemption::Never => Preemption::Never,
            QueuePreemption::LowerPriority => Preemption::LowerPriority,
        },
        max_applications: number(spec.max_applications),
        closed: spec.closed.unwrap_or(false),
        allowed_namespaces: spec.allowed_namespaces.clone(),
        provisioning: match spec.provisioning {
            QueueProvisioning::Fixed => Provisioning::Fixed,
            QueueProvisioning::Autoscaled => Provisioning::Autoscaled,
        },
        user_limit: ceiling("spec.userLimits.capability", &users.capability, kinds)?,
        user_max_applications: number(users.max_applications),
    };
    Ok((Name::new(namespace, queue.metadata.name.as_deref().unwrap_or_default()), read))
}

fn amounts(path: &str, list: &ResourceList, kinds: &mut Kinds) -> Result<Amounts, Unreadable> {
    let mut amounts = Amounts::default();
    for (resource, quantity) in list {
        amounts.set(kinds.intern(resource), amount(path, resource, &quantity.0)?);
    }
    Ok(amounts)
}

fn ceiling(path: &str, list: &ResourceList, kinds: &mut Kinds) -> Result<Ceiling, Unreadable> {
    let mut ceiling = Ceiling::default();
    for (resource, quantity) in list {
        ceiling.set(kinds.intern(resource), amount(path, resource, &quantity.0)?);
    }
    Ok(ceiling)
}
