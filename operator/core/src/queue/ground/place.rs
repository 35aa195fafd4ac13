//! Where a gang goes: the first nodes that have room for its driver and all of its executors together. Takes nothing.

use std::collections::BTreeMap;

use super::{Ground, Layer, View};
use crate::queue::{Amounts, ShapeId, snapshot::NOWHERE};

/// How much is remembered of what is full.
const MOST_FULL: usize = 64;
/// Where the pods of a gang go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The driver's node.
    pub driver: usize,
    /// Executors by node.
    pub executors: Vec<(usize, u32)>,
}

impl Ground<'_> {
    /// A place for a driver together with so many executors, if there is any. Takes nothing.
    pub fn place(&mut self, driver: ShapeId, executor: ShapeId, count: u32, view: View) -> Option<Placement> {
        self.place_in(driver, executor, count, view.into())
    }

    /// Whether a gang may have a place: whether all nodes together have room for its driver, and for its executors.
    pub fn may_place(&mut self, driver: ShapeId, executor: ShapeId, count: u32, view: View) -> bool {
        self.has_slots(driver, 1, view.into()) && self.has_slots(executor, count.into(), view.into())
    }

    /// Whether nodes have room for so many pods of a shape. What was found to be full is remembered, so that shapes of which
    /// each application has its own cost little.
    fn has_slots(&mut self, shape: ShapeId, count: u64, layer: Layer) -> bool {
        let (ask, requests) = (self.shapes.ask_of(shape), &self.shapes.get(shape).requests);
        let less = |(other, at, size, least): &(usize, Layer, Amounts, u64)| {
            *other == ask && *at == layer && *least <= count && size.within(requests)
        };
        if self.full.iter().any(less) {
            return false;
        }
        self.tidy();
        let there = self.table(shape, layer).total >= count;
        if !there && self.full.len() < MOST_FULL {
            self.full.push((ask, layer, requests.clone(), count));
        }
        there
    }

    /// Whether there is room for a gang in these very places.
    pub fn takes(&mut self, driver: ShapeId, executor: ShapeId, placement: &Placement, view: View) -> bool {
        let mut needed: BTreeMap<usize, Amounts> = BTreeMap::new();
        let executors = placement.executors.iter().map(|(node, count)| (executor, *node, *count));
        for (shape, node, count) in executors.chain([(driver, placement.driver, 1)]) {
            let ask = self.shapes.ask_of(shape);
            self.learn(ask);
            if node != NOWHERE
                && !self.accepts[ask].as_ref().and_then(|accepts| accepts.get(node)).is_some_and(|accepts| *accepts)
            {
                return false;
            }
            needed.entry(node).or_default().add(&self.shapes.get(shape).requests, u64::from(count));
        }
        needed.remove(&NOWHERE);
        needed.iter().all(|(node, needed)| needed.within(&self.room(*node, view.into())))
    }

    /// Whether a gang would have a place if no application ran.
    pub fn ever_fits(&mut self, driver: ShapeId, executor: ShapeId, count: u32) -> bool {
        self.place_in(driver, executor, count, Layer::Empty).is_some()
    }

    fn place_in(&mut self, driver: ShapeId, executor: ShapeId, count: u32, layer: Layer) -> Option<Placement> {
        let wanted = u64::from(count);
        if !self.has_slots(driver, 1, layer) || !self.has_slots(executor, wanted, layer) {
            return None;
        }
        self.table(executor, layer);
        self.table(driver, layer).advance();
        let request = self.shapes.get(driver).requests.clone();
        let drivers = self.tables[driver.0 as usize][layer as usize].as_ref()?;
        let executors = self.tables[executor.0 as usize][layer as usize].as_ref()?;
        // The driver goes where it leaves room for its executors.
        let spare = executors.total - wanted;
        let (home, lost) =
            (drivers.first..drivers.slots.len()).filter(|node| drivers.slots[*node] > 0).find_map(|node| {
                let before = executors.slots[node];
                let after =
                    if before == 0 || count == 0 { before } else { self.fits(executor, node, layer, Some(&request)) };
                (u64::from(before - after) <= spare).then_some((node, before - after))
            })?;
        let mut placement = Placement { driver: home, executors: Vec::new() };
        let mut left = count;
        for node in executors.first..executors.slots.len() {
            if left == 0 {
                break;
            }
            let slots = executors.slots[node] - if node == home { lost } else { 0 };
            let here = slots.min(left);
            if here > 0 {
                placement.executors.push((node, here));
                left -= here;
            }
        }
        Some(placement)
    }
}
