//! Room on nodes, for gangs of pods that are alike: how many of a shape each node can take, kept up to date by what changed
//! alone, so that thousands of nodes cost little. Two views: now, and soon, when pods that are to go are gone. What is given
//! away now must be there in both, since what becomes free may be claimed. It models requests of every resource, readiness,
//! cordons, taints, selectors and required node affinity, and leaves the rest to kube-scheduler.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{Amounts, ShapeId, Shapes, Site, snapshot::NOWHERE, why::Nodes};

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

/// How much is remembered of what is full.
const MOST_FULL: usize = 64;
/// How many tables are kept at a time.
const MOST_TABLES: usize = 256;

/// Where the pods of a gang go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The driver's node.
    pub driver: usize,
    /// Executors by node.
    pub executors: Vec<(usize, u32)>,
}

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

/// What nodes lack for a shape.
#[derive(Clone, Debug, Default)]
struct Lack {
    /// How many may take it at all.
    accepting: usize,
    /// The node that comes closest, the resource of which it has too little, and what it has.
    closest: Option<(usize, u64, usize)>,
    /// How many pods would fit if nothing were held for others.
    free: u64,
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

    /// Tables of thousands of shapes would fill the memory.
    fn tidy(&mut self) {
        if self.kept > MOST_TABLES {
            self.tables.iter_mut().for_each(|tables| *tables = [None, None, None]);
            self.touched.clear();
            self.kept = 0;
        }
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

    /// What of a node is left.
    fn room(&self, node: usize, layer: Layer) -> Amounts {
        let used = &self.used[layer as usize][node];
        match layer {
            // What is promised is not free either.
            Layer::Now => self.sites[node].allocatable.less(&used.at_least(&self.used[Layer::Soon as usize][node])),
            Layer::Soon | Layer::Empty => self.sites[node].allocatable.less(used),
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        node::{Node, PodAsk},
        queue::Shape,
    };

    fn sites(rooms: &[u64]) -> Vec<Site> {
        let site = |(index, cpu): (usize, &u64)| Site {
            node: Node { name: format!("n{index}"), usable: true, ..Node::default() },
            allocatable: Amounts::of(*cpu, 1 << 40, 110),
            foreign: Amounts::default(),
        };
        rooms.iter().enumerate().map(site).collect()
    }

    fn shapes(cpus: &[u64]) -> Shapes {
        let mut shapes = Shapes::default();
        for cpu in cpus {
            shapes.intern(Shape { requests: Amounts::of(*cpu, 1, 1), ..Shape::default() });
        }
        shapes
    }

    const BOTH: &[View] = &[View::Now, View::Soon];

    #[test]
    fn the_driver_goes_where_its_executors_still_fit() {
        // Two executors of 3 need both large nodes whole; first fit alone would put the driver on the first of them.
        let (shapes, sites) = (shapes(&[1, 3]), sites(&[3, 3, 1]));
        let mut ground = Ground::new(&shapes, &sites);
        let placement = ground.place(ShapeId(0), ShapeId(1), 2, View::Now).expect("room");
        assert_eq!(placement, Placement { driver: 2, executors: vec![(0, 1), (1, 1)] });
        assert!(ground.place(ShapeId(0), ShapeId(1), 3, View::Now).is_none());
    }

    #[test]
    fn what_is_promised_soon_is_not_given_away_now() {
        let (shapes, sites) = (shapes(&[2]), sites(&[4]));
        let mut ground = Ground::new(&shapes, &sites);
        ground.take(ShapeId(0), 0, 1, &[View::Now]);
        assert_eq!((ground.slots(ShapeId(0), View::Now), ground.slots(ShapeId(0), View::Soon)), (1, 2));
        ground.take(ShapeId(0), 0, 2, &[View::Soon]);
        assert_eq!((ground.slots(ShapeId(0), View::Now), ground.slots(ShapeId(0), View::Soon)), (0, 0));
        ground.give(ShapeId(0), 0, 1, &[View::Soon]);
        assert_eq!(ground.one(ShapeId(0), View::Soon), Some(0));
    }

    #[test]
    fn a_thousand_shapes_find_what_each_alone_would() {
        let sizes: Vec<u64> = (0..1000).map(|number| 1 + number * 7919 % 1000).collect();
        let (shapes, sites) = (shapes(&sizes), sites(&[400, 100, 250]));
        let mut ground = Ground::new(&shapes, &sites);
        let alone = |shape: u32| Ground::new(&shapes, &sites).place(ShapeId(shape), ShapeId(shape), 2, View::Now);
        for shape in (0..1000).chain([0, 1, 2]) {
            assert_eq!(ground.place(ShapeId(shape), ShapeId(shape), 2, View::Now), alone(shape));
        }
        // What was full is not, once something is given back.
        ground.take(ShapeId(0), 0, 400, BOTH);
        let half = sizes.iter().position(|size| *size == 200).expect("a shape") as u32;
        assert_eq!(ground.place(ShapeId(half), ShapeId(half), 1, View::Now), None);
        ground.give(ShapeId(0), 0, 400, BOTH);
        assert!(ground.place(ShapeId(half), ShapeId(half), 1, View::Now).is_some());
    }

    #[test]
    fn a_selector_keeps_to_its_nodes() {
        let mut sites = sites(&[4, 4]);
        sites[1].node.labels.insert("disk".into(), "ssd".into());
        let mut shapes = Shapes::default();
        let ask = PodAsk { selector: [("disk".to_string(), "ssd".to_string())].into(), ..PodAsk::default() };
        let picky = shapes.intern(Shape { requests: Amounts::of(1, 1, 1), ask, ..Shape::default() });
        let mut ground = Ground::new(&shapes, &sites);
        assert_eq!((ground.one(picky, View::Now), ground.slots(picky, View::Now)), (Some(1), 4));
        ground.take(picky, 1, 4, BOTH);
        assert_eq!(ground.one(picky, View::Now), None);
    }
}
