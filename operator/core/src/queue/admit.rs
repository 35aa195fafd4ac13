//! One application's turn: it starts if its gang has room now; else it waits for room that is being freed, or has others give
//! way; else it is blocked.

use super::{
    Block, Decision,
    crowd::Waiter,
    desk::{BOTH, Desk, SOON},
    ground::{Placement, View},
    why::Nodes,
};

/// What an application was given in this cycle.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Whether it starts only when others' pods are gone.
    pub promised: bool,
    /// How many had given way before its turn.
    gave_way: u64,
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It starts.
    Admitted,
    /// It starts when others' pods are gone.
    Promised,
    /// The number of what blocks it.
    Blocked(usize),
}

impl Desk<'_> {
    /// An application's turn.
    pub fn turn(&mut self, number: usize) -> Turn {
        self.gave_way_before = self.gave_way;
        let turn = self.beside_head(self.leaf(number), |desk| desk.turn_beside(number));
        match turn {
            Turn::Blocked(_) => self.behind_head(number).map_or(turn, Turn::Blocked),
            _ => turn,
        }
    }

    /// What blocks an application that has no chance in this cycle; its class has none either. Room becomes less in a cycle, so
    /// what is full now is full when its turn comes; what others give way to is seen by the next cycle. Where room is held for the
    /// first of a line, turns are taken one by one.
    pub fn without_chance(&mut self, waiter: Waiter) -> Option<usize> {
        let number = waiter.number;
        let leaf = self.leaf(number);
        if self.is_strict(leaf) {
            return None;
        }
        let block = self.short_of(number, View::Now)?;
        if !matches!(block, Block::TooMany(_) | Block::User(_)) {
            let soon = self.short_of(number, View::Soon)?;
            if self.scope(number, &soon).is_some() {
                return None;
            }
        }
        let block = self.blocked(number, block);
        self.crowd.classes[waiter.class].failed = Some(block);
        Some(block)
    }

    /// What it is plain that a gang lacks in a view; nothing where it takes a closer look.
    fn short_of(&mut self, number: usize, view: View) -> Option<Block> {
        if let Err(block) = self.within_limits(number, view) {
            return Some(block);
        }
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf(number));
        let gang = (app.driver, app.executor, app.minimum);
        let room = self.is_autoscaled(leaf) || self.ground.may_place(gang.0, gang.1, gang.2, view);
        (!room).then(|| Block::Nodes(Nodes { gang, ..Nodes::default() }))
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
        let soon = match self.fits(number, View::Soon) {
            Ok(placement) if self.inherits(number) => {
                self.promise(number, placement);
                return Turn::Promised;
            }
            Ok(placement) => {
                // Held for it as long as it is its turn.
                self.take(number, Some(placement.driver), &placement.executors, SOON);
                self.blocked(number, Block::Evictions);
                return Turn::Promised;
            }
            Err(block) => block,
        };
        if let Some(placement) = self.reclaim(number, &soon) {
            // Those that gave way may have had nothing yet.
            return match self.fits(number, View::Now) {
                Ok(placement) => {
                    self.admit(number, placement);
                    Turn::Admitted
                }
                Err(_) => {
                    self.promise(number, placement);
                    Turn::Promised
                }
            };
        }
        Turn::Blocked(self.blocked(number, block))
    }

    fn has_turn(&mut self, waiter: Waiter) -> bool {
        self.passed.account(waiter.number).is_none() && self.gate(waiter).is_none()
    }

    fn admit(&mut self, number: usize, placement: Placement) {
        self.take(number, Some(placement.driver), &placement.executors, BOTH);
        self.seat(number, &placement, false);
        self.block_of[number] = None;
        self.decisions.push(Decision::Admit { app: number, placement });
    }

    fn promise(&mut self, number: usize, placement: Placement) {
        self.take(number, Some(placement.driver), &placement.executors, SOON);
        self.seat(number, &placement, true);
        self.claims.push((number, placement));
        self.blocked(number, Block::Evictions);
    }

    fn seat(&mut self, number: usize, placement: &Placement, promised: bool) {
        self.pods_mut(number).place(placement);
        self.fresh[number] = Some(Fresh { promised, gave_way: self.gave_way_before });
        let (leaf, seniority) = (self.leaf(number), self.seniority(number));
        self.books.enter(leaf, &self.snapshot.apps[number].user);
        let place = self.running[leaf].partition_point(|other| self.seniority(*other) < seniority);
        self.running[leaf].insert(place, number);
    }

    /// Whether somebody had a claim that this one would take: it is handed on, or others would have given way for nobody.
    fn inherits(&self, number: usize) -> bool {
        self.passed.victims_of(number).any(|victim| self.snapshot.apps[victim].claim.is_some())
    }

    /// What was decided for an application in this cycle is undone: nobody has heard of it yet, and its room was given back. If
    /// some gave way since its turn, they may have done so for what is not so, and in strict order others may have passed it: all
    /// is to be decided anew without it.
    pub fn retract(&mut self, number: usize, beneficiary: usize) {
        let fresh = self.fresh[number].take();
        if self.is_strict(self.leaf(number)) || fresh.is_some_and(|fresh| fresh.gave_way < self.gave_way) {
            self.passed.add(number, beneficiary);
        }
        self.books.leave(self.leaf(number), &self.snapshot.apps[number].user);
        *self.pods_mut(number) = self.snapshot.apps[number].pods.clone();
        self.decisions.retain(|decision| decision.app() != number);
        self.claims.retain(|(app, _)| *app != number);
        self.gives_way(number, beneficiary);
    }

    /// Whether one had a claim, and has none any more.
    pub fn lost_a_claim(&self) -> bool {
        self.crowd.claimants.iter().any(|waiter| self.fresh[waiter.number].is_none())
    }

    /// Those for whom others gave way before anybody else: what was freed for them is theirs. One whose room is gone stands
    /// in line again.
    pub fn settle_claims(&mut self) {
        let apps = &self.snapshot.apps;
        let mut kept = Vec::new();
        for waiter in self.crowd.claimants.clone() {
            let number = waiter.number;
            let app = &apps[number];
            let Some(claim) = app.claim.as_ref().filter(|_| self.has_turn(waiter)) else { continue };
            let there = self.ground.takes(app.driver, app.executor, &claim.placement, View::Soon);
            if there && self.within_limits(number, View::Soon).is_ok() {
                self.take(number, Some(claim.placement.driver), &claim.placement.executors, SOON);
                self.books.enter(self.leaf(number), &app.user);
                kept.push((number, claim.placement.clone()));
            }
        }
        for (number, placement) in kept {
            let app = &apps[number];
            self.give(number, Some(placement.driver), &placement.executors, SOON);
            self.books.leave(self.leaf(number), &app.user);
            let there = self.ground.takes(app.driver, app.executor, &placement, View::Now);
            match self.fits(number, View::Now) {
                Ok(_) if there => self.admit(number, placement),
                Ok(other) => self.admit(number, other),
                Err(_) => self.promise(number, placement),
            }
        }
    }
}
