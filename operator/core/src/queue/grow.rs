//! Executors above the minimum, from what room is left when all that could be admitted are: to the queue whose share is lowest
//! first, in it to those below their minimum, then by priority and age. Nobody gives way to them.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{
    Decision,
    desk::{BOTH, Desk},
    ground::View,
    order::{Candidate, Turns},
    snapshot::NOWHERE,
};

impl Desk<'_> {
    /// Makes gangs whole again that lost executors, as far as there is room: they were promised their minimum before anybody who
    /// waits is.
    pub fn mend(&mut self) {
        let apps = &self.snapshot.apps;
        let broken = |number: &usize| {
            let pods = self.pods(*number);
            pods.driver.is_some() && pods.staying() < apps[*number].minimum && self.fresh[*number].is_none()
        };
        let mut broken: Vec<usize> = self.running.iter().flatten().copied().filter(broken).collect();
        broken.sort_by_key(|number| (Reverse(apps[*number].priority), apps[*number].created, *number));
        for number in broken {
            while self.pods(number).staying() < apps[number].minimum
                && let Some(node) = self.place_for_one(number)
            {
                self.add_one(number, node);
            }
        }
    }

    fn add_one(&mut self, number: usize, node: usize) {
        self.take(number, None, &[(node, 1)], BOTH);
        self.pods_mut(number).grow(&[(node, 1)]);
        *self.grown.entry(number).or_default().entry(node).or_default() += 1;
    }

    /// Gives executors to those that want more.
    pub fn grow(&mut self) {
        let mut lines: Vec<Vec<usize>> = vec![Vec::new(); self.tree.all.len()];
        for app in self.running.iter().flatten() {
            if !self.fresh[*app].is_some_and(|fresh| fresh.promised) && self.wants_more(*app) {
                lines[self.leaf(*app)].push(*app);
            }
        }
        let apps = &self.snapshot.apps;
        let tree = self.tree;
        let mut turns = Turns::new(tree);
        for (leaf, line) in lines.iter_mut().enumerate() {
            line.sort_by_key(|number| {
                let app = &apps[*number];
                let whole = self.pods(*number).staying() >= app.minimum;
                // The last is the first.
                Reverse((whole, Reverse(app.priority), app.created, *number))
            });
            if !line.is_empty() {
                turns.set(leaf, self.next_to_grow(line), |queue, more| self.share(queue, more));
            }
        }
        let mut failed = BTreeSet::new();
        while let Some((leaf, candidate)) = turns.next() {
            let number = candidate.app;
            let app = &apps[number];
            let alike = (leaf, app.executor, app.name.namespace.as_str(), app.user.as_str());
            let place = if failed.contains(&alike) { None } else { self.place_for_one(number) };
            match place {
                Some(node) => self.add_one(number, node),
                None => {
                    failed.insert(alike);
                }
            }
            if place.is_none() || !self.wants_more(number) {
                lines[leaf].pop();
            }
            turns.set(leaf, self.next_to_grow(&lines[leaf]), |queue, more| self.share(queue, more));
        }
        for (app, nodes) in std::mem::take(&mut self.grown) {
            self.decisions.push(Decision::Grow { app, executors: nodes.into_iter().collect() });
        }
    }

    /// Whether it has less than it wants, and its queue may give it more.
    fn wants_more(&self, number: usize) -> bool {
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf(number));
        let staying = self.pods(number).staying();
        // In a queue that takes nobody, what runs goes on as it is.
        let lean = self.barred(app, leaf).is_some() || self.stopped[leaf].is_some();
        staying < if lean { app.minimum } else { app.wanted.max(app.minimum) }
    }

    fn next_to_grow(&self, line: &[usize]) -> Option<Candidate> {
        let number = *line.last()?;
        let app = &self.snapshot.apps[number];
        let size = self.snapshot.size(app, false, 1);
        Some(Candidate { app: number, size, priority: app.priority, created: app.created })
    }

    fn place_for_one(&mut self, number: usize) -> Option<usize> {
        self.beside_head(self.leaf(number), |desk| desk.place_beside(number))
    }

    fn place_beside(&mut self, number: usize) -> Option<usize> {
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf(number));
        let size = self.snapshot.size(app, false, 1);
        let short = self.books.over(leaf, &size, View::Now).is_some()
            || self.books.over_user(leaf, &app.user, &size, View::Now).is_some()
            || self.quotas.short(app, false, 1, View::Now).is_some();
        match short {
            true => None,
            false if self.is_autoscaled(leaf) => Some(NOWHERE),
            false => self.ground.one(app.executor, View::Now),
        }
    }
}
