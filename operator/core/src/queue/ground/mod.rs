//! Room on nodes, for gangs of pods that are alike: how many of a shape each node can take, kept up to date by what changed
//! alone, so that thousands of nodes cost little. Two views: now, and soon, when pods that are to go are gone. What is given
//! away now must be there in both, since what becomes free may be claimed. It models requests of every resource, readiness,
//! cordons, taints, selectors and required node affinity, and leaves the rest to kube-scheduler.

mod lack;
mod place;
mod soonest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{Amounts, ShapeId, Shapes, Site, snapshot::NOWHERE};
use lack::Lack;
pub use place::Placement;

/// Which room is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What is free at this moment and promised to nobody.
    Now = 0,
    /// What is free once all that is to go is gone.
    Soon = 1,
}

/// What is subtracted from what a node has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Now = 0,
    Soon = 1,
    /// Foreign pods alone, as if no application ran.
    Empty = 2,
}

impl From<View> for Layer {
    fn from(view: View) -> Self {
        match view {
            View::Now => Self::Now,
            View::Soon => Self::Soon,
        }
    }
}

/// How many tables are kept at a time.
const MOST_TABLES: usize = 256;

/// The nodes.
pub struct Ground<'a> {
    shapes: &'a Shapes,
    sites: &'a [Site],
    used: [Vec<Amounts>; 3],
    /// Nodes in the order in which they were touched.
    touched: Vec<usize>,
    /// How many tables there are.
    kept: usize,
    tables: Vec<[Option<Table>; 3]>,
    accepts: Vec<Option<Vec<bool>>>,
    /// For what there is no room, until some is given back: what is asked of nodes, the layer, the size of a pod, how many. Who
    /// asks for more finds none either.
    full: Vec<(usize, Layer, Amounts, u64)>,
    /// What was found out for explanations, since nodes last changed.
    lacks: BTreeMap<(ShapeId, bool), Lack>,
}

/// How many pods of a shape each node can take.
#[derive(Clone, Debug)]
struct Table {
    slots: Vec<u32>,
    total: u64,
    /// No node before this one has a slot.
    first: usize,
    /// How much of `touched` it has taken in.
    read: usize,
}

impl<'a> Ground<'a> {
    /// Nodes with what foreign pods take.
    pub fn new(shapes: &'a Shapes, sites: &'a [Site]) -> Self {
        let used: Vec<Amounts> = sites.iter().map(|site| site.foreign.clone()).collect();
        Self {
            shapes,
            sites,
            used: [used.clone(), used.clone(), used],
            touched: Vec::new(),
            kept: 0,
            tables: vec![[None, None, None]; shapes.len()],
            accepts: Vec::new(),
            full: Vec::new(),
            lacks: BTreeMap::new(),
        }
    }

    /// Takes room for `count` pods of a shape on a node.
    pub fn take(&mut self, shape: ShapeId, node: usize, count: u32, views: &[View]) {
        let layers = views.iter().map(|view| Layer::from(*view));
        self.change(shape, node, count, layers, Amounts::add);
    }

    /// Gives it back.
    pub fn give(&mut self, shape: ShapeId, node: usize, count: u32, views: &[View]) {
        let layers = views.iter().map(|view| Layer::from(*view));
        self.change(shape, node, count, layers, Amounts::take);
        self.full.clear();
    }

    /// How many more pods of a shape there is room for.
    pub fn slots(&mut self, shape: ShapeId, view: View) -> u64 {
        self.table(shape, view.into()).total
    }

    /// The first node with room for one.
    pub fn one(&mut self, shape: ShapeId, view: View) -> Option<usize> {
        self.tidy();
        let table = self.table(shape, view.into());
        table.advance();
        (table.total > 0).then_some(table.first)
    }

    /// Tables of thousands of shapes would fill the memory.
    fn tidy(&mut self) {
        if self.kept > MOST_TABLES {
            self.tables.iter_mut().for_each(|tables| *tables = [None, None, None]);
            self.touched.clear();
            self.kept = 0;
        }
    }

    /// What of a node is left.
    fn room(&self, node: usize, layer: Layer) -> Amounts {
        let used = &self.used[layer as usize][node];
        match layer {
            // What is promised is not free either.
            Layer::Now => self.sites[node].allocatable.less(&used.at_least(&self.used[Layer::Soon as usize][node])),
            Layer::Soon | Layer::Empty => self.sites[node].allocatable.less(used),
        }
    }

    fn change(
        &mut self,
        shape: ShapeId,
        node: usize,
        count: u32,
        layers: impl Iterator<Item = Layer>,
        how: fn(&mut Amounts, &Amounts, u64),
    ) {
        if node == NOWHERE || count == 0 {
            return;
        }
        for layer in layers {
            how(&mut self.used[layer as usize][node], &self.shapes.get(shape).requests, u64::from(count));
        }
        self.touched.push(node);
        self.lacks.clear();
    }

    fn fits(&self, shape: ShapeId, node: usize, layer: Layer, beside: Option<&Amounts>) -> u32 {
        let mut room = self.room(node, layer);
        if let Some(beside) = beside {
            room.take(beside, 1);
        }
        u32::try_from(room.holds(&self.shapes.get(shape).requests)).unwrap_or(u32::MAX)
    }

    fn learn(&mut self, ask: usize) {
        if self.accepts.len() <= ask {
            self.accepts.resize(ask + 1, None);
        }
        if self.accepts[ask].is_none() {
            let ask_itself = self.shapes.ask(ask);
            self.accepts[ask] = Some(self.sites.iter().map(|site| site.node.accepts(ask_itself)).collect());
        }
    }

    fn table(&mut self, shape: ShapeId, layer: Layer) -> &mut Table {
        let ask = self.shapes.ask_of(shape);
        self.learn(ask);
        let kept = self.tables[shape.0 as usize][layer as usize].take();
        let accepts = self.accepts[ask].as_deref().unwrap_or_default();
        self.kept += usize::from(kept.is_none());
        let slots = |node: usize| if accepts[node] { self.fits(shape, node, layer, None) } else { 0 };
        let mut table = kept.unwrap_or_else(|| {
            let count = self.sites.len();
            let mut table = Table { slots: vec![0; count], total: 0, first: count, read: self.touched.len() };
            (0..count).for_each(|node| table.set(node, slots(node)));
            table
        });
        for node in &self.touched[table.read..] {
            table.set(*node, slots(*node));
        }
        table.read = self.touched.len();
        self.tables[shape.0 as usize][layer as usize].insert(table)
    }
}

impl Table {
    fn set(&mut self, node: usize, slots: u32) {
        self.total = self.total - u64::from(self.slots[node]) + u64::from(slots);
        self.slots[node] = slots;
        if slots > 0 && node < self.first {
            self.first = node;
        }
    }

    fn advance(&mut self) {
        while self.slots.get(self.first) == Some(&0) {
            self.first += 1;
        }
    }
}
