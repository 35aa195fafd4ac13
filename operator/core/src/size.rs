//! What a pod takes from a node or a quota: CPU, memory and one pod. Arithmetic alone.

use std::ops::{Add, AddAssign, Mul};

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

impl Size {
    /// One pod.
    pub fn pod(cpu: u64, memory: u64) -> Self {
        Self { cpu, memory, pods: 1 }
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
