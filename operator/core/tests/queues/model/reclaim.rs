//! The model's part that says who gives way to a gang that has no room, as plainly as the rules are written.

use onager_core::queue::{
    Amounts, Preemption, Reclaim,
    ground::{Placement, View},
    tree::{NO_QUEUE, ROOT},
};

use super::{
    Model, Pod, Short,
    cycle::{Cycle, remove},
};

/// Who has no turn in a cycle.
#[derive(Clone, Default)]
pub struct Passed {
    /// Who would be given room and give way again, after others did, and to whom.
    pub victims: Vec<(usize, usize)>,
    /// To whom, if they have no room without that.
    pub takers: Vec<usize>,
}

impl Passed {
    pub fn has(&self, number: usize) -> bool {
        self.takers.contains(&number) || self.victims.iter().any(|(victim, _)| *victim == number)
    }
}

/// Among whom is looked.
pub struct Claim {
    number: usize,
    leaf: usize,
    /// Only those of this namespace help.
    namespace: Option<String>,
    short: Vec<usize>,
    others: Vec<usize>,
    /// The levels whose guarantee holds the gang too.
    owed: Vec<usize>,
}

impl Claim {
    fn helps(&self, model: &Model<'_>, victim: usize) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| model.name(victim).namespace == *namespace)
    }
}

impl Cycle<'_> {
    /// Who may give, and for what; `None` where nobody does.
    pub fn claim(&self, number: usize, short: Short) -> Option<Claim> {
        let model = &self.model;
        let (app, leaf, gang) = (model.app(number), model.leaf(number), model.gang(number));
        if leaf == NO_QUEUE || !matches!(short, Short::Quota(false) | Short::Level(_, false) | Short::Nodes) {
            return None;
        }
        let namespace = matches!(short, Short::Quota(_)).then(|| app.name.namespace.clone());
        let (reclaim, preemption) = model.policy(leaf);
        let levels: Vec<usize> = model.tree.chain(leaf).take_while(|level| *level != ROOT).collect();
        let deserving = levels.iter().take_while(|level| model.deserves(**level, &gang)).last();
        let reach = deserving.filter(|_| reclaim != Reclaim::Never).map(|level| model.tree.all[*level].parent);
        let full = model.short_level(leaf, &gang, View::Soon).map_or(ROOT, |(level, _)| level);
        let one = |kind: usize, amount: u64| {
            let mut one = Amounts::default();
            one.set(kind, amount);
            one
        };
        let kinds: Vec<usize> = gang.some().map(|(kind, _)| kind).collect();
        let mut short = kinds.clone();
        short.retain(|kind| model.short_level(leaf, &one(*kind, gang.get(*kind)), View::Soon).is_some());
        let short = if short.is_empty() { kinds } else { short };
        let gives = |other: &usize| {
            let inside = |level| model.tree.is_within(*other, level);
            *other != leaf
                && *other != NO_QUEUE
                && !model.running(*other).is_empty()
                && model.tree.all[*other].fault.is_none()
                && reach.is_some_and(inside)
                && inside(full)
                && excess(model, *other, &short) > 1.0
        };
        let others: Vec<usize> = (0..model.tree.all.len()).filter(gives).collect();
        let own = preemption != Preemption::Never
            && model.running(leaf).into_iter().any(|other| {
                let (priority, executors) = (model.app(other).priority, model.executors(other).len());
                priority < app.priority || priority == app.priority && executors > model.app(other).minimum as usize
            });
        let owes = |level: &usize| {
            let (promised, used) = (&model.tree.all[*level].guarantee, model.used_soon(*level));
            short.iter().any(|kind| promised.get(*kind) > 0)
                && promised.some().all(|(kind, promised)| used.get(kind) + gang.get(kind) <= promised)
        };
        let owed = levels.iter().copied().filter(owes).collect();
        (own || !others.is_empty()).then_some(Claim { number, leaf, namespace, short, others, owed })
    }

    pub fn reclaim(&mut self, number: usize, short: Short) -> Option<Placement> {
        if short == Short::Nodes && !self.ever_fits(number) {
            return None;
        }
        let claim = self.claim(number, short)?;
        let before = self.model.coming.clone();
        let there = self.model.there.clone();
        // What each gives, in the order in which it is taken.
        let mut given: Vec<Vec<Pod>> = Vec::new();
        for whole in [false, true] {
            let enough = self.others_give(&claim, whole, false, &mut given)
                || self.own_give(&claim, whole, &mut given)
                || self.others_give(&claim, whole, true, &mut given);
            if enough {
                break;
            }
        }
        if self.model.fits(number, View::Soon).is_err() {
            (self.model.coming, self.model.there) = (before, there);
            return None;
        }
        // Those that turn out not to be needed stay, the last first; who goes takes its executors along.
        let mut needed: Vec<Vec<Pod>> = Vec::new();
        for gift in given.into_iter().rev() {
            if needed.iter().flatten().any(|pod| pod.driver && pod.app == gift[0].app) {
                continue;
            }
            let (without, there) = (self.model.coming.clone(), self.model.there.clone());
            self.put_back(&gift);
            if self.model.fits(number, View::Soon).is_err() {
                (self.model.coming, self.model.there) = (without, there);
                needed.push(gift);
            }
        }
        let placement = self.model.fits(number, View::Soon).ok()?;
        let run = needed.iter().filter(|gift| !self.model.fresh.contains_key(&gift[0].app)).count();
        self.model.gave_way.0 += run;
        needed.iter().for_each(|gift| self.note(gift, number));
        Some(placement)
    }

    /// Takes a gift; whether the gang fits now.
    fn is_enough_with(&mut self, claim: &Claim, gift: Vec<Pod>, given: &mut Vec<Vec<Pod>>) -> bool {
        self.take_back(&gift);
        given.push(gift);
        self.model.fits(claim.number, View::Soon).is_ok()
    }

    /// Takes from other queues, `past` what they deserve where a guarantee is owed; whether that is enough.
    fn others_give(&mut self, claim: &Claim, whole: bool, past: bool, given: &mut Vec<Vec<Pod>>) -> bool {
        loop {
            let model = &self.model;
            let lower = |victim: &usize| {
                model.policy(claim.leaf).0 != Reclaim::LowerPriority
                    || model.app(*victim).priority < model.app(claim.number).priority
            };
            let gives = |from: usize| {
                let order = model.running(from).into_iter().filter(|victim| claim.helps(model, *victim)).filter(lower);
                order
                    .filter_map(|victim| gift(model, victim, whole))
                    .find(|gift| if past { owes(model, claim, from, gift) } else { keeps(model, claim, from, gift) })
            };
            let others = claim.others.iter();
            let offers = others.filter_map(|other| Some((excess(model, *other, &claim.short), gives(*other)?)));
            let most = offers.reduce(|best, next| if next.0 > best.0 { next } else { best });
            let Some((_, gift)) = most else { return false };
            if self.is_enough_with(claim, gift, given) {
                return true;
            }
        }
    }

    fn own_give(&mut self, claim: &Claim, whole: bool, given: &mut Vec<Vec<Pod>>) -> bool {
        let (_, preemption) = self.model.policy(claim.leaf);
        let priority = self.model.app(claim.number).priority;
        for victim in self.model.running(claim.leaf).into_iter().filter(|_| preemption != Preemption::Never) {
            let other = self.model.app(victim).priority;
            let may = if whole { other < priority } else { other <= priority };
            while may
                && claim.helps(&self.model, victim)
                && let Some(gift) = gift(&self.model, victim, whole)
            {
                if self.is_enough_with(claim, gift, given) {
                    return true;
                }
            }
        }
        false
    }

    /// Pods of one that was admitted in this very cycle are not there; all others take room until they are gone.
    fn take_back(&mut self, gift: &[Pod]) {
        remove(&mut self.model.coming, gift);
        if self.model.is_admitted_now(gift[0].app) {
            remove(&mut self.model.there, gift);
        }
    }

    fn put_back(&mut self, gift: &[Pod]) {
        self.model.coming.extend(gift.iter().cloned());
        if self.model.is_admitted_now(gift[0].app) {
            self.model.there.extend(gift.iter().cloned());
        }
    }

    fn note(&mut self, gift: &[Pod], beneficiary: usize) {
        let (model, victim) = (&mut self.model, gift[0].app);
        let whole = gift.iter().any(|pod| pod.driver);
        if whole {
            model.counts[victim] = false;
        }
        if whole && let Some((_, before)) = model.fresh.remove(&victim) {
            if model.is_strict(model.leaf(victim)) || before < model.gave_way.0 {
                model.passed.victims.push((victim, beneficiary));
            }
            model.decided.admitted.remove(&victim);
            model.decided.promised.retain(|(app, _)| *app != victim);
        } else if whole {
            model.decided.shrunk.remove(&victim);
            model.decided.grown.remove(&victim);
            model.decided.evicted.insert(victim, beneficiary);
        } else {
            let nodes = model.decided.shrunk.entry(victim).or_default();
            gift.iter().for_each(|pod| *nodes.entry(pod.node).or_default() += 1);
        }
    }
}

/// How much of what it deserves a queue has, of the resource that is short of which it has most.
fn excess(model: &Model<'_>, queue: usize, short: &[usize]) -> f64 {
    let used = model.used_soon(queue);
    let part = |kind: &usize| match used.get(*kind) {
        0 => 0.0,
        used => used as f64 / model.deserved[queue].get(*kind) as f64,
    };
    short.iter().map(part).fold(0.0, f64::max)
}

/// What an application gives next: an executor above its minimum, or all of it.
fn gift(model: &Model<'_>, victim: usize, whole: bool) -> Option<Vec<Pod>> {
    let pods: Vec<Pod> = model.coming.iter().filter(|pod| pod.app == victim).cloned().collect();
    let executors = model.executors(victim);
    match whole {
        true => (pods.iter().any(|pod| pod.driver)).then_some(pods),
        false if executors.len() > model.app(victim).minimum as usize => {
            executors.last().map(|node| vec![Pod { app: victim, driver: false, node: *node }])
        }
        false => None,
    }
}

/// Whether a queue, and all above it that the other is not below, are left with enough of something that is short: `enough` is
/// told the level, the resource, what is used and what is given of it.
fn leaves(
    model: &Model<'_>,
    claim: &Claim,
    from: usize,
    gift: &[Pod],
    enough: impl Fn(usize, usize, u64, u64) -> bool,
) -> bool {
    let app = model.app(gift[0].app);
    let drivers = gift.iter().any(|pod| pod.driver);
    let size = model.snapshot.size(app, drivers, gift.len() as u32 - u32::from(drivers));
    claim.short.iter().any(|kind| {
        let gives = size.get(*kind);
        let mut apart = model.tree.chain(from).take_while(|level| !model.tree.is_within(claim.leaf, *level));
        gives > 0 && apart.all(|level| enough(level, *kind, model.used_soon(level).get(*kind), gives))
    })
}

/// They keep what they deserve.
fn keeps(model: &Model<'_>, claim: &Claim, from: usize, gift: &[Pod]) -> bool {
    leaves(model, claim, from, gift, |level, kind, used, gives| used >= model.deserved[level].get(kind) + gives)
}

/// They have more than they deserve, keep what is guaranteed to them, and owe a guarantee.
fn owes(model: &Model<'_>, claim: &Claim, from: usize, gift: &[Pod]) -> bool {
    claim.owed.iter().any(|level| !model.tree.is_within(from, *level))
        && leaves(model, claim, from, gift, |level, kind, used, gives| {
            used > model.deserved[level].get(kind) && used >= model.tree.all[level].guarantee.get(kind) + gives
        })
}
