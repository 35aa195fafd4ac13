//! Remembers which applications could not get all that stands beside their pods, so that it is not asked for again and again.
//! Nothing else of the application waits for that. In memory alone.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The pause after the first refusal; each further one doubles it.
const SHORTEST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_secs(300);

/// Refusals by UID of the application.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<String, Refusal>>);

struct Refusal {
    until: Instant,
    count: u32,
    message: String,
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something could not be made. Answers whether that is news.
    pub fn refused(&self, uid: &str, message: &str) -> bool {
        let mut refusals = self.lock();
        let known = refusals.remove(uid);
        let count = known.as_ref().map_or(0, |known| known.count);
        let length = SHORTEST.saturating_mul(1 << count.min(8)).min(LONGEST);
        let news = known.is_none_or(|known| known.message != message);
        let refusal = Refusal { until: Instant::now() + length, count: count + 1, message: message.to_string() };
        refusals.insert(uid.to_string(), refusal);
        news
    }

    /// How long nothing is to be tried.
    pub fn left(&self, uid: &str) -> Option<Duration> {
        let until = self.lock().get(uid)?.until;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// All is made, or the application has ended.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_news_once_and_leaves_the_application_alone_for_longer_each_time() {
        let refusals = Refusals::default();
        assert_eq!(refusals.left("a"), None);
        assert!(refusals.refused("a", "no"));
        let first = refusals.left("a").expect("a pause");
        assert!(!refusals.refused("a", "no"), "the same again");
        assert!(refusals.left("a").expect("a pause") > first);
        assert!(refusals.refused("a", "another reason"));
        assert!(refusals.left("a").expect("a pause") <= LONGEST && refusals.left("b").is_none());
        refusals.forget("a");
        assert_eq!(refusals.left("a"), None);
    }
}
