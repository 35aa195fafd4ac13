//! Ports of a pod that uses its node's network, where many pods share one set of numbers. Which ones follows from who the
//! pod is, past those that are taken; they stand in the pod as host ports, so that the scheduler never puts two pods with
//! the same ones on a node. The range is below that of NodePorts and of outgoing connections.

use std::collections::BTreeSet;

const FIRST: u16 = 20_000;
const BLOCK: u16 = 4;
const BLOCKS: u16 = 2_400;

/// Four ports in a row for the pod that `identity` names.
pub fn choose(identity: &str, taken: &BTreeSet<u16>) -> [u16; BLOCK as usize] {
    let start = (hash(identity) % u64::from(BLOCKS)) as u16;
    let block = |number: u16| {
        let first = FIRST + (number % BLOCKS) * BLOCK;
        [first, first + 1, first + 2, first + 3]
    };
    let free = (0..BLOCKS).map(|step| block(start + step)).find(|ports| !ports.iter().any(|port| taken.contains(port)));
    free.unwrap_or_else(|| block(start))
}

/// FNV-1a: any hash will do, as long as it stays.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_pod_gets_the_same_ports_and_never_those_that_are_taken() {
        let none = BTreeSet::new();
        let first = choose("uid/1/driver", &none);
        assert_eq!(first, choose("uid/1/driver", &none));
        let second = choose("uid/1/driver", &BTreeSet::from([first[3]]));
        assert!(second.iter().all(|port| !first.contains(port)), "{first:?} {second:?}");
        let all: BTreeSet<u16> = (FIRST..30_000).collect();
        assert_eq!(choose("uid/1/driver", &all), first, "where none is free, the scheduler decides");
        const { assert!(BLOCKS * BLOCK + FIRST <= 30_000) };
    }
}
