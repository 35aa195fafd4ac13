//! The model's executors: those that gangs lost, and those above the minimum.

use std::collections::{BTreeMap, BTreeSet};

use onager_core::queue::{Stage, ground::View};

use super::{Pod, cycle::Cycle};

impl Cycle<'_> {
    /// Gangs that lost executors get others first.
    pub fn mend(&mut self) {
        let count = self.model.snapshot.apps.len();
        let mut broken: Vec<usize> = (0..count)
            .filter(|number| {
                let app = self.model.app(*number);
                matches!(app.stage, Stage::Admitted { .. })
                    && app.pods.driver.is_some()
                    && app.pods.staying() < app.minimum
            })
            .collect();
        broken.sort_by_key(|number| (-self.model.app(*number).priority, self.model.app(*number).created, *number));
        for number in broken {
            while self.model.executors(number).len() < self.model.app(number).minimum as usize
                && self.grow_by_one(number)
            {}
        }
    }

    /// Executors above the minimum.
    pub fn grow(&mut self) {
        let count = self.model.snapshot.apps.len();
        let mut failed: Vec<usize> = Vec::new();
        let mut full: BTreeSet<usize> = BTreeSet::new();
        // Who was below its minimum when growth began goes first in its queue.
        let broken: Vec<bool> = (0..count)
            .map(|number| self.model.executors(number).len() < self.model.app(number).minimum as usize)
            .collect();
        loop {
            let mut candidates: BTreeMap<usize, usize> = BTreeMap::new();
            for number in (0..count).filter(|number| self.wants_more(*number) && !full.contains(number)) {
                let rank = |number: usize| {
                    (!broken[number], -self.model.app(number).priority, self.model.app(number).created, number)
                };
                let first = candidates.entry(self.model.leaf(number)).or_insert(number);
                *first = if rank(number) < rank(*first) { number } else { *first };
            }
            let one = |queue: usize, number: usize| {
                self.model.share(queue, &self.model.snapshot.size(self.model.app(number), false, 1))
            };
            let Some(leaf) = self.model.whose_turn(&candidates, &one) else { break };
            let number = candidates[&leaf];
            let like = |other: &usize| {
                let (a, b) = (self.model.app(*other), self.model.app(number));
                self.model.leaf(*other) == leaf
                    && a.executor == b.executor
                    && a.name.namespace == b.name.namespace
                    && a.user == b.user
            };
            if failed.iter().any(like) || !self.grow_by_one(number) {
                failed.push(number);
                full.insert(number);
            }
        }
    }

    fn wants_more(&self, number: usize) -> bool {
        let (app, leaf) = (self.model.app(number), self.model.leaf(number));
        let lean = self.model.is_barred(number) || self.stops(leaf);
        let most = if lean { app.minimum } else { app.wanted.max(app.minimum) };
        self.model.counts[number]
            && (!self.model.fresh.contains_key(&number) || self.model.is_admitted_now(number))
            && self.model.executors(number).len() < most as usize
    }

    fn grow_by_one(&mut self, number: usize) -> bool {
        let leaf = self.model.leaf(number);
        let node = self.beside(leaf, |cycle| {
            let model = &cycle.model;
            let (short, shape) = (model.short(number, false, 1, View::Now), model.app(number).executor);
            let mut nodes = 0..model.snapshot.nodes.len();
            let room =
                |node: usize| model.accepts(node, shape) && model.requests(shape).within(&model.room(node, View::Now));
            if short.is_some() { None } else { nodes.find(|node| room(*node)) }
        });
        let Some(node) = node else { return false };
        let pod = Pod { app: number, driver: false, node };
        self.model.there.push(pod.clone());
        self.model.coming.push(pod);
        *self.model.decided.grown.entry(number).or_default().entry(node).or_default() += 1;
        true
    }
}
