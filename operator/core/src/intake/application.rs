//! An application as decisions take it: its gang, how many executors it wants, its queue, priority and user.

use std::collections::BTreeMap;

use onager_crds::SparkApplication;

use super::Unreadable;
use crate::{
    allocation::Rules,
    queue::{Amounts, App, Kinds, Name, Shape, Shapes},
    size::Size,
    workload::{PodSize, Workload},
};

/// The label or annotation that says whose an application is, for limits per user.
pub const USER: &str = "onager.dev/user";

/// Values of priority classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// By name.
    pub values: BTreeMap<String, i64>,
    /// Of those that name none.
    pub default: i64,
}

impl Classes {
    /// The value of a class that is in every cluster, or was given.
    fn value(&self, name: &str) -> Option<i64> {
        match name {
            "system-cluster-critical" => Some(2_000_000_000),
            "system-node-critical" => Some(2_000_001_000),
            _ => self.values.get(name).copied(),
        }
    }
}

/// An application that waits, with as many executors wanted as it may come to have.
///
/// # Errors
/// When its spec would be refused, or it names a priority class that is not there.
pub fn application(
    app: &SparkApplication,
    classes: &Classes,
    shapes: &mut Shapes,
    kinds: &mut Kinds,
) -> Result<App, Unreadable> {
    let refused = |refusal: crate::Refusal| Unreadable(refusal.message);
    let workload = Workload::read(&app.spec).map_err(refused)?;
    let rules = Rules::read(&app.spec).map_err(refused)?;
    let (minimum, wanted) = rules.map_or((workload.minimum, workload.wanted), |rules| (rules.minimum, rules.maximum));
    let namespace = app.metadata.namespace.as_deref().unwrap_or("default");
    let options = app.spec.batch_scheduler_options.as_ref();
    let queue = app.spec.queue.as_ref().or_else(|| options.and_then(|options| options.queue.as_ref()));
    let marks = [&app.metadata.labels, &app.metadata.annotations];
    let user = marks.into_iter().flatten().find_map(|marks| marks.get(USER)).cloned().unwrap_or_default();
    let class = workload.driver.outline.spec.priority_class_name.as_deref().filter(|name| !name.is_empty());
    let priority = match class {
        Some(name) => {
            classes.value(name).ok_or_else(|| Unreadable(format!("spec: there is no priority class {name:?}")))?
        }
        None => classes.default,
    };
    let created = app.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_millisecond());
    Ok(App {
        name: Name::new(namespace, app.metadata.name.as_deref().unwrap_or_default()),
        queue: queue.filter(|queue| !queue.is_empty()).map(|queue| Name::read(queue, namespace)),
        priority,
        created,
        user,
        driver: shape(&workload.driver, shapes, kinds),
        executor: shape(&workload.executor, shapes, kinds),
        minimum,
        wanted,
        ..App::default()
    })
}

/// The shape of a kind of pod.
pub fn shape(pod: &PodSize, shapes: &mut Shapes, kinds: &mut Kinds) -> crate::queue::ShapeId {
    let amounts = |size: Size| Amounts::of(size.cpu, size.memory, size.pods);
    let mut requests = amounts(pod.request);
    for (name, amount) in &pod.ask.others {
        requests.set(kinds.intern(name), *amount);
    }
    let mut ask = pod.ask.clone();
    ask.others.clear();
    shapes.intern(Shape { requests, limits: amounts(pod.limit), ask })
}
