//! Worlds as sentences: nodes, queues and applications in whole cores, and what became of them.

use std::collections::BTreeMap;

use onager_core::{
    admission::Node,
    queue::{
        Amounts, App, Name, Pods, QueueSpec, Shape, Site, Snapshot, Stage,
        play::{Event, EventKind, Job, Player},
        quota::{NamespaceQuota, QuotaLimit},
    },
};

pub const GI: u64 = 1 << 30;

/// So many cores, and as many GiB.
pub fn cores(count: u64) -> Amounts {
    Amounts::of(count * 1000, count * GI, 0)
}

#[derive(Clone, Debug, Default)]
pub struct World {
    pub snapshot: Snapshot,
    pub jobs: Vec<Job>,
    pub grace: i64,
}

impl World {
    /// Nodes n1, n2, ... of so many cores.
    pub fn of_nodes(cores: &[u64]) -> Self {
        let mut world = Self::default();
        for (index, count) in cores.iter().enumerate() {
            world.snapshot.nodes.push(Site {
                node: Node { name: format!("n{}", index + 1), usable: true, ..Node::default() },
                allocatable: Amounts::of(count * 1000, count * 4 * GI, 110),
                foreign: Amounts::default(),
            });
        }
        world
    }

    /// A queue in namespace `t`.
    pub fn queue(mut self, name: &str, change: impl FnOnce(&mut QueueSpec)) -> Self {
        let mut spec = QueueSpec::default();
        change(&mut spec);
        self.snapshot.queues.insert(Name::new("t", name), spec);
        self
    }

    /// A quota of namespace `t`.
    pub fn quota(mut self, resource: &str, hard: u64) -> Self {
        let counts = QuotaLimit::counts(resource, &mut self.snapshot.kinds).expect("a resource");
        let limits = vec![QuotaLimit { resource: resource.into(), counts, hard, foreign: 0 }];
        self.snapshot.quotas.entry("t".into()).or_default().push(NamespaceQuota { name: "team".into(), limits });
        self
    }

    /// An application in a queue: a driver of one core, and so many executors of one core.
    pub fn app(self, name: &str, queue: &str, executors: u32) -> Self {
        self.sized(name, queue, 1, executors, 1)
    }

    /// An application whose executors have so many cores.
    pub fn sized(mut self, name: &str, queue: &str, driver: u64, executors: u32, each: u64) -> Self {
        let mut shape = |count: u64| {
            let mut requests = cores(count);
            requests.set(2, 1);
            self.snapshot.shapes.intern(Shape { limits: requests.clone(), requests, ..Shape::default() })
        };
        let app = App {
            name: Name::new("t", name),
            queue: (!queue.is_empty()).then(|| Name::new("t", queue)),
            driver: shape(driver),
            executor: shape(each),
            minimum: executors,
            wanted: executors,
            ..App::default()
        };
        self.jobs.push(Job { app, ..Job::default() });
        self
    }

    /// The last application is like this.
    pub fn with(mut self, change: impl FnOnce(&mut Job)) -> Self {
        if let Some(job) = self.jobs.last_mut() {
            change(job);
        }
        self
    }

    /// It comes after so many seconds.
    pub fn after(self, seconds: i64) -> Self {
        self.with(|job| {
            job.arrives = seconds * 1000;
            job.app.created = seconds * 1000;
        })
    }

    /// It runs for so many seconds.
    pub fn runs(self, seconds: i64) -> Self {
        self.with(|job| job.runs = Some(seconds * 1000))
    }

    /// It takes up to so many executors.
    pub fn up_to(self, wanted: u32) -> Self {
        self.with(|job| job.app.wanted = wanted)
    }

    pub fn priority(self, priority: i64) -> Self {
        self.with(|job| job.app.priority = priority)
    }

    /// It runs from the beginning, on this node.
    pub fn running_on(self, node: usize) -> Self {
        self.with(|job| {
            let executors = BTreeMap::from([(node - 1, job.app.wanted)]);
            job.app.pods = Pods { driver: Some(node - 1), executors, ..Pods::default() };
            job.app.stage = Stage::Admitted { since: job.app.created };
        })
    }

    /// Pods take so many seconds to go.
    pub fn grace(mut self, seconds: i64) -> Self {
        self.grace = seconds * 1000;
        self
    }

    pub fn player(&self) -> Player {
        Player::new(self.snapshot.clone(), self.jobs.clone(), self.grace)
    }

    /// Plays it to its end: `0 admitted a 2`, seconds, what, who, executors; waiting with the reason's word.
    pub fn play(&self) -> Vec<String> {
        let mut player = self.player();
        let mut lines = Vec::new();
        while let Some(events) = player.step() {
            lines.extend(events.iter().map(|event| line(&player, event)));
        }
        lines
    }

    /// Those of one application, the name left out.
    pub fn story(&self, name: &str) -> Vec<String> {
        let of = |line: &String| line.split(' ').nth(2) == Some(name);
        self.play().iter().filter(|line| of(line)).map(|line| line.replace(&format!(" {name}"), "")).collect()
    }
}

fn line(player: &Player, event: &Event) -> String {
    let name = &player.snapshot.apps[event.app].name.name;
    let what = match event.kind {
        EventKind::Waiting => event.reason.split(':').next().unwrap_or_default().to_string(),
        _ => event.executors.to_string(),
    };
    format!("{} {} {name} {what}", event.at / 1000, event.kind.name())
}
