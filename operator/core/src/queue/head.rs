//! Strict order: the first of a line that is blocked has its room held for it, and those behind it start beside that or wait.
//! What is first is not decided here.

use super::{
    Block, Order,
    crowd::Waiter,
    desk::{Desk, SOON},
    ground::{Placement, View},
    snapshot::NOWHERE,
    tree::{NO_QUEUE, ROOT},
};

/// The first of a line that is blocked.
#[derive(Clone, Debug)]
pub struct Head {
    number: usize,
    /// Where its room is held; `None` where that is not known.
    placement: Option<Placement>,
    /// Whether it is held against other queues too.
    against_all: bool,
}

impl Desk<'_> {
    /// What follows for a leaf in strict order when an application of it is blocked: its room is held for it. Where its
    /// queue deserves that room it is held against everybody, else against those behind it.
    pub fn hold_for_head(&mut self, number: usize, block: usize) {
        let leaf = self.leaf(number);
        if leaf == NO_QUEUE || !self.is_strict(leaf) || self.heads[leaf].is_some() {
            return;
        }
        if self.blocks[block].is_for_ever() || matches!(self.blocks[block], Block::Nodes(_)) && !self.ever_fits(number)
        {
            // It would hold up the line for ever.
            return;
        }
        let block = &self.blocks[block];
        if let Block::TooMany(_) = block {
            self.stop(leaf, number);
            self.heads[leaf] = Some(Head { number, placement: None, against_all: false });
            return;
        }
        let of_cluster = matches!(block, Block::Nodes(_)) || matches!(block, Block::Level(over) if over.level == ROOT);
        let app = &self.snapshot.apps[number];
        let placement = match self.is_autoscaled(leaf) {
            true => Some(Placement { driver: NOWHERE, executors: vec![(NOWHERE, app.minimum)] }),
            false => self.ground.soonest(app.driver, app.executor, app.minimum),
        };
        let against_all = of_cluster && self.is_entitled(number);
        let head = Head { number, placement, against_all };
        if against_all {
            self.hold(&head, true);
        }
        self.heads[leaf] = Some(head);
    }

    /// What blocks one that has no turn in this cycle. Those that are alike have none either, nor, in strict order, those behind
    /// it.
    pub fn passes(&mut self, waiter: Waiter) -> Option<usize> {
        let other = self.passed.account(waiter.number)?;
        let (number, leaf) = (waiter.number, self.leaf(waiter.number));
        let block = self.gives_way(number, other);
        self.crowd.classes[waiter.class].failed = Some(block);
        if self.is_strict(leaf) {
            self.stop(leaf, number);
        }
        Some(block)
    }

    /// Whether a leaf keeps strict order.
    pub fn is_strict(&self, leaf: usize) -> bool {
        self.tree.all[leaf].spec.order == Order::StrictFifo
    }

    fn stop(&mut self, leaf: usize, number: usize) {
        self.blocks.push(Block::Behind(self.snapshot.apps[number].name.clone()));
        self.stopped[leaf] = Some(self.blocks.len() - 1);
    }

    /// Does something for one of a leaf, beside the room that is held for its head.
    pub fn beside_head<T>(&mut self, leaf: usize, what: impl FnOnce(&mut Self) -> T) -> T {
        let head = self.heads[leaf].clone().filter(|head| !head.against_all);
        head.iter().for_each(|head| self.hold(head, true));
        let answer = what(self);
        head.iter().for_each(|head| self.hold(head, false));
        answer
    }

    /// The number of what blocks one that has room but for what is held for the head of its line.
    pub fn behind_head(&mut self, number: usize) -> Option<usize> {
        let head = self.heads[self.leaf(number)].clone()?;
        if head.against_all {
            self.hold(&head, false);
        }
        let has_room = self.fits(number, View::Now).is_ok();
        if head.against_all {
            self.hold(&head, true);
        }
        has_room.then(|| self.blocked(number, Block::Behind(self.snapshot.apps[head.number].name.clone())))
    }

    /// Holds the room of a head, or lets it go.
    fn hold(&mut self, head: &Head, hold: bool) {
        let Some(placement) = &head.placement else { return };
        if hold {
            self.take(head.number, Some(placement.driver), &placement.executors, SOON);
        } else {
            self.give(head.number, Some(placement.driver), &placement.executors, SOON);
        }
    }

    /// Whether each queue above an application deserves its gang.
    fn is_entitled(&self, number: usize) -> bool {
        let gang = self.snapshot.gang(&self.snapshot.apps[number]);
        self.tree.chain(self.leaf(number)).filter(|level| *level != ROOT).all(|level| self.deserves(level, &gang))
    }
}
