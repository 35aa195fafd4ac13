//! Who was to give way in this cycle and need not: a gang that was admitted in it has lost its room to another since, so that what
//! was taken beside it was taken for nothing. Whole applications stay where they are, then executors, of those first that give way
//! last, as long as their queue deserves them and nothing else was given their room.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    Decision,
    desk::{Desk, SOON},
    ground::{Placement, View},
    snapshot::NOWHERE,
    tree::ROOT,
};

impl Desk<'_> {
    /// Takes evictions back after an admission was.
    pub fn reinstate(&mut self) {
        if !std::mem::take(&mut self.retracted) {
            return;
        }
        let evicted = |decision: &Decision| match decision {
            Decision::Evict { app, .. } => Some(*app),
            _ => None,
        };
        let evicted: Vec<usize> = self.decisions.iter().filter_map(evicted).collect();
        for number in self.last_to_go_first(evicted) {
            self.stay_whole(number);
        }
        let mut shrunk: BTreeMap<usize, BTreeMap<usize, u32>> = BTreeMap::new();
        for decision in &self.decisions {
            if let Decision::Shrink { app, executors, .. } = decision {
                let nodes = shrunk.entry(*app).or_default();
                executors.iter().for_each(|(node, count)| *nodes.entry(*node).or_default() += count);
            }
        }
        for number in self.last_to_go_first(shrunk.keys().copied().collect()) {
            for (node, count) in &shrunk[&number] {
                for _ in 0..*count {
                    self.keep_one(number, *node);
                }
            }
        }
        self.decisions
            .retain(|decision| !matches!(decision, Decision::Shrink { executors, .. } if executors.is_empty()));
    }

    fn last_to_go_first(&self, mut numbers: Vec<usize>) -> Vec<usize> {
        numbers.sort_by_key(|number| Reverse(self.seniority(*number)));
        numbers
    }

    /// An application that was to go whole stays, if it may.
    fn stay_whole(&mut self, number: usize) {
        let pods = &self.snapshot.apps[number].pods;
        let executors: Vec<(usize, u32)> = pods.executors.iter().map(|(node, count)| (*node, *count)).collect();
        if pods.driver.is_none() || !self.may_stay(number, pods.driver, &executors) {
            return;
        }
        self.take(number, pods.driver, &executors, SOON);
        *self.pods_mut(number) = pods.clone();
        self.decisions.retain(|decision| decision.app() != number);
        self.stand(number);
        self.moved.push(self.leaf(number));
    }

    /// An executor that was to go from a node stays, if it may.
    fn keep_one(&mut self, number: usize, node: usize) {
        let one = [(node, 1)];
        if !self.may_stay(number, None, &one) {
            return;
        }
        self.take(number, None, &one, SOON);
        self.pods_mut(number).grow(&one);
        self.moved.push(self.leaf(number));
        let here = self.decisions.iter_mut().rev().find_map(|decision| match decision {
            Decision::Shrink { app, executors, .. } if *app == number => {
                let at = executors.iter().position(|(place, _)| *place == node)?;
                Some((executors, at))
            }
            _ => None,
        });
        if let Some((executors, at)) = here {
            executors[at].1 -= 1;
            executors.retain(|(_, count)| *count > 0);
        }
    }

    /// Whether these pods of an application may stay where they are when all that is to go is gone.
    fn may_stay(&mut self, number: usize, driver: Option<usize>, executors: &[(usize, u32)]) -> bool {
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf(number));
        let count = executors.iter().map(|(_, count)| count).sum();
        let size = self.snapshot.size(app, driver.is_some(), count);
        let mut levels = self.tree.chain(leaf).take_while(|level| *level != ROOT);
        let places = Placement { driver: driver.unwrap_or(NOWHERE), executors: executors.to_vec() };
        levels.all(|level| self.deserves(level, &size))
            && (driver.is_none() || self.books.too_many(leaf, &app.user).is_none())
            && self.books.over_user(leaf, &app.user, &size, View::Soon).is_none()
            && self.quotas.short(app, driver.is_some(), count, View::Soon).is_none()
            && self.books.over(leaf, &size, View::Soon).is_none()
            && (self.is_autoscaled(leaf) || self.ground.takes(app.driver, app.executor, &places, View::Soon))
    }
}
