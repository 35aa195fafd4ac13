//! Who is worked on first: gangs that are to start. While there are such, few of those whose driver is there already get a
//! turn, so that in a burst pods come up before others are told of, and get what may come later, such as a Service for their UI:
//! an API server gives out the addresses of Services one after the other. Decides nothing but the order.

use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// One worker in so many goes on with those that follow their driver, whatever starts.
const FOLLOWERS: usize = 8;

/// Turns of all applications, over all namespaces.
pub struct Turns {
    workers: Semaphore,
    followers: Semaphore,
    starting: watch::Sender<usize>,
}

/// The turn of one application, until it is dropped.
pub struct Turn<'a> {
    _worker: SemaphorePermit<'a>,
    _follower: Option<SemaphorePermit<'a>>,
    _start: Option<Start<'a>>,
}

/// Counts as starting until it is dropped.
struct Start<'a>(&'a watch::Sender<usize>);

impl<'a> Start<'a> {
    /// Wakes nobody: more that start change nothing for those that wait.
    fn new(starting: &'a watch::Sender<usize>) -> Self {
        starting.send_if_modified(|count| {
            *count += 1;
            false
        });
        Self(starting)
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|count| {
            *count -= 1;
            *count == 0
        });
    }
}

impl Turns {
    /// For so many applications at once.
    pub fn new(workers: usize) -> Self {
        Self {
            workers: Semaphore::new(workers),
            followers: Semaphore::new((workers / FOLLOWERS).max(1)),
            starting: watch::channel(0).0,
        }
    }

    /// Waits for the turn of an application that has its driver, or else may start. `None` once nobody gets one any more.
    pub async fn take(&self, follows: bool) -> Option<Turn<'_>> {
        let start = (!follows).then(|| Start::new(&self.starting));
        let mut starting = self.starting.subscribe();
        let follower = tokio::select! {
            biased;
            _ = starting.wait_for(|count| !follows || *count == 0) => None,
            permit = self.followers.acquire() => Some(permit.ok()?),
        };
        let worker = self.workers.acquire().await.ok()?;
        Some(Turn { _worker: worker, _follower: follower, _start: start })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Wake},
    };

    use futures::FutureExt;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn while_gangs_start_few_others_get_a_turn_and_then_all_do() {
        let turns = Turns::new(16);
        let start = turns.take(false).now_or_never().flatten();
        assert!(start.is_some());
        let few: Vec<_> = (0..2).map(|_| turns.take(true).now_or_never().flatten()).collect();
        assert!(few.iter().all(Option::is_some), "they are not starved");
        let mut third = std::pin::pin!(turns.take(true));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(turns.take(false).now_or_never().flatten().is_some(), "others start meanwhile");
        drop(start);
        assert!(third.now_or_never().flatten().is_some(), "nothing starts any more");
    }

    #[test]
    fn those_that_wait_are_woken_when_the_last_start_ends_and_by_none_before() {
        let turns = Turns::new(8);
        let start = || turns.take(false).now_or_never().flatten();
        let (first, follower) = (start(), turns.take(true).now_or_never().flatten());
        let mut waits = std::pin::pin!(turns.take(true));
        let woken = Arc::new(Woken::default());
        let waker = woken.clone().into();
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let second = start();
        drop(first);
        assert!(!woken.0.load(Ordering::SeqCst), "thousands may wait, and each would look again");
        drop(second);
        assert!(woken.0.load(Ordering::SeqCst));
        assert!(waits.now_or_never().flatten().is_some());
        drop(follower);
    }
}
