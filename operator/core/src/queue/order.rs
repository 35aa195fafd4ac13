//! Whose turn it is. At each level of the tree the child goes first whose share of what it deserves is lowest after its next
//! application is admitted; then priority, then age. Only what changes on the way from one leaf to the root is looked at anew.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{
    Amounts,
    tree::{ROOT, Tree},
};

/// The next of a leaf.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The application's number.
    pub app: usize,
    /// What it would take.
    pub size: Amounts,
    /// Its priority.
    pub priority: i64,
    /// When it was created.
    pub created: i64,
}

/// Share, as bits that order as it does; priority; age; number.
type Key = (u64, Reverse<i64>, i64, usize);

/// All leaves that have a candidate, in the order of their turns.
pub struct Turns<'a> {
    tree: &'a Tree,
    candidates: Vec<Option<Candidate>>,
    keys: Vec<Option<Key>>,
    below: Vec<BTreeSet<(Key, usize)>>,
}

impl<'a> Turns<'a> {
    /// Nobody has a candidate.
    pub fn new(tree: &'a Tree) -> Self {
        let count = tree.all.len();
        Self { tree, candidates: vec![None; count], keys: vec![None; count], below: vec![BTreeSet::new(); count] }
    }

    /// The leaf whose turn it is, and its candidate.
    pub fn next(&self) -> Option<(usize, &Candidate)> {
        let leaf = self.first_leaf(ROOT);
        self.candidates[leaf].as_ref().map(|candidate| (leaf, candidate))
    }

    /// A leaf's candidate, or what the leaf uses, is another; `share` says which share of what it deserves a queue has with
    /// so much more.
    pub fn set(&mut self, leaf: usize, candidate: Option<Candidate>, share: impl Fn(usize, &Amounts) -> f64) {
        self.candidates[leaf] = candidate;
        let mut queue = leaf;
        while queue != ROOT {
            let parent = self.tree.all[queue].parent;
            if let Some(key) = self.keys[queue].take() {
                self.below[parent].remove(&(key, queue));
            }
            let first = self
                .first(queue)
                .map(|first| (in_order(share(queue, &first.size)), Reverse(first.priority), first.created, first.app));
            if let Some(key) = first {
                self.keys[queue] = Some(key);
                self.below[parent].insert((key, queue));
            }
            queue = parent;
        }
    }

    /// What a leaf uses is another.
    pub fn refresh(&mut self, leaf: usize, share: impl Fn(usize, &Amounts) -> f64) {
        let candidate = self.candidates[leaf].take();
        self.set(leaf, candidate, share);
    }

    fn first(&self, queue: usize) -> Option<&Candidate> {
        self.candidates[self.first_leaf(queue)].as_ref()
    }

    fn first_leaf(&self, mut queue: usize) -> usize {
        while let Some((_, child)) = self.below[queue].first() {
            queue = *child;
        }
        queue
    }
}

/// Bits that order as numbers do, those below 0 included.
fn in_order(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The largest part that `used` and `more` are of `deserved`, over the resources that `more` asks for.
pub fn share(used: &Amounts, more: &Amounts, deserved: &Amounts) -> f64 {
    let part = |(kind, more): (usize, u64)| used.get(kind).saturating_add(more) as f64 / deserved.get(kind) as f64;
    more.some().map(part).fold(0.0, f64::max)
}
