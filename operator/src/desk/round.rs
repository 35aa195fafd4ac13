//! A round: one look at everything, cycles until nothing is left to decide, and what each application is told. Rounds follow
//! news, and are held apart so that a busy cluster is not looked at all the time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use onager_core::{
    Trouble,
    intake::Unreadable,
    queue::{Decision, Name, Outcome, QueueReport, Snapshot, ground::Placement, snapshot::NOWHERE},
};
use onager_crds::{MOST_WAITING, QueuePlace, State, Waiting};
use tokio::time::sleep;

use super::{
    Memory,
    entry::{Claim, Verdict, rounded},
    queues,
    survey::Survey,
};
use crate::{cache::Cache, context::Context, progress::Followed};

/// The least time between two rounds.
const INTERVAL: Duration = Duration::from_millis(10);
/// Rounds may take one part in so many of a processor: a fuller cluster takes longer to look at, and is looked at less often.
const PART: u32 = 10;
/// Cycles that follow each other in one round at the most; the rest is decided in the next.
const MOST_CYCLES: usize = 20;
/// So long those that waited before a restart may take to ask.
const GATHERING: Duration = Duration::from_secs(5);
/// Without news, back-offs that have ended and figures that have changed are looked for after this time.
const IDLE: Duration = Duration::from_secs(5);

/// Decides, as long as the operator leads.
pub async fn run(context: Arc<Context>) {
    let mut writer = queues::Writer::default();
    let (mut first, mut unwritten) = (true, false);
    loop {
        let quiet = tokio::time::timeout(IDLE, context.desk.news.notified()).await.is_err();
        if quiet && !context.desk.waits_for_time() && !unwritten {
            continue;
        }
        if !context.desk_ready() {
            sleep(INTERVAL).await;
            context.desk.poke();
            continue;
        }
        if std::mem::take(&mut first) {
            all_ask(&context).await;
        }
        let began = Instant::now();
        let timer = context.metrics.queues.round_seconds.start_timer();
        let deciding = context.clone();
        let done =
            tokio::task::spawn_blocking(move || deciding.desk.memory().round(&deciding.cache, &deciding.followed))
                .await;
        timer.observe_duration();
        let (wake, reports) = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "a round of decisions broke off");
                unwritten = true;
                sleep(IDLE).await;
                continue;
            }
        };
        for name in wake {
            context.triggers.wake(&name.namespace, &name.name);
        }
        for decision in &reports.decisions {
            context.metrics.queues.decided(decision);
        }
        context.metrics.queues.stand(&reports.queues, &reports.kinds);
        unwritten = writer.write(&context, reports).await;
        sleep(INTERVAL.max(began.elapsed() * (PART - 1))).await;
    }
}

/// After a restart those that waited before ask again, in any order: the first decision is for all of them.
async fn all_ask(context: &Context) {
    let began = Instant::now();
    while began.elapsed() < GATHERING {
        let waited = context.cache.apps().count().get(&State::Queued).copied().unwrap_or(0);
        if context.desk.asking() as i64 >= waited {
            return;
        }
        sleep(INTERVAL).await;
    }
}

/// What is said of each queue after a round, and the resources it is said in.
pub struct Reports {
    /// By queue.
    pub queues: Vec<QueueReport>,
    /// Those that are first in line of each queue: application, place, word and sentence.
    pub first: BTreeMap<Name, Vec<Waiting>>,
    /// What was decided, by name.
    pub decisions: Vec<&'static str>,
    /// The names of resources.
    pub kinds: onager_core::queue::Kinds,
}

impl Memory {
    /// Decides; answers whom to wake, and how the queues stand.
    pub(super) fn round(&mut self, cache: &Cache, followed: &Followed) -> (Vec<Name>, Reports) {
        let now = Timestamp::now().as_millisecond();
        let Survey { mut snapshot, apps, mut executors, faults, readings, .. } = self.survey(cache, followed);
        let (mut wake, mut told) = (Vec::new(), Vec::new());
        let mut outcome = Outcome::default();
        snapshot.standing = std::mem::take(&mut self.standing);
        for _ in 0..MOST_CYCLES {
            outcome = onager_core::queue::cycle(&snapshot, now);
            for decision in outcome.hand_on(&mut snapshot) {
                decision.apply(&mut snapshot, now);
                let number = decision.app();
                self.note(&decision, &snapshot, &apps, &mut executors[number], now);
                wake.push(apps[number].1.clone());
                told.push(decision.name());
            }
            if !outcome.goes_on {
                break;
            }
        }
        for (number, (uid, _)) in apps.iter().enumerate() {
            if let Some(entry) = self.entries.get_mut(uid) {
                let claim = snapshot.apps[number].claim.as_ref();
                entry.claim = claim.map(|claim| name(claim.rank, &claim.placement, &snapshot));
            }
        }
        let first = self.tell(&outcome, &snapshot, &apps, &mut wake);
        for (uid, name, Unreadable(message)) in faults {
            let trouble = Trouble { reason: "PriorityClassMissing".into(), message };
            self.answer(&uid, &name, Verdict { trouble, place: None }, &mut wake);
        }
        self.standing = std::mem::take(&mut snapshot.standing);
        let Outcome { queues, .. } = outcome;
        self.readings = readings.with(snapshot.shapes, apps.len());
        (wake, Reports { queues, first, decisions: told, kinds: snapshot.kinds })
    }

    /// Remembers a decision until it is on record.
    fn note(
        &mut self,
        decision: &Decision,
        snapshot: &Snapshot,
        apps: &[(String, Name)],
        executors: &mut Vec<(u32, usize)>,
        now: i64,
    ) {
        let (uid, name) = &apps[decision.app()];
        let node = |node: usize| snapshot.nodes.get(node).map(|site| site.node.name.clone());
        let seats = |executors: &[(usize, u32)]| -> Vec<Option<String>> {
            executors.iter().flat_map(|(place, count)| vec![node(*place); *count as usize]).collect()
        };
        let staying = snapshot.apps[decision.app()].pods.staying();
        match decision {
            Decision::Admit { placement, .. } => {
                self.grant(uid, node(placement.driver), seats(&placement.executors), now);
            }
            Decision::Grow { executors, .. } => {
                let entry = self.entries.entry(uid.clone()).or_default();
                entry.free_seats.extend(seats(executors).into_iter().flatten());
                entry.allow(staying);
            }
            Decision::Shrink { executors: going, beneficiary, .. } => {
                tracing::info!(%name, beneficiary = %apps[*beneficiary].1, "executors give way");
                let entry = self.entries.entry(uid.clone()).or_default();
                entry.allow(staying);
                for (place, count) in going {
                    let promised = count - retire(&mut entry.retired, executors, *place, *count);
                    if let Some(node) = node(*place) {
                        entry.unseat(&node, promised);
                    }
                }
            }
            Decision::Evict { beneficiary, .. } => {
                let entry = self.entries.entry(uid.clone()).or_default();
                if entry.grant.take_if(|grant| !grant.heard).is_some() {
                    // Nobody has heard of it yet: it stands in line again.
                    entry.give_seats_back();
                } else {
                    let other = &apps[*beneficiary].1;
                    tracing::info!(%name, beneficiary = %other, "an application gives way");
                    let message = format!("it gives way to {other}, which its queue owes the room");
                    entry.evicted = Some(Trouble { reason: "Preempted".into(), message });
                }
            }
        }
    }

    /// Tells those that wait why; answers who is first in line of each queue.
    fn tell(
        &mut self,
        outcome: &Outcome,
        snapshot: &Snapshot,
        apps: &[(String, Name)],
        wake: &mut Vec<Name>,
    ) -> BTreeMap<Name, Vec<Waiting>> {
        let mut first: BTreeMap<Name, Vec<Waiting>> = BTreeMap::new();
        for why in &outcome.waiting {
            let (uid, name) = &apps[why.app];
            let block = &outcome.blocks[why.block];
            let queue = snapshot.apps[why.app].queue.as_ref();
            let place = rounded(why.position);
            // Those far behind are told what keeps them as long as that is one word, and no figures that change all the time.
            let message = match queue {
                Some(queue) if why.position > MOST_WAITING as u32 => {
                    format!("about {place} are in line of queue {queue} with it: see what the first wait for")
                }
                _ => outcome.message(why, &snapshot.kinds),
            };
            let trouble = Trouble { reason: block.reason().into(), message };
            if let Some(queue) = queue.filter(|_| why.position <= MOST_WAITING as u32) {
                first.entry(queue.clone()).or_default().push(Waiting {
                    application: name.to_string(),
                    position: why.position,
                    reason: trouble.reason.clone(),
                    message: trouble.message.clone(),
                });
            }
            let place = queue.map(|queue| QueuePlace { name: queue.to_string(), position: place });
            self.answer(uid, name, Verdict { trouble, place }, wake);
        }
        first
    }

    /// Tells one that asks why it waits, and wakes it where that is news.
    fn answer(&mut self, uid: &str, name: &Name, verdict: Verdict, wake: &mut Vec<Name>) {
        let Some(entry) = self.entries.get_mut(uid).filter(|entry| entry.asks && entry.grant.is_none()) else { return };
        let same = |old: &Verdict| old.trouble.reason == verdict.trouble.reason && old.place == verdict.place;
        if !entry.verdict.as_ref().is_some_and(same) {
            wake.push(name.clone());
        }
        entry.verdict = Some(verdict);
    }
}

/// Those on a node that were made last, and do not run where there are such, are the ones to go. Answers how many are there.
fn retire(retired: &mut BTreeSet<u32>, executors: &mut Vec<(u32, usize)>, place: usize, count: u32) -> u32 {
    for gone in 0..count {
        let Some(found) = executors.iter().position(|(_, node)| *node == place) else { return gone };
        retired.insert(executors.remove(found).0);
    }
    count
}

fn name(rank: usize, placement: &Placement, snapshot: &Snapshot) -> Claim {
    let node = |node: usize| (node != NOWHERE).then(|| snapshot.nodes[node].node.name.clone());
    Claim {
        rank,
        driver: node(placement.driver),
        executors: placement.executors.iter().map(|(place, count)| (node(*place), *count)).collect(),
    }
}
