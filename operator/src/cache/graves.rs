//! Who is known to be gone for good, so that a late answer to a create does not bring them back. Bounded.

use std::collections::{HashSet, VecDeque};

/// How many UIDs are remembered; an answer to a create is late by less than this many deletions.
const MOST: usize = 10_000;

/// UIDs of deleted objects, the latest of them.
#[derive(Debug, Default)]
pub struct Graves {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Graves {
    /// Remembers that an object is gone.
    pub fn bury(&mut self, uid: &str) {
        if self.known.insert(uid.to_string()) {
            self.order.push_back(uid.to_string());
            if self.order.len() > MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }

    /// Whether an object is known to be gone.
    pub fn hold(&self, uid: &str) -> bool {
        self.known.contains(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut graves = Graves::default();
        (0..=MOST).for_each(|number| graves.bury(&number.to_string()));
        assert!(!graves.hold("0") && graves.hold("1") && graves.hold(&MOST.to_string()));
        assert_eq!((graves.known.len(), graves.order.len()), (MOST, MOST));
    }
}
