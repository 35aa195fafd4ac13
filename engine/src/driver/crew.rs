//! Who works for this driver and who did: when each executor came, and when and why it went. It decides nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ballista_scheduler::scheduler_server::timestamp_millis;

/// Executors that went and are still listed.
const KEPT_PAST: usize = 200;

/// How an executor went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    /// Milliseconds since the epoch.
    pub at: u64,
    /// It did not leave in order.
    pub lost: bool,
    pub reason: String,
}

/// An executor that is here or was.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub id: String,
    pub host: String,
    pub port: u16,
    pub cores: u32,
    /// Milliseconds since the epoch.
    pub since: u64,
    pub gone: Option<Gone>,
}

/// What of a name tells executors of one application apart: their index.
pub(super) fn short(executor_id: &str) -> &str {
    executor_id.rsplit('-').next().unwrap_or(executor_id)
}

#[derive(Default)]
struct List {
    members: VecDeque<Member>,
    /// Why executors will be gone soon, as somebody said before they were.
    announced: HashMap<String, String>,
}

#[derive(Default)]
pub(super) struct Crew(Mutex<List>);

impl Crew {
    /// An executor has registered, perhaps again.
    pub(super) fn came(&self, id: &str, host: &str, port: u16, cores: u32) {
        let mut list = self.list();
        list.announced.remove(id);
        if let Some(member) = list.members.iter_mut().find(|member| member.id == id && member.gone.is_none()) {
            (member.host, member.port, member.cores) = (host.to_string(), port, cores);
            return;
        }
        let (id, host) = (id.to_string(), host.to_string());
        list.members.push_back(Member { id, host, port, cores, since: timestamp_millis(), gone: None });
    }

    /// Keeps the reason for which an executor is about to be taken off.
    pub(super) fn announce(&self, id: &str, reason: &str) {
        self.list().announced.insert(id.to_string(), reason.to_string());
    }

    /// An executor was taken off; returns why.
    pub(super) fn went(&self, id: &str, lost: bool) -> String {
        let mut list = self.list();
        let otherwise = if lost { "it does not answer any more" } else { "nothing needed it any more" };
        let reason = list.announced.remove(id).unwrap_or_else(|| otherwise.into());
        if let Some(member) = list.members.iter_mut().find(|member| member.id == id && member.gone.is_none()) {
            member.gone = Some(Gone { at: timestamp_millis(), lost, reason: reason.clone() });
        }
        let past = list.members.iter().filter(|member| member.gone.is_some()).count();
        if past > KEPT_PAST
            && let Some(oldest) = list.members.iter().position(|member| member.gone.is_some())
        {
            list.members.remove(oldest);
        }
        reason
    }

    /// All of them, in the order in which they came.
    pub(super) fn members(&self) -> Vec<Member> {
        self.list().members.iter().cloned().collect()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_went_is_listed_with_the_reason_and_only_the_last_ones() {
        let crew = Crew::default();
        for index in 0..KEPT_PAST + 5 {
            let id = format!("uid-{index}");
            crew.came(&id, "10.0.0.1", 50051, 2);
            crew.came(&id, "10.0.0.2", 50051, 4);
            crew.announce(&id, "its node is gone");
            assert_eq!(crew.went(&id, true), "its node is gone");
        }
        crew.came("uid-9", "10.0.0.1", 50051, 2);
        let members = crew.members();
        assert_eq!(members.len(), KEPT_PAST + 1);
        assert_eq!((members[0].id.as_str(), members[0].cores, members[0].host.as_str()), ("uid-5", 4, "10.0.0.2"));
        assert!(members[KEPT_PAST].gone.is_none());
        assert_eq!(crew.went("uid-9", false), "nothing needed it any more");
    }

    #[test]
    fn an_index_is_enough_of_a_name() {
        assert_eq!(short("7d0c5f1e-0000-4000-8000-000000000000-12"), "12");
        assert_eq!(short("alone"), "alone");
    }
}
