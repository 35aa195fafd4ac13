//! An application as decisions take it: its gang, how many executors it wants, its queue, priority and user.

use std::collections::BTreeMap;

use k8s_openapi::api::{core::v1::LimitRange, scheduling::v1::PriorityClass};
use onager_crds::SparkApplication;

use super::{CpuLimits, Unreadable, amounts, fill};
use crate::{
    queue::{Amounts, App, Kinds, Name, Shape, ShapeId, Shapes},
    requests,
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
    /// Adds a class. Where several are the default, the one of the smallest value counts, as for the API server.
    pub fn add(&mut self, class: &PriorityClass) {
        let (name, value) = (class.metadata.name.clone().unwrap_or_default(), i64::from(class.value));
        let comes_first = |known: &String| (value, &name) < (self.default, known);
        if class.global_default == Some(true) && self.default_name.as_ref().is_none_or(comes_first) {
            (self.default, self.default_name) = (value, Some(name.clone()));
        }
        self.values.insert(name, value);
    }

    /// The class that a pod gets.
    pub fn of<'a>(&'a self, pod: &'a PodSize) -> Option<&'a str> {
        named(pod).or(self.default_name.as_deref())
    }

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
    /// Whose CPU limits are compulsory.
    pub cpu_limits: CpuLimits,
}

/// The queue that an application names.
pub fn queue_of(app: &SparkApplication) -> Option<Name> {
    let namespace = app.metadata.namespace.as_deref().unwrap_or("default");
    let options = app.spec.batch_scheduler_options.as_ref();
    let queue = app.spec.queue.as_ref().or_else(|| options.and_then(|options| options.queue.as_ref()));
    queue.filter(|queue| !queue.is_empty()).map(|queue| Name::read(queue, namespace))
}

/// An application that waits, of the workload that its spec is, with as many executors wanted as it may come to have.
///
/// # Errors
/// When it names a priority class that is not there.
pub fn application(
    app: &SparkApplication,
    workload: &Workload,
    classes: &Classes,
    habits: &Habits,
    shapes: &mut Shapes,
    kinds: &mut Kinds,
) -> Result<App, Unreadable> {
    let namespace = app.metadata.namespace.as_deref().unwrap_or("default");
    let marks = [&app.metadata.labels, &app.metadata.annotations];
    let user = marks.into_iter().flatten().find_map(|marks| marks.get(USER)).cloned().unwrap_or_default();
    let priority = match named(&workload.driver) {
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
    let class = classes.of(pod);
    if let Some(main) = whole.containers.first_mut() {
        main.resources = Some(pod.main_resources(habits.cpu_limits.hold(class)));
    }
    fill(&mut whole, &habits.ranges);
    let (request, others) = requests::requests(&whole);
    let (limit, _) = requests::limits(&whole);
    shapes.intern(Shape {
        requests: amounts(request, &others, kinds),
        limits: Amounts::of(limit.cpu, limit.memory, limit.pods),
        ask: pod.ask.clone(),
        class: class.map(String::from),
    })
}

/// The priority class that a pod names.
fn named(pod: &PodSize) -> Option<&str> {
    pod.outline.spec.priority_class_name.as_deref().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    #[test]
    fn of_several_default_classes_the_smallest_counts_whichever_comes_first() {
        let class = |name: &str, value: i32, default: bool| PriorityClass {
            metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
            value,
            global_default: Some(default),
            ..PriorityClass::default()
        };
        let mut all = [class("b", 5, true), class("c", 9, true), class("a", 5, true), class("low", 1, false)];
        for _ in 0..2 {
            let mut classes = Classes::default();
            all.iter().for_each(|class| classes.add(class));
            assert_eq!((classes.default, classes.default_name.as_deref(), classes.values.len()), (5, Some("a"), 4));
            all.reverse();
        }
    }
}
