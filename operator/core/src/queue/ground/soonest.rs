//! Where a gang that has no room would have it soonest: what is held for the first of a line in strict order. Takes nothing.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Ground, Layer, Placement};
use crate::queue::{Amounts, ShapeId};

impl Ground<'_> {
    /// Where a gang would start soonest if others' pods ended: on nodes where least is missing. `None` if it never would.
    pub fn soonest(&mut self, driver: ShapeId, executor: ShapeId, count: u32) -> Option<Placement> {
        self.tidy();
        let home = self.hold(driver, 1)?;
        let home = *home.first()?;
        let aside = || [Layer::Soon, Layer::Empty].into_iter();
        self.change(driver, home, 1, aside(), Amounts::add);
        let executors = self.hold(executor, count);
        self.change(driver, home, 1, aside(), Amounts::take);
        let mut placement = Placement { driver: home, executors: Vec::new() };
        let mut executors = executors?;
        executors.sort_unstable();
        for node in executors {
            match placement.executors.last_mut() {
                Some((last, here)) if *last == node => *here += 1,
                _ => placement.executors.push((node, 1)),
            }
        }
        Some(placement)
    }

    /// Nodes for so many pods of a shape, where least is missing.
    fn hold(&mut self, shape: ShapeId, count: u32) -> Option<Vec<usize>> {
        let most = self.table(shape, Layer::Empty).slots.clone();
        let request = &self.shapes.get(shape).requests;
        let missing = |node: usize, pods: u32| {
            let (room, whole) = (self.room(node, Layer::Soon), &self.sites[node].allocatable);
            let part = |(kind, each): (usize, u64)| {
                each.saturating_mul(pods.into()).saturating_sub(room.get(kind)) as f64 / whole.get(kind).max(1) as f64
            };
            // No part is negative, so their bits order as they do.
            request.some().map(part).fold(0.0, f64::max).to_bits()
        };
        let open = most.iter().enumerate().filter(|(_, most)| **most > 0);
        let mut nearest: BinaryHeap<Reverse<(u64, usize, u32)>> =
            open.map(|(node, _)| Reverse((missing(node, 1), node, 1))).collect();
        let mut found = Vec::new();
        while found.len() < count as usize {
            let Reverse((_, node, pods)) = nearest.pop()?;
            found.push(node);
            if pods < most[node] {
                nearest.push(Reverse((missing(node, pods + 1), node, pods + 1)));
            }
        }
        Some(found)
    }
}
