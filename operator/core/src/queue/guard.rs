//! The guard of a Queue in use: a finalizer that holds its deletion back until it is empty. It is on the Queue only while
//! there is something to hold, and never holds back a namespace that ends. The decision alone; who writes it is elsewhere.

/// The guard's finalizer.
pub const FINALIZER: &str = "onager.dev/queue-in-use";

/// How a Queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Applications that wait in it or are admitted, those whose pods are not gone included.
    pub applications: u32,
    /// Queues of which it is the parent, those that are being deleted included.
    pub children: u32,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Whether its namespace is being deleted.
    pub namespace_ends: bool,
    /// Whether the guard is on it.
    pub guarded: bool,
}

/// What becomes of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It is put on.
    PutOn,
    /// It is taken off.
    TakeOff,
    /// Nothing is written.
    Leave,
}

/// Decides. What is being deleted takes no finalizer any more, so the guard is on before anybody asks for its deletion.
pub fn decide(queue: &Standing) -> Guard {
    let in_use = (queue.applications > 0 || queue.children > 0) && !queue.namespace_ends;
    match (in_use, queue.guarded) {
        (true, false) if !queue.leaving => Guard::PutOn,
        (false, true) => Guard::TakeOff,
        _ => Guard::Leave,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Standing =
        Standing { applications: 1, children: 0, leaving: false, namespace_ends: false, guarded: false };

    #[test]
    fn the_first_application_or_child_puts_it_on() {
        assert_eq!(decide(&BUSY), Guard::PutOn);
        assert_eq!(decide(&Standing { applications: 0, children: 2, ..BUSY }), Guard::PutOn);
        assert_eq!(decide(&Standing { guarded: true, ..BUSY }), Guard::Leave);
    }

    #[test]
    fn one_that_is_being_deleted_is_held_until_it_is_empty() {
        let held = Standing { leaving: true, guarded: true, ..BUSY };
        assert_eq!(decide(&held), Guard::Leave);
        assert_eq!(decide(&Standing { applications: 0, ..held }), Guard::TakeOff);
        assert_eq!(decide(&Standing { guarded: false, ..held }), Guard::Leave, "it takes no finalizer any more");
    }

    #[test]
    fn nothing_is_left_on_an_empty_one() {
        let empty = Standing { applications: 0, ..BUSY };
        assert_eq!(decide(&empty), Guard::Leave);
        assert_eq!(decide(&Standing { guarded: true, ..empty }), Guard::TakeOff);
    }

    #[test]
    fn a_namespace_that_ends_is_never_held_back() {
        for leaving in [false, true] {
            let ending = Standing { namespace_ends: true, leaving, children: 3, ..BUSY };
            assert_eq!(decide(&ending), Guard::Leave);
            assert_eq!(decide(&Standing { guarded: true, ..ending }), Guard::TakeOff);
        }
    }

    #[test]
    fn what_is_decided_is_done_once() {
        for bits in 0..32_u32 {
            let bit = |at: u32| bits >> at & 1;
            let mut queue = Standing {
                applications: bit(0),
                children: bit(1),
                leaving: bit(2) == 1,
                namespace_ends: bit(3) == 1,
                guarded: bit(4) == 1,
            };
            match decide(&queue) {
                Guard::PutOn => queue.guarded = true,
                Guard::TakeOff => queue.guarded = false,
                Guard::Leave => {}
            }
            assert_eq!(decide(&queue), Guard::Leave, "{queue:?}");
        }
    }
}
