//! Who waits, in line, and who has pods. Applications that are alike for admission are one class: what is found out for one of
//! them holds for all, so that a hundred thousand that wait cost little. Read once from a snapshot; decides nothing.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    Amounts, App, ShapeId, Snapshot, Stage,
    tree::{NO_QUEUE, Tree},
};

/// What makes applications alike: leaf, shapes, minimum, priority, and the numbers of its namespace and, where its queue limits
/// users, of its user.
type Key = (usize, ShapeId, ShapeId, u32, i64, usize, usize);

/// Applications that are alike.
#[derive(Clone, Debug)]
pub struct Class {
    /// One of them, for all.
    pub example: usize,
    /// What the gang of each takes.
    pub gang: Amounts,
    /// How many of them wait.
    pub count: u64,
    /// How many executors they want together.
    pub wanted: u64,
    /// What keeps all of them from standing in line: the number of a block.
    pub barred: Option<usize>,
    /// What they found in this cycle: the number of a block.
    pub failed: Option<usize>,
}

/// One that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiter {
    rank: (Reverse<i64>, i64),
    /// The application's number.
    pub number: usize,
    /// Its class.
    pub class: usize,
    /// Whether pods of it are there, or it is not to be tried before some time.
    pub held: bool,
}

/// Everybody.
pub struct Crowd {
    /// The leaf of each application.
    pub leaf: Vec<usize>,
    /// Classes of those that wait.
    pub classes: Vec<Class>,
    /// By leaf, those that wait: priority, then age.
    pub lines: Vec<Vec<Waiter>>,
    /// Those that are admitted or have pods.
    pub present: Vec<usize>,
    /// Those that wait and have a claim, by its rank.
    pub claimants: Vec<Waiter>,
}

impl Crowd {
    /// Reads a snapshot.
    pub fn read(snapshot: &Snapshot, tree: &Tree) -> Self {
        let mut crowd = Self {
            leaf: Vec::with_capacity(snapshot.apps.len()),
            classes: Vec::new(),
            lines: vec![Vec::new(); tree.all.len()],
            present: Vec::new(),
            claimants: Vec::new(),
        };
        // Looked up, never walked.
        let mut known: HashMap<Key, usize> = HashMap::new();
        let mut texts = Texts::default();
        for (number, app) in snapshot.apps.iter().enumerate() {
            let leaf = app.queue.as_ref().and_then(|queue| tree.find(queue)).unwrap_or(NO_QUEUE);
            crowd.leaf.push(leaf);
            let has_pods = app.pods.any_leaving() || app.pods.any_staying();
            if app.stage != Stage::Waiting || has_pods {
                crowd.present.push(number);
            }
            if app.stage == Stage::Waiting {
                let class = *known.entry(key(app, leaf, tree, &mut texts)).or_insert_with(|| {
                    let gang = snapshot.gang(app);
                    let class = Class { example: number, gang, count: 0, wanted: 0, barred: None, failed: None };
                    crowd.classes.push(class);
                    crowd.classes.len() - 1
                });
                crowd.classes[class].count += 1;
                crowd.classes[class].wanted += u64::from(app.wanted.max(app.minimum));
                let held = has_pods || app.not_before.is_some();
                let waiter = Waiter { rank: (Reverse(app.priority), app.created), number, class, held };
                crowd.lines[leaf].push(waiter);
                crowd.claimants.extend(app.claim.is_some().then_some(waiter));
            }
        }
        let rank = |waiter: &Waiter| snapshot.apps[waiter.number].claim.as_ref().map(|claim| claim.rank);
        crowd.claimants.sort_by_key(|waiter| (rank(waiter), waiter.number));
        for line in &mut crowd.lines {
            line.sort_unstable_by_key(|waiter| (waiter.rank, waiter.number));
        }
        crowd
    }
}

/// Numbers for texts, so that many are compared as numbers.
#[derive(Default)]
struct Texts<'a> {
    known: HashMap<&'a str, usize>,
    last: (&'a str, usize),
}

impl<'a> Texts<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        if text.is_empty() {
            return 0;
        }
        // Neighbours are often of one namespace.
        if text != self.last.0 {
            let next = self.known.len() + 1;
            self.last = (text, *self.known.entry(text).or_insert(next));
        }
        self.last.1
    }
}

fn key<'a>(app: &'a App, leaf: usize, tree: &Tree, texts: &mut Texts<'a>) -> Key {
    let spec = &tree.all[leaf].spec;
    let limited = !spec.user_limit.is_none() || spec.user_max_applications.is_some();
    let (leaf, namespace, user) = match &app.queue {
        Some(missing) if leaf == NO_QUEUE => (usize::MAX, missing.namespace.as_str(), missing.name.as_str()),
        _ => (leaf, app.name.namespace.as_str(), if limited { app.user.as_str() } else { "" }),
    };
    let (namespace, user) = (texts.number(namespace), texts.number(user));
    (leaf, app.driver, app.executor, app.minimum, app.priority, namespace, user)
}
