//! What applications, namespaces and priority classes say, read once and kept while it is the same: to read a spec takes longer
//! than all else about a waiting application.

use std::collections::{HashMap, HashSet};

use kube::ResourceExt;
use onager_core::{
    Workload,
    intake::{self, Classes, Habits, USER, Unreadable},
    queue::{App, Kinds, Shapes},
};
use onager_crds::SparkApplication;

use crate::{cache::Cache, observe};

/// So many shapes of pods are kept whatever uses them, and so many for each application: what it asks for and what its pods
/// have, of its driver and its executors, twice over.
const SHAPES: usize = 1_000;
const SHAPES_EACH: usize = 8;

/// Readings, and the resources and shapes that they speak of.
#[derive(Default)]
pub struct Readings {
    /// Resources.
    pub kinds: Kinds,
    /// Shapes of pods.
    pub shapes: Shapes,
    classes: Classes,
    habits: HashMap<String, Habits>,
    apps: HashMap<String, Reading>,
}

struct Reading {
    generation: Option<i64>,
    user: Option<String>,
    namespace: String,
    app: Result<App, Unreadable>,
    used: bool,
}

impl Readings {
    /// Looks at classes and namespaces anew.
    pub fn refresh(&mut self, cache: &Cache) {
        let classes = observe::classes(cache);
        if classes != self.classes {
            self.classes = classes;
            self.apps.clear();
        }
        let namespaces: Vec<String> = self.habits.keys().cloned().collect();
        for namespace in namespaces {
            let habits = habits(cache, &namespace);
            if self.habits.get(&namespace) != Some(&habits) {
                self.habits.insert(namespace, habits);
                self.apps.clear();
            }
        }
        self.apps.values_mut().for_each(|reading| reading.used = false);
    }

    /// Takes the shapes back after a round over so many applications. Where these use few of them, all is read anew: sizes
    /// that nobody asks for any more would be kept for ever.
    pub fn with(self, shapes: Shapes, applications: usize) -> Self {
        match shapes.len() > SHAPES + SHAPES_EACH * applications {
            true => Self::default(),
            false => Self { shapes, ..self },
        }
    }

    /// Forgets those that were not asked for since, and namespaces without any.
    pub fn sweep(&mut self) {
        self.apps.retain(|_, reading| reading.used);
        let used: HashSet<&str> = self.apps.values().map(|reading| reading.namespace.as_str()).collect();
        self.habits.retain(|namespace, _| used.contains(namespace.as_str()));
    }

    /// An application as it waits.
    ///
    /// # Errors
    /// When its spec would be refused, or it names a priority class that is not there.
    pub fn app(&mut self, cache: &Cache, app: &SparkApplication) -> Result<App, Unreadable> {
        let uid = app.metadata.uid.clone().unwrap_or_default();
        let user = user(app);
        let known = self.apps.get_mut(&uid);
        if let Some(reading) =
            known.filter(|known| known.generation == app.metadata.generation && known.user.as_ref() == user)
        {
            reading.used = true;
            return reading.app.clone();
        }
        let namespace = app.namespace().unwrap_or_default();
        let habits = self.habits.entry(namespace.clone()).or_insert_with_key(|namespace| habits(cache, namespace));
        let read = Workload::read(&app.spec).map_err(Unreadable::from).and_then(|workload| {
            let (shapes, kinds) = (&mut self.shapes, &mut self.kinds);
            let read = intake::application(app, &workload, &self.classes, habits, shapes, kinds)?;
            // How many it begins with; more are asked for when there is work for them.
            Ok(App { wanted: workload.wanted, ..read })
        });
        let (generation, user) = (app.metadata.generation, user.cloned());
        let reading = Reading { generation, user, namespace, app: read.clone(), used: true };
        self.apps.insert(uid, reading);
        read
    }
}

fn user(app: &SparkApplication) -> Option<&String> {
    [&app.metadata.labels, &app.metadata.annotations].into_iter().flatten().find_map(|marks| marks.get(USER))
}

fn habits(cache: &Cache, namespace: &str) -> Habits {
    let mut ranges: Vec<_> =
        cache.ranges().of_namespace(namespace).map(|(name, range)| (name.to_string(), range.clone())).collect();
    ranges.sort_by(|a, b| a.0.cmp(&b.0));
    Habits {
        ranges: ranges.into_iter().map(|(_, range)| range).collect(),
        cpu_limits: observe::cpu_limits(cache, namespace),
    }
}
