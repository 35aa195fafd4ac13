//! An application as decisions take it: its gang, how many executors it wants, its queue, priority and user.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::LimitRange;
use onager_crds::SparkApplication;

use super::{Unreadable, fill};
use crate::{
    queue::{Amounts, App, Kinds, Name, Shape, ShapeId, Shapes},
    requests,
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
    /// The name of the class that those get that name none.
    pub default_name: Option<String>,
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

/// What a namespace makes of pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Habits {
    /// Defaults of containers.
    pub ranges: Vec<LimitRange>,
    /// Whether a quota makes CPU limits compulsory.
    pub limits_cpu: bool,
}

/// The queue that an application names.
pub fn queue_of(app: &SparkApplication) -> Option<Name> {
    let namespace = app.metadata.namespace.as_deref().unwrap_or("default");
    let options = app.spec.batch_scheduler_options.as_ref();
    let queue = app.spec.queue.as_ref().or_else(|| options.and_then(|options| options.queue.as_ref()));
    queue.filter(|queue| !queue.is_empty()).map(|queue| Name::read(queue, namespace))
}

/// An application that waits, with as many executors wanted as it may come to have.
///
/// # Errors
/// When its spec would be refused, or it names a priority class that is not there.
pub fn application(
    app: &SparkApplication,
    classes: &Classes,
    habits: &Habits,
    shapes: &mut Shapes,
    kinds: &mut Kinds,
) -> Result<App, Unreadable> {
    let refused = |refusal: crate::Refusal| Unreadable(refusal.message);
    let workload = Workload::read(&app.spec).map_err(refused)?;
    let namespace = app.metadata.namespace.as_deref().unwrap_or("default");
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
        queue: queue_of(app),
        priority,
        created,
        user,
        driver: shape(&workload.driver, classes, habits, shapes, kinds),
        executor: shape(&workload.executor, classes, habits, shapes, kinds),
        minimum: workload.minimum,
        wanted: workload.maximum(),
        ..App::default()
    })
}

/// The shape of a kind of pod in a namespace.
fn shape(pod: &PodSize, classes: &Classes, habits: &Habits, shapes: &mut Shapes, kinds: &mut Kinds) -> ShapeId {
    let mut whole = pod.outline.whole();
    if let Some(main) = whole.containers.first_mut() {
        main.resources = Some(pod.main_resources(pod.cpu_limited || habits.limits_cpu));
    }
    fill(&mut whole, &habits.ranges);
    let (request, others) = requests::requests(&whole);
    let (limit, _) = requests::limits(&whole);
    let amounts = |size: Size| Amounts::of(size.cpu, size.memory, size.pods);
    let mut requests = amounts(request);
    for (name, amount) in &others {
        requests.set(kinds.intern(name), *amount);
    }
    let mut ask = pod.ask.clone();
    ask.others.clear();
    let named = pod.outline.spec.priority_class_name.clone().filter(|name| !name.is_empty());
    let class = named.or_else(|| classes.default_name.clone());
    shapes.intern(Shape { requests, limits: amounts(limit), ask, class })
}
