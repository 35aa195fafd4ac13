//! Remembers which applications are left alone for a while: their creates since one was refused, their sentences since one
//! was written. In memory alone: after a restart everything may be tried, and said, once more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use onager_core::{Held, Trouble};

/// The first pause after a failure; each further one doubles it.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest, and the one after an exceeded quota.
const LONGEST: Duration = Duration::from_secs(15);

/// The first pause after a gang that did not come up whole, and the longest.
const UNDONE: Duration = Duration::from_secs(10);
const LONGEST_UNDONE: Duration = Duration::from_secs(300);

/// Counts of executors are written at most so often: they change with each of many pods that come up one after the other.
const COUNTS: Duration = Duration::from_secs(1);

/// Pauses by UID of the application.
#[derive(Default)]
pub struct Pauses(Mutex<HashMap<String, Pause>>);

#[derive(Default)]
struct Pause {
    until: Option<Instant>,
    failures: u32,
    undone: u32,
    trouble: Option<Trouble>,
    told: Option<Instant>,
    saved: Option<Instant>,
}

impl Pauses {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A create was refused: the next waits, longer each time.
    pub fn refused(&self, uid: &str, trouble: Option<Trouble>, longest: bool) -> Duration {
        let mut pauses = self.lock();
        let pause = pauses.entry(uid.to_string()).or_default();
        let grown = SHORTEST.saturating_mul(1 << pause.failures.min(8)).min(LONGEST);
        let length = if longest { LONGEST } else { grown };
        pause.failures += 1;
        pause.trouble = trouble;
        pause.until = Some(Instant::now() + length);
        length
    }

    /// A gang did not come up whole: it is tried again after a pause that doubles each time.
    pub fn undone(&self, uid: &str, trouble: Trouble) {
        let mut pauses = self.lock();
        let pause = pauses.entry(uid.to_string()).or_default();
        pause.until = Some(Instant::now() + UNDONE.saturating_mul(1 << pause.undone.min(8)).min(LONGEST_UNDONE));
        pause.undone += 1;
        pause.trouble = Some(trouble);
    }

    /// A create succeeded.
    pub fn succeeded(&self, uid: &str) {
        if let Some(pause) = self.lock().get_mut(uid) {
            *pause = Pause { told: pause.told, saved: pause.saved, undone: pause.undone, ..Pause::default() };
        }
    }

    /// What is left of a pause.
    pub fn held(&self, uid: &str) -> Option<Held> {
        let pauses = self.lock();
        let pause = pauses.get(uid)?;
        let left = pause.until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(Held { left, trouble: pause.trouble.clone() })
    }

    /// Whether a waiting application's sentence may be written anew.
    pub fn may_tell(&self, uid: &str, interval: Duration) -> bool {
        self.lock().get(uid).and_then(|pause| pause.told).is_none_or(|told| told.elapsed() >= interval)
    }

    /// The sentence was written.
    pub fn told(&self, uid: &str) {
        self.lock().entry(uid.to_string()).or_default().told = Some(Instant::now());
    }

    /// A status was saved.
    pub fn saved(&self, uid: &str) {
        self.lock().entry(uid.to_string()).or_default().saved = Some(Instant::now());
    }

    /// How long a status that has only other counts of executors is to wait.
    pub fn counts_wait(&self, uid: &str) -> Option<Duration> {
        let saved = self.lock().get(uid)?.saved?;
        COUNTS.checked_sub(saved.elapsed()).filter(|left| !left.is_zero())
    }

    /// The application has ended, or is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_a_success() {
        let pauses = Pauses::default();
        let lengths: Vec<u64> = (0..6).map(|_| pauses.refused("a", None, false).as_secs()).collect();
        assert_eq!(lengths, [1, 2, 4, 8, 15, 15]);
        assert!(pauses.held("a").is_some() && pauses.held("b").is_none());
        pauses.succeeded("a");
        assert_eq!(pauses.held("a"), None);
        assert_eq!(pauses.refused("a", None, false).as_secs(), 1);
    }

    #[test]
    fn a_gang_that_was_undone_waits_longer_each_time_whatever_is_made_meanwhile() {
        let (pauses, trouble) = (Pauses::default(), Trouble { reason: "GangTimeout".into(), message: String::new() });
        pauses.undone("a", trouble.clone());
        assert!(pauses.held("a").is_some_and(|held| held.left <= UNDONE && held.trouble == Some(trouble.clone())));
        pauses.succeeded("a");
        pauses.undone("a", trouble);
        assert!(pauses.held("a").is_some_and(|held| held.left > UNDONE));
    }

    #[test]
    fn a_sentence_is_written_at_most_once_an_interval() {
        let pauses = Pauses::default();
        assert!(pauses.may_tell("a", LONGEST));
        pauses.told("a");
        assert!(!pauses.may_tell("a", LONGEST) && pauses.may_tell("a", Duration::ZERO));
    }
}
