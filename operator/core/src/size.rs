//! What a pod takes from a node or a quota: CPU, memory and one pod. Arithmetic alone.

use std::ops::{Add, AddAssign, Mul};

use crate::quantity::{show_cpu, show_memory};

/// CPU, memory and pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Millicores.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
    /// Pods.
    pub pods: u64,
}

/// One resource of a [`Size`] that is not enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Short {
    /// `cpu`, `memory` or `pods`.
    pub resource: &'static str,
    /// How much is needed, as people write it.
    pub needed: String,
    /// How much there is.
    pub there: String,
    /// What is missing.
    pub missing: String,
    /// The missing part of what is needed, from 0 to 1.
    pub share: f64,
}

/// A resource, how much there is, how much is needed, and how it is shown.
type Row = (&'static str, u64, u64, fn(u64) -> String);

impl Size {
    /// One pod.
    pub fn pod(cpu: u64, memory: u64) -> Self {
        Self { cpu, memory, pods: 1 }
    }

    /// What is left after `other`, nothing below zero.
    pub fn less(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(other.cpu),
            memory: self.memory.saturating_sub(other.memory),
            pods: self.pods.saturating_sub(other.pods),
        }
    }

    /// Whether `other` fits into this.
    pub fn holds(self, other: Self) -> bool {
        self.cpu >= other.cpu && self.memory >= other.memory && self.pods >= other.pods
    }

    /// What is missing for `needed`, the worst first.
    pub fn short_of(self, needed: Self) -> Vec<Short> {
        let plain = |value: u64| value.to_string();
        let rows: [Row; 3] = [
            ("cpu", self.cpu, needed.cpu, show_cpu),
            ("memory", self.memory, needed.memory, show_memory),
            ("pods", self.pods, needed.pods, plain),
        ];
        let mut short: Vec<Short> = rows
            .into_iter()
            .filter(|(_, there, needed, _)| needed > there)
            .map(|(resource, there, needed, show)| Short {
                resource,
                needed: show(needed),
                there: show(there),
                missing: show(needed - there),
                share: (needed - there) as f64 / needed as f64,
            })
            .collect();
        short.sort_by(|a, b| b.share.total_cmp(&a.share));
        short
    }
}

impl Add for Size {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
            pods: self.pods.saturating_add(other.pods),
        }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Size {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self {
            cpu: self.cpu.saturating_mul(times),
            memory: self.memory.saturating_mul(times),
            pods: self.pods.saturating_mul(times),
        }
    }
}
