//! Counts pods: whose each is, where it is, and whether it stays. What none of our applications owns is counted against its
//! node. It decides nothing; a pod that is bound needs the node no more that was found for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use onager_core::{
    Phase, Role, intake,
    queue::{Amounts, Name, Pods, Site, snapshot::NOWHERE},
};

use super::{Memory, entry::Entry};
use crate::cache::{Cache, PodRecord};

/// All pods that take room.
pub struct Census {
    /// Those of the applications that are looked at, by number.
    pub made: Vec<Made>,
    /// Those of applications that are gone or have ended, by UID.
    pub left: BTreeMap<String, Left>,
}

/// What of an application's pods is there.
#[derive(Default)]
pub struct Made {
    /// Whether its driver is there and stays.
    pub driver: bool,
    /// Whether that has no node yet.
    pub driver_unbound: bool,
    /// How many executors are there and stay.
    pub executors: u32,
    /// Where its pods are; executors without a node are left out.
    pub pods: Pods,
    /// What its driver and its executors take in fact, where one is there.
    pub sizes: [Option<Amounts>; 2],
    /// Executors that stay: index, node, and whether they run.
    pub bound: Vec<(u32, usize, bool)>,
    /// Indexes of executors that stay and have no node yet.
    pub unbound: Vec<u32>,
    /// Indexes of executors that leave.
    pub leaving: BTreeSet<u32>,
}

/// What is left of an application.
#[derive(Default)]
pub struct Left {
    /// Its name.
    pub name: Name,
    /// The queue that its pods count in.
    pub queue: Option<Name>,
    /// Its pods.
    pub made: Made,
}

impl Made {
    /// Whether its driver is there.
    pub fn driver_there(&self) -> bool {
        self.driver || self.pods.leaving_driver.is_some()
    }

    /// How many executors are there.
    pub fn executors_there(&self) -> u32 {
        self.executors + self.pods.leaving.values().sum::<u32>()
    }

    /// Where its pods are, of which none stays.
    pub fn leaving(&self) -> Pods {
        let mut pods = self.pods.clone();
        if !self.unbound.is_empty() {
            *pods.leaving.entry(NOWHERE).or_default() += self.unbound.len() as u32;
        }
        pods.leave();
        pods
    }

    /// One more pod; `node` is its node's number.
    fn count(&mut self, record: &PodRecord, node: Option<usize>, size: Amounts, entry: Option<&mut Entry>) {
        let Some(ours) = &record.ours else { return };
        let place = node.unwrap_or(NOWHERE);
        let leaves = ours.seen.deleting || ours.seen.ended();
        match ours.seen.role {
            Role::Driver => {
                self.sizes[0] = Some(size);
                if leaves {
                    self.pods.leaving_driver = Some(place);
                    return;
                }
                if let (Some(entry), Some(_)) = (entry, node) {
                    entry.driver = None;
                }
                self.driver = true;
                self.driver_unbound = node.is_none();
                self.pods.driver = Some(place);
            }
            Role::Executor(index) => {
                self.sizes[1] = Some(size);
                let retired = entry.as_ref().is_some_and(|entry| entry.retired.contains(&index));
                if let Some(entry) = entry.filter(|_| node.is_some() || leaves) {
                    entry.seats.remove(&index);
                }
                if leaves || retired {
                    self.leaving.insert(index);
                    *self.pods.leaving.entry(place).or_default() += 1;
                    return;
                }
                self.executors += 1;
                match node {
                    Some(node) => {
                        *self.pods.executors.entry(node).or_default() += 1;
                        self.bound.push((index, node, ours.seen.phase == Phase::Running));
                    }
                    None => self.unbound.push(index),
                }
            }
        }
    }
}

impl Memory {
    /// Counts all pods. `places` are the numbers of `nodes` by name, `numbers` those of applications by UID.
    pub fn census(
        &mut self,
        cache: &Cache,
        nodes: &mut [Site],
        places: &HashMap<String, usize>,
        numbers: &HashMap<&str, usize>,
    ) -> Census {
        let mut made: Vec<Made> = Vec::new();
        made.resize_with(numbers.len(), Made::default);
        let mut census = Census { made, left: BTreeMap::new() };
        let mut floating = Vec::new();
        for ((namespace, _), record) in cache.pods().taking_room() {
            let node = record.node.as_ref().map(|node| places.get(node).copied().unwrap_or(NOWHERE));
            let owner = record.ours.as_ref().and_then(|ours| ours.seen.owner.as_deref());
            let size = intake::amounts(record.requests, &record.others, &mut self.readings.kinds);
            match (owner.and_then(|owner| numbers.get(owner)), node) {
                (Some(number), node) => {
                    let entry = owner.and_then(|owner| self.entries.get_mut(owner));
                    census.made[*number].count(record, node, size, entry);
                }
                (None, node) if queue_of(record).is_some() => {
                    let left = census.left.entry(owner.unwrap_or_default().to_string()).or_default();
                    let app = record.ours.as_ref().map_or("", |ours| ours.app.as_str());
                    (left.name, left.queue) = (Name::new(namespace, app), queue_of(record));
                    left.made.count(record, node, size, None);
                }
                (None, Some(NOWHERE)) => {}
                (None, Some(node)) => nodes[node].foreign.add(&size, 1),
                // One that no node takes holds no room.
                (None, None) if record.unschedulable => {}
                (None, None) => floating.push(size),
            }
        }
        floating.into_iter().for_each(|size| take_some_room(nodes, &size));
        census
    }
}

/// A pod of others that waits for the scheduler will take room too.
fn take_some_room(nodes: &mut [Site], size: &Amounts) {
    let fits = |site: &&mut Site| site.node.usable && site.foreign.plus(size).within(&site.allocatable);
    if let Some(site) = nodes.iter_mut().find(fits) {
        site.foreign.add(size, 1);
    }
}

fn queue_of(record: &PodRecord) -> Option<Name> {
    record.ours.as_ref()?.queue.as_deref().map(|queue| Name::read(queue, ""))
}
