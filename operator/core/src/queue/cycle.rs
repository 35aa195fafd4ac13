//! One cycle: from a snapshot and the time to decisions. 1. Those for whom others gave way. 2. Gangs that lost executors. 3.
//! Everybody in line, whose turn it is by share, priority and age. 4. Executors above the minimum, from what is left. Who would be
//! given room and, after others gave way, give way itself has no turn in it. The same snapshot gives the same decisions. What one
//! was given may give another a claim to it: whoever calls this does so as long as the outcome says that it `goes_on`, which is for
//! few cycles, and keeps the outcome's `standing` for the next snapshot.

use super::{
    Amounts, Block, Claim, Decision, Kinds, Name, Snapshot, Standing, Why,
    admit::Turn,
    demand::cluster,
    desk::Desk,
    ground::{Placement, View},
    order::{Candidate, Turns},
    passed::Passed,
    standing::{Account, missing},
    tree::{Fault, NO_QUEUE, ROOT, Tree},
};

/// What comes of a cycle.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What is to be done.
    pub decisions: Vec<Decision>,
    /// Waiting applications for whom others' pods go, in the order in which what is freed is theirs.
    pub claims: Vec<(usize, Placement)>,
    /// Whether the next cycle may decide more: this one decided something, or took back a claim, whose room others may use.
    pub goes_on: bool,
    /// Who waits, and why.
    pub waiting: Vec<Why>,
    /// What blocks them.
    pub blocks: Vec<Block>,
    /// How each queue stands, by name.
    pub queues: Vec<QueueReport>,
    /// What the next cycle is to be told, in its snapshot.
    pub standing: Standing,
    /// The tree it was decided on.
    pub tree: Tree,
}

/// How a queue stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueReport {
    /// Its name; `None` is the cluster.
    pub name: Option<Name>,
    /// What it and those below it use; pods that are to go count until they are gone.
    pub used: Amounts,
    /// What it deserves now.
    pub deserved: Amounts,
    /// The largest part that it uses of what it deserves, over all resources.
    pub share: f64,
    /// What it uses above what it deserves.
    pub borrowed: Amounts,
    /// How many applications wait in it and below.
    pub waiting: u32,
    /// How many are admitted.
    pub admitted: u32,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

impl Outcome {
    /// What the next cycle goes on from: for whom others give way, and what queues are owed. Answers the decisions, which are
    /// still to be done.
    pub fn hand_on(&mut self, snapshot: &mut Snapshot) -> Vec<Decision> {
        snapshot.standing = self.standing.clone();
        snapshot.apps.iter_mut().for_each(|app| app.claim = None);
        for (rank, (app, placement)) in self.claims.iter().enumerate() {
            snapshot.apps[*app].claim = Some(Claim { rank, placement: placement.clone() });
        }
        std::mem::take(&mut self.decisions)
    }

    /// Why an application waits, in a sentence.
    pub fn message(&self, why: &Why, kinds: &Kinds) -> String {
        self.blocks[why.block].message(&self.tree, kinds)
    }
}

/// Decides on a snapshot at a time, in milliseconds.
pub fn cycle(snapshot: &Snapshot, now: i64) -> Outcome {
    let tree = Tree::build(snapshot, &cluster(snapshot));
    let mut passed = Passed::default();
    let mut desk = loop {
        let mut desk = Desk::new(snapshot, &tree, now, passed);
        desk.settle_claims();
        desk.mend();
        turns(&mut desk);
        passed = std::mem::take(&mut desk.passed);
        if passed.holds(|number| desk.has_room(number)) {
            break desk;
        }
    };
    desk.grow();
    desk.explain();
    let waiting = desk.why();
    let queues = report(&desk);
    let standing = stand(&desk);
    let goes_on = !desk.decisions.is_empty() || desk.lost_a_claim();
    let Desk { decisions, claims, blocks, .. } = desk;
    Outcome { decisions, claims, goes_on, waiting, blocks, queues, standing, tree }
}

/// How queues stand from now on.
fn stand(desk: &Desk<'_>) -> Standing {
    let account = |queue: usize| {
        let used = desk.books.used(queue, View::Now);
        let account = Account { owed: desk.owed[queue], missing: missing(used, &desk.deserved[queue]) };
        desk.tree.all[queue].name.clone().map(|name| (name, account))
    };
    Standing { at: desk.now, queues: (0..desk.tree.all.len()).filter_map(account).collect() }
}

/// Everybody's turn once.
fn turns(desk: &mut Desk<'_>) {
    let mut next = vec![0; desk.crowd.lines.len()];
    let mut turns = Turns::new(desk.tree);
    for leaf in 0..next.len() {
        if let Some(candidate) = step(desk, &mut next, leaf) {
            turns.set(leaf, Some(candidate), |queue, more| desk.turn_share(queue, more));
        }
    }
    while let Some((leaf, candidate)) = turns.next() {
        let number = candidate.app;
        if let Turn::Blocked(block) = desk.turn(number) {
            let class = desk.crowd.lines[leaf][next[leaf]].class;
            desk.crowd.classes[class].failed = Some(block);
            desk.hold_for_head(number, block);
        }
        next[leaf] += 1;
        let candidate = step(desk, &mut next, leaf);
        turns.set(leaf, candidate, |queue, more| desk.turn_share(queue, more));
        for other in std::mem::take(&mut desk.moved) {
            turns.refresh(other, |queue, more| desk.turn_share(queue, more));
        }
    }
}

/// The next of a leaf that has a chance; those passed over are told why.
fn step(desk: &mut Desk<'_>, next: &mut [usize], leaf: usize) -> Option<Candidate> {
    while let Some(waiter) = desk.crowd.lines[leaf].get(next[leaf]).copied() {
        let (number, failed) = (waiter.number, desk.crowd.classes[waiter.class].failed);
        if desk.fresh[number].is_none() {
            let passed = desk.passes(waiter);
            let gate = passed.or_else(|| desk.gate(waiter)).or(desk.stopped[leaf]).or(failed);
            match gate.or_else(|| desk.without_chance(waiter)) {
                Some(block) => desk.block_of[number] = Some(block),
                None => {
                    let app = &desk.snapshot.apps[number];
                    let size = desk.crowd.classes[waiter.class].gang.clone();
                    return Some(Candidate { app: number, size, priority: app.priority, created: app.created });
                }
            }
        }
        next[leaf] += 1;
    }
    None
}

fn report(desk: &Desk<'_>) -> Vec<QueueReport> {
    let mut counts = vec![0; desk.tree.all.len()];
    for (leaf, line) in desk.crowd.lines.iter().enumerate() {
        let waiting = line.iter().filter(|waiter| desk.block_of[waiter.number].is_some()).count() as u32;
        desk.tree.chain(leaf).for_each(|level| counts[level] += waiting);
    }
    let mut admitted: Vec<u32> = (0..counts.len()).map(|queue| desk.books.applications(queue)).collect();
    for (app, _) in &desk.claims {
        desk.tree.chain(desk.leaf(*app)).for_each(|level| admitted[level] = admitted[level].saturating_sub(1));
    }
    let report = |queue: usize| {
        let branch = &desk.tree.all[queue];
        let (used, deserved) = (desk.books.used(queue, View::Now).clone(), desk.deserved[queue].clone());
        let part = |(kind, used): (usize, u64)| used as f64 / deserved.get(kind).max(1) as f64;
        QueueReport {
            name: branch.name.clone(),
            share: used.some().map(part).fold(0.0, f64::max),
            borrowed: used.less(&deserved),
            used,
            deserved,
            waiting: counts[queue],
            admitted: admitted[queue],
            fault: branch.fault.clone(),
        }
    };
    (ROOT..desk.tree.all.len()).filter(|queue| *queue != NO_QUEUE).map(report).collect()
}
