//! Amounts of resources as vectors of whole numbers: millicores, bytes, pods, and others by an index that [`Kinds`] gives out.
//! Arithmetic alone; it saturates, so no input overflows.

use std::{cmp::Ordering, collections::BTreeMap};

use smallvec::SmallVec;

use crate::quantity::{show_cpu, show_memory};

/// Index of a resource.
pub type Kind = usize;
/// CPU, in millicores.
pub const CPU: Kind = 0;
/// Memory, in bytes.
pub const MEMORY: Kind = 1;
/// Pods.
pub const PODS: Kind = 2;

/// The names of resources, and the index of each.
#[derive(Clone, Debug)]
pub struct Kinds {
    names: Vec<String>,
    indexes: BTreeMap<String, Kind>,
}

impl Default for Kinds {
    fn default() -> Self {
        let names: Vec<String> = ["cpu", "memory", "pods"].map(String::from).to_vec();
        let indexes = names.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect();
        Self { names, indexes }
    }
}

impl Kinds {
    /// The index of a resource, a new one if it was not known.
    pub fn intern(&mut self, name: &str) -> Kind {
        if let Some(index) = self.indexes.get(name) {
            return *index;
        }
        self.names.push(name.to_string());
        self.indexes.insert(name.to_string(), self.names.len() - 1);
        self.names.len() - 1
    }

    /// The name of a resource.
    pub fn name(&self, kind: Kind) -> &str {
        self.names.get(kind).map_or("unknown", String::as_str)
    }

    /// An amount as people write it.
    pub fn show(&self, kind: Kind, amount: u64) -> String {
        match kind {
            CPU => show_cpu(amount),
            MEMORY => show_memory(amount),
            _ => amount.to_string(),
        }
    }
}

/// So much of each resource; none of those that are not named.
#[derive(Clone, Debug, Default)]
pub struct Amounts(SmallVec<[u64; 4]>);

impl Amounts {
    /// CPU in millicores, memory in bytes, pods.
    pub fn of(cpu: u64, memory: u64, pods: u64) -> Self {
        Self(SmallVec::from_slice(&[cpu, memory, pods]))
    }

    /// How much of a resource.
    pub fn get(&self, kind: Kind) -> u64 {
        self.0.get(kind).copied().unwrap_or(0)
    }

    /// Sets a resource.
    pub fn set(&mut self, kind: Kind, amount: u64) {
        self.reach(kind + 1);
        self.0[kind] = amount;
    }

    /// The resources of which there is something.
    pub fn some(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        self.0.iter().copied().enumerate().filter(|(_, amount)| *amount > 0)
    }

    /// One more than the highest index in use.
    pub fn len(&self) -> usize {
        self.trimmed().len()
    }

    /// Whether there is nothing of anything.
    pub fn is_empty(&self) -> bool {
        self.trimmed().is_empty()
    }

    /// Adds `other` so many times.
    pub fn add(&mut self, other: &Self, times: u64) {
        self.reach(other.0.len());
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(theirs.saturating_mul(times));
        }
    }

    /// Takes `other` off so many times, nothing below zero.
    pub fn take(&mut self, other: &Self, times: u64) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_sub(theirs.saturating_mul(times));
        }
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.add(other, 1);
        sum
    }

    /// What is left after `other`.
    pub fn less(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.take(other, 1);
        rest
    }

    /// Of each resource the larger amount.
    pub fn at_least(&self, other: &Self) -> Self {
        let mut most = self.clone();
        most.reach(other.0.len());
        for (mine, theirs) in most.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
        most
    }

    /// Of each resource the smaller amount.
    pub fn at_most(&self, other: &Self) -> Self {
        let mut least = self.clone();
        for (kind, mine) in least.0.iter_mut().enumerate() {
            *mine = (*mine).min(other.get(kind));
        }
        least
    }

    /// Whether no resource is more than in `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.0.iter().enumerate().all(|(kind, mine)| *mine <= other.get(kind))
    }

    /// How often `one` can be taken off; `u64::MAX` where it asks for nothing.
    pub fn holds(&self, one: &Self) -> u64 {
        one.some().map(|(kind, amount)| self.get(kind) / amount).min().unwrap_or(u64::MAX)
    }

    fn reach(&mut self, length: usize) {
        if self.0.len() < length {
            self.0.resize(length, 0);
        }
    }

    fn trimmed(&self) -> &[u64] {
        let end = self.0.iter().rposition(|amount| *amount > 0).map_or(0, |last| last + 1);
        &self.0[..end]
    }
}

impl PartialEq for Amounts {
    fn eq(&self, other: &Self) -> bool {
        self.trimmed() == other.trimmed()
    }
}

impl Eq for Amounts {}

impl PartialOrd for Amounts {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Any order, to find alike ones by.
impl Ord for Amounts {
    fn cmp(&self, other: &Self) -> Ordering {
        self.trimmed().cmp(other.trimmed())
    }
}

/// Limits: what is not named is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceiling(BTreeMap<Kind, u64>);

impl Ceiling {
    /// Limits a resource.
    pub fn set(&mut self, kind: Kind, limit: u64) {
        self.0.insert(kind, limit);
    }

    /// The limit of a resource, `u64::MAX` where there is none.
    pub fn get(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(u64::MAX)
    }

    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The limits there are.
    pub fn limits(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        self.0.iter().map(|(kind, limit)| (*kind, *limit))
    }

    /// `amounts`, where they are more than the limit cut down to it.
    pub fn clamp(&self, amounts: &Amounts) -> Amounts {
        let mut clamped = amounts.clone();
        for (kind, limit) in self.limits() {
            if clamped.get(kind) > limit {
                clamped.set(kind, limit);
            }
        }
        clamped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_alike_whatever_is_written_as_zero() {
        let mut a = Amounts::of(1, 2, 0);
        a.set(5, 0);
        assert_eq!(a, Amounts::of(1, 2, 0));
        assert_eq!(a.len(), 2);
    }

    #[test]
    fn a_room_holds_as_often_as_its_scarcest_resource_allows() {
        let room = Amounts::of(4000, 10, 110);
        assert_eq!(room.holds(&Amounts::of(1000, 3, 1)), 3);
        assert_eq!(room.holds(&Amounts::default()), u64::MAX);
        let mut gpu = Amounts::of(1, 1, 1);
        gpu.set(3, 1);
        assert_eq!(room.holds(&gpu), 0);
    }

    #[test]
    fn what_has_no_limit_is_not_clamped() {
        let mut ceiling = Ceiling::default();
        ceiling.set(CPU, 5);
        assert_eq!(ceiling.clamp(&Amounts::of(9, 9, 9)), Amounts::of(5, 9, 9));
    }
}
