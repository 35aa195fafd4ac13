//! Where the pods of admitted applications are, or will be: those that are bound where they are, those that are promised on the
//! nodes that were found for them, and all others wherever there is room now. So a promise holds also after a restart, when
//! nobody remembers what was found, and when a node that was found is gone.

use std::{collections::HashMap, iter::repeat_n};

use onager_core::queue::{
    App, Name, Pods, Provisioning, Snapshot,
    ground::{Ground, View},
    snapshot::NOWHERE,
};

use super::{Memory, census::Made, entry::Entry};

/// Pods of an application that no node was found for.
#[derive(Default)]
pub struct Unseated {
    /// Whether its driver is one.
    pub driver: bool,
    /// Executors: the index of one that is made, nothing of one that is not.
    pub executors: Vec<Option<u32>>,
}

impl Unseated {
    /// They have no place.
    pub fn go_nowhere(self, pods: &mut Pods) {
        if self.driver {
            pods.driver = Some(NOWHERE);
        }
        if !self.executors.is_empty() {
            *pods.executors.entry(NOWHERE).or_default() += self.executors.len() as u32;
        }
    }

    fn any(&self) -> bool {
        self.driver || !self.executors.is_empty()
    }
}

/// Where the pods are of an application that may have so many executors. Seats that nobody is missing any more are given back.
pub fn promise(
    given: u32,
    entry: Option<&mut Entry>,
    made: &Made,
    places: &HashMap<String, usize>,
) -> (Pods, Unseated) {
    let mut nothing = Entry::default();
    let entry = entry.unwrap_or(&mut nothing);
    let (mut pods, mut unseated) = (made.pods.clone(), Unseated::default());
    let place = |node: &String| places.get(node).copied();
    if !made.driver || made.driver_unbound {
        pods.driver = entry.driver.as_ref().and_then(place);
        unseated.driver = pods.driver.is_none();
    }
    let mut seat = |node: usize| *pods.executors.entry(node).or_default() += 1;
    for index in &made.unbound {
        match entry.seats.get(index).and_then(place) {
            Some(node) => seat(node),
            None => unseated.executors.push(Some(*index)),
        }
    }
    let mut missing = given.saturating_sub(made.executors) as usize;
    // Those of which a pod is on its way.
    let coming =
        entry.seats.iter().filter(|(index, _)| !made.unbound.contains(index)).filter_map(|(_, node)| place(node));
    for node in coming.take(missing) {
        seat(node);
        missing -= 1;
    }
    entry.free_seats.truncate(missing);
    for node in entry.free_seats.iter().filter_map(place) {
        seat(node);
        missing -= 1;
    }
    unseated.executors.extend(repeat_n(None, missing));
    (pods, unseated)
}

impl Memory {
    /// Finds nodes for those that have none, and remembers them; who finds none, or waits for nodes that are to come, is
    /// nowhere.
    pub fn find_seats(&mut self, snapshot: &mut Snapshot, apps: &[(String, Name)], unseated: &[Unseated]) {
        if !unseated.iter().any(Unseated::any) {
            return;
        }
        let Snapshot { apps: there, shapes, nodes, queues, .. } = snapshot;
        let fixed = |app: &App| {
            let queue = app.queue.as_ref().and_then(|queue| queues.get(queue));
            queue.is_none_or(|queue| queue.provisioning == Provisioning::Fixed)
        };
        let both = &[View::Now, View::Soon];
        let mut ground = Ground::new(shapes, nodes);
        for app in there.iter() {
            let pods = &app.pods;
            for node in pods.driver.iter().chain(&pods.leaving_driver).filter(|node| **node != NOWHERE) {
                ground.take(app.driver, *node, 1, both);
            }
            for (node, count) in pods.executors.iter().chain(&pods.leaving).filter(|(node, _)| **node != NOWHERE) {
                ground.take(app.executor, *node, *count, both);
            }
        }
        for ((app, unseated), (uid, _)) in there.iter_mut().zip(unseated).zip(apps).filter(|((_, one), _)| one.any()) {
            let mut find = |shape| {
                let node = ground.one(shape, View::Now).filter(|_| fixed(app))?;
                ground.take(shape, node, 1, both);
                Some(node)
            };
            let driver = unseated.driver.then(|| find(app.driver));
            let executors: Vec<Option<usize>> = unseated.executors.iter().map(|_| find(app.executor)).collect();
            let name = |node: usize| nodes[node].node.name.clone();
            let entry = self.entries.entry(uid.clone()).or_default();
            if let Some(found) = driver {
                app.pods.driver = Some(found.unwrap_or(NOWHERE));
                entry.driver = found.map(name);
            }
            for (index, found) in unseated.executors.iter().zip(executors) {
                *app.pods.executors.entry(found.unwrap_or(NOWHERE)).or_default() += 1;
                match (index, found.map(name)) {
                    (Some(index), Some(node)) => drop(entry.seats.insert(*index, node)),
                    (None, Some(node)) => entry.free_seats.push_back(node),
                    (_, None) => {}
                }
            }
        }
        self.entries.retain(|_, entry| !entry.is_idle());
    }
}
