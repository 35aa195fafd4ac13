//! Who was to give way in this cycle and need not: a gang that was admitted in it has lost its room to another since, so that what
//! was taken beside it was taken for nothing. They stay where they are, those that give way last first, as long as their queue
//! deserves them and nothing else was given their room.

use std::cmp::Reverse;

use super::{
    Decision,
    desk::{Desk, SOON},
    ground::{Placement, View},
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
        let mut evicted: Vec<usize> = self.decisions.iter().filter_map(evicted).collect();
        evicted.sort_by_key(|number| Reverse(self.seniority(*number)));
        for number in evicted {
            let pods = &self.snapshot.apps[number].pods;
            let executors = pods.executors.iter().map(|(node, count)| (*node, *count)).collect();
            let Some(driver) = pods.driver else { continue };
            let places = Placement { driver, executors };
            if self.may_stay(number, &places) {
                self.stay(number, &places);
            }
        }
    }

    fn may_stay(&mut self, number: usize, places: &Placement) -> bool {
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf(number));
        let size = self.snapshot.size(app, true, app.pods.staying());
        let mut levels = self.tree.chain(leaf).take_while(|level| *level != ROOT);
        levels.all(|level| self.deserves(level, &size))
            && self.books.too_many(leaf, &app.user).is_none()
            && self.books.over_user(leaf, &app.user, &size, View::Soon).is_none()
            && self.quotas.short(app, true, app.pods.staying(), View::Soon).is_none()
            && self.books.over(leaf, &size, View::Soon).is_none()
            && (self.is_autoscaled(leaf) || self.ground.takes(app.driver, app.executor, places, View::Soon))
    }

    fn stay(&mut self, number: usize, places: &Placement) {
        self.take(number, Some(places.driver), &places.executors, SOON);
        *self.pods_mut(number) = self.snapshot.apps[number].pods.clone();
        self.decisions.retain(|decision| decision.app() != number);
        self.stand(number);
        self.moved.push(self.leaf(number));
    }
}
