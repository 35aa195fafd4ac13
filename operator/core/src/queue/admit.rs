//! One application's turn: it starts if its gang has room now; else it waits for room that is being freed, or has others give
//! way; else it is blocked. In strict order the first that is blocked has its room held.

use super::{
    Block, Decision, Order,
    desk::{BOTH, Desk, SOON},
    ground::{Placement, View},
    snapshot::NOWHERE,
    tree::{NO_QUEUE, ROOT},
};

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It starts.
    Admitted,
    /// It starts when others' pods are gone; whether somebody was asked to go just now.
    Promised(bool),
    /// The number of what blocks it.
    Blocked(usize),
}

impl Desk<'_> {
    /// An application's turn.
    pub fn turn(&mut self, number: usize) -> Turn {
        let aside = self.aside[self.leaf[number]].clone();
        self.set_aside(&aside, true);
        let turn = self.turn_beside(number);
        self.set_aside(&aside, false);
        turn
    }

    fn turn_beside(&mut self, number: usize) -> Turn {
        let block = match self.fits(number, View::Now) {
            Ok(placement) => {
                self.admit(number, placement);
                return Turn::Admitted;
            }
            Err(block) => block,
        };
        if matches!(block, Block::TooMany(_) | Block::User(_)) {
            return Turn::Blocked(self.blocked(number, block));
        }
        if let Ok(placement) = self.fits(number, View::Soon) {
            self.promise(number, &placement);
            return Turn::Promised(false);
        }
        if let Some(placement) = self.reclaim(number) {
            self.promise(number, &placement);
            return Turn::Promised(true);
        }
        let block = self.explained(number, block);
        Turn::Blocked(self.blocked(number, block))
    }

    fn admit(&mut self, number: usize, placement: Placement) {
        self.take(number, Some(placement.driver), &placement.executors, BOTH);
        self.books.enter(self.leaf[number], &self.snapshot.apps[number].user);
        self.pods[number].place(&placement);
        self.block_of[number] = None;
        self.admitted.push(number);
        self.decisions.push(Decision::Admit { app: number, placement });
    }

    fn promise(&mut self, number: usize, placement: &Placement) {
        self.take(number, Some(placement.driver), &placement.executors, SOON);
        let since = self.snapshot.apps[number].claims.unwrap_or(self.now);
        self.claims.push((number, since));
        self.blocked(number, Block::Evictions);
    }

    /// Those for whom others gave way before anybody else: what was freed for them is theirs. One that does not fit any more
    /// stands in line again.
    pub fn settle_claims(&mut self) {
        let apps = &self.snapshot.apps;
        let claims = |number: &usize| {
            let app = &apps[*number];
            app.claims.is_some() && app.stage == super::Stage::Waiting && self.gate(app, self.leaf[*number]).is_none()
        };
        let mut claimants: Vec<usize> = (0..apps.len()).filter(claims).collect();
        claimants.sort_by_key(|number| (apps[*number].claims, apps[*number].created, *number));
        for number in claimants {
            if let Ok(placement) = self.fits(number, View::Now) {
                self.admit(number, placement);
            } else if let Ok(placement) = self.fits(number, View::Soon) {
                self.promise(number, &placement);
            }
        }
    }

    /// What follows for a leaf in strict order when an application of it is blocked: its room is held for it. Where its
    /// queue deserves that room it is held against everybody, else against those behind it.
    pub fn hold_for_head(&mut self, number: usize, block: usize) {
        let leaf = self.leaf[number];
        if leaf == NO_QUEUE || self.tree.all[leaf].spec.order != Order::StrictFifo {
            return;
        }
        let block = &self.blocks[block];
        if block.is_for_ever() {
            // It would hold up the line for ever.
            return;
        }
        if let Block::TooMany(_) = block {
            self.stopped[leaf] = Some(number);
            return;
        }
        let of_cluster = matches!(block, Block::Nodes(_)) || matches!(block, Block::Level(over) if over.level == ROOT);
        let app = &self.snapshot.apps[number];
        let placement = match self.is_autoscaled(leaf) {
            true => Some(Placement { driver: NOWHERE, executors: vec![(NOWHERE, app.minimum)] }),
            false => self.ground.soonest(app.driver, app.executor, app.minimum),
        };
        let Some(placement) = placement else { return };
        if of_cluster && self.is_entitled(number) {
            self.take(number, Some(placement.driver), &placement.executors, SOON);
            self.reserved.push((number, placement));
        } else {
            self.aside[leaf].push((number, placement));
        }
    }

    /// Sets room aside that is held against those of one queue, or puts it back.
    pub fn set_aside(&mut self, aside: &[(usize, Placement)], hold: bool) {
        for (number, placement) in aside {
            if hold {
                self.take(*number, Some(placement.driver), &placement.executors, SOON);
            } else {
                self.give(*number, Some(placement.driver), &placement.executors, SOON);
            }
        }
    }

    /// Whether each queue above an application deserves its gang.
    fn is_entitled(&self, number: usize) -> bool {
        let gang = self.snapshot.gang(&self.snapshot.apps[number]);
        self.tree.chain(self.leaf[number]).filter(|level| *level != ROOT).all(|level| self.deserves(level, &gang))
    }

    /// Forgets what was found out about who has no room, and what was held for heads.
    pub fn new_round(&mut self) {
        for (number, placement) in std::mem::take(&mut self.reserved) {
            self.give(number, Some(placement.driver), &placement.executors, SOON);
        }
        self.failed.clear();
        self.aside.iter_mut().for_each(Vec::clear);
        self.stopped.fill(None);
    }
}
