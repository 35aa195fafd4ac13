//! What nodes lack for a gang that has no place, for the sentence that says so.

use super::{Ground, Layer};
use crate::queue::{ShapeId, why::Nodes};

/// What nodes lack for a shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Lack {
    /// How many may take it at all.
    accepting: usize,
    /// The node that comes closest, the resource of which it has too little, and what it has.
    closest: Option<(usize, u64, usize)>,
    /// How many pods would fit if nothing were held for others.
    free: u64,
}

impl Ground<'_> {
    /// Why a gang has no place now, or, where it never has, not even then.
    pub fn explain(&mut self, gang: (ShapeId, ShapeId, u32), ever: bool) -> Nodes {
        self.tidy();
        let (driver, executor, count) = gang;
        let layer = if ever { Layer::Empty } else { Layer::Now };
        let alone = self.table(driver, layer).total == 0;
        let shape = if alone { driver } else { executor };
        let fit = self.table(executor, layer).total.min(u64::from(count));
        if !self.lacks.contains_key(&(shape, ever)) {
            let lack = self.lack(shape, layer);
            self.lacks.insert((shape, ever), lack);
        }
        let lack = &self.lacks[&(shape, ever)];
        Nodes {
            gang,
            coarse: false,
            driver: alone,
            fit,
            of: count,
            asks: self.shapes.get(shape).requests.clone(),
            accepting: lack.accepting,
            closest: lack.closest.map(|(kind, there, node)| (kind, there, self.sites[node].node.name.clone())),
            held: !ever && lack.free >= if alone { 1 } else { u64::from(count) },
        }
    }

    /// The same in few words, for those that are many.
    pub fn explain_coarsely(&self, gang: (ShapeId, ShapeId, u32)) -> Nodes {
        let asks = self.shapes.get(gang.1).requests.clone();
        Nodes { gang, coarse: true, of: gang.2, asks, ..Nodes::default() }
    }

    fn lack(&self, shape: ShapeId, layer: Layer) -> Lack {
        let asks = &self.shapes.get(shape).requests;
        let accepts = self.accepts[self.shapes.ask_of(shape)].as_deref().unwrap_or_default();
        let mut lack = Lack::default();
        let mut best = f64::INFINITY;
        for node in accepts.iter().enumerate().filter(|(_, accepts)| **accepts).map(|(node, _)| node) {
            lack.accepting += 1;
            let room = self.room(node, layer);
            let used_now = &self.used[Layer::Now as usize][node];
            lack.free = lack.free.saturating_add(self.sites[node].allocatable.less(used_now).holds(asks));
            let part = |(kind, needed): (usize, u64)| {
                let missing = needed.saturating_sub(room.get(kind));
                (missing > 0).then(|| (missing as f64 / needed as f64, kind, room.get(kind)))
            };
            let worst = asks.some().filter_map(part).max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((share, kind, there)) = worst.filter(|worst| worst.0 < best) {
                best = share;
                lack.closest = Some((kind, there, node));
            }
        }
        lack
    }
}
