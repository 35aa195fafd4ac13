//! Worlds as sentences: nodes, queues and applications in whole cores, and what became of them.

use std::{collections::BTreeMap, fmt};

use onager_core::{
    node::Node,
    queue::{
        Amounts, App, Name, Order, Pods, Preemption, QueueSpec, Reclaim, Shape, Site, Snapshot, Stage,
        play::{Change, Event, EventKind, Job, Player},
        quota::{NamespaceQuota, QuotaLimit},
    },
};

pub const GI: u64 = 1 << 30;

/// So many cores, and as many GiB.
pub fn cores(count: u64) -> Amounts {
    Amounts::of(count * 1000, count * GI, 0)
}

#[derive(Clone, Default)]
pub struct World {
    pub snapshot: Snapshot,
    pub jobs: Vec<Job>,
    pub grace: i64,
    /// Which node is lost, and at which second.
    pub lost: Option<(usize, i64)>,
    /// What somebody changes, and at which second.
    pub edits: Vec<(i64, Edit)>,
}

/// A change from outside.
#[derive(Clone, Debug)]
pub enum Edit {
    /// The capability of the queue of this number, in cores.
    Capability(usize, u64),
    /// Whether it is closed.
    Closed(usize, bool),
    /// What the quotas allow, in cores.
    Quota(u64),
}

impl Edit {
    /// What is another after it.
    fn change(&self, snapshot: &mut Snapshot) -> Option<Change> {
        let mut queue = |number: usize, how: &dyn Fn(&mut QueueSpec)| {
            let (name, spec) = snapshot.queues.iter_mut().nth(number)?;
            how(spec);
            Some(Change::Queue(name.clone(), spec.clone()))
        };
        match *self {
            Self::Capability(number, cores) => queue(number, &|spec| spec.capability.set(0, cores * 1000)),
            Self::Closed(number, closed) => queue(number, &|spec| spec.closed = closed),
            Self::Quota(cores) => {
                let quota = snapshot.quotas.get_mut("t")?.first_mut()?;
                quota.limits.iter_mut().for_each(|limit| limit.hard = cores * 1000);
                Some(Change::Quota("t".into(), quota.clone()))
            }
        }
    }
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
        let limits = vec![QuotaLimit { resource: resource.into(), counts, classes: Vec::new(), hard, foreign: 0 }];
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

    /// A node is lost after so many seconds.
    pub fn lost(mut self, node: usize, second: i64) -> Self {
        self.lost = Some((node - 1, second));
        self
    }

    pub fn player(&self) -> Player {
        let mut player = Player::new(self.snapshot.clone(), self.jobs.clone(), self.grace);
        if let Some((node, second)) = self.lost {
            player.lose(node, second * 1000);
        }
        self.changes().into_iter().for_each(|(second, change)| player.change(change, second * 1000));
        player
    }

    fn changes(&self) -> Vec<(i64, Change)> {
        let mut snapshot = self.snapshot.clone();
        self.edits.iter().filter_map(|(second, edit)| Some((*second, edit.change(&mut snapshot)?))).collect()
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

/// As a file that `onager simulate` plays: what a property fails on can be looked at there.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# onager simulate --grace {} FILE", self.grace / 1000)?;
        for (index, site) in self.snapshot.nodes.iter().enumerate() {
            let lost = self.lost.filter(|(node, _)| *node == index).map(|(_, second)| second);
            let lost = lost.map_or(String::new(), |second| {
                format!(", annotations: {{onager.dev/simulated-lost-after: '{second}'}}")
            });
            let (cpu, memory) = (site.allocatable.get(0), site.allocatable.get(1) / GI);
            let allocatable = format!("{{cpu: {cpu}m, memory: {memory}Gi, pods: 110}}");
            writeln!(
                f,
                "---\n{{apiVersion: v1, kind: Node, metadata: {{name: {}{lost}}}, status: {{allocatable: {allocatable}}}}}",
                site.node.name
            )?;
        }
        for (name, spec) in &self.snapshot.queues {
            queue(f, name, spec, None)?;
        }
        self.snapshot.quotas.values().flatten().try_for_each(|one| quota(f, one, None))?;
        for (second, change) in self.changes() {
            match change {
                Change::Queue(name, spec) => queue(f, &name, &spec, Some(second))?,
                Change::Quota(_, one) => quota(f, &one, Some(second))?,
            }
        }
        for value in 1..3 {
            writeln!(
                f,
                "---\n{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: p{value}}}, value: {value}}}"
            )?;
        }
        self.jobs.iter().try_for_each(|job| self.application(f, job))
    }
}

/// Metadata of an object that is like this from a second on, or from the beginning.
fn metadata(name: &str, from: Option<i64>) -> String {
    let from = from.map(|second| format!(", annotations: {{onager.dev/simulated-from: '{second}'}}"));
    format!("{{name: {name}, namespace: t{}}}", from.unwrap_or_default())
}

fn queue(f: &mut fmt::Formatter<'_>, name: &Name, spec: &QueueSpec, from: Option<i64>) -> fmt::Result {
    let mut says = vec![
        format!("weight: {}", spec.weight),
        format!("lendable: {}", spec.lendable),
        format!("closed: {}", spec.closed),
    ];
    says.extend(spec.parent.as_ref().map(|parent| format!("parent: {}", parent.name)));
    says.extend(spec.max_applications.map(|most| format!("maxApplications: {most}")));
    if !spec.guarantee.is_empty() {
        says.push(format!("guarantee: {{cpu: {}m, memory: {}}}", spec.guarantee.get(0), spec.guarantee.get(1)));
    }
    for (_, limit) in spec.capability.limits() {
        says.push(format!("capability: {{cpu: {limit}m}}"));
    }
    says.extend((spec.order == Order::StrictFifo).then(|| "order: StrictFIFO".to_string()));
    says.extend((spec.reclaim != Reclaim::Any).then(|| format!("reclaim: {:?}", spec.reclaim)));
    says.extend((spec.preemption == Preemption::Never).then(|| "preemption: Never".to_string()));
    let (metadata, says) = (metadata(&name.name, from), says.join(", "));
    writeln!(f, "---\n{{apiVersion: onager.dev/v1alpha1, kind: Queue, metadata: {metadata}, spec: {{{says}}}}}")
}

fn quota(f: &mut fmt::Formatter<'_>, quota: &NamespaceQuota, from: Option<i64>) -> fmt::Result {
    let limit = |limit: &QuotaLimit| {
        let unit = if limit.resource.ends_with("cpu") { "m" } else { "" };
        format!("{}: {}{unit}", limit.resource, limit.hard)
    };
    let hard: Vec<String> = quota.limits.iter().map(limit).collect();
    let (metadata, hard) = (metadata(&quota.name, from), hard.join(", "));
    writeln!(f, "---\n{{apiVersion: v1, kind: ResourceQuota, metadata: {metadata}, spec: {{hard: {{{hard}}}}}}}")
}

impl World {
    fn application(&self, f: &mut fmt::Formatter<'_>, job: &Job) -> fmt::Result {
        let app = &job.app;
        let pod = |shape| {
            let requests = &self.snapshot.shapes.get(shape).requests;
            // Spark adds 384 MiB.
            format!("cores: {}, memory: {}m", requests.get(0) / 1000, (requests.get(1) >> 20) - 384)
        };
        let at = job.arrives / 1000;
        let mut marks: Vec<String> =
            job.runs.iter().map(|runs| format!("onager.dev/simulated-duration: {}s", runs / 1000)).collect();
        marks.extend((app.stage != Stage::Waiting).then(|| "onager.dev/simulated-admitted: 'true'".to_string()));
        marks.extend((!app.user.is_empty()).then(|| format!("onager.dev/user: {}", app.user)));
        let queue = app.queue.as_ref().map(|queue| format!("queue: {queue}, ")).unwrap_or_default();
        let class = if app.priority > 0 {
            format!("batchSchedulerOptions: {{priorityClassName: p{}}}, ", app.priority)
        } else {
            String::new()
        };
        let name = &app.name.name;
        writeln!(
            f,
            "---\n{{apiVersion: onager.dev/v1alpha1, kind: SparkApplication, metadata: {{name: {name}, namespace: t, \
             creationTimestamp: '2026-01-01T{:02}:{:02}:{:02}Z', annotations: {{{}}}}}, spec: {{type: SQL, \
             mainApplicationFile: 'local:///a.sql', {queue}{class}\
             dynamicAllocation: {{enabled: true, minExecutors: {}, maxExecutors: {}}}, \
             driver: {{{}}}, executor: {{instances: 1, {}}}}}}}",
            at / 3600,
            at / 60 % 60,
            at % 60,
            marks.join(", "),
            app.minimum,
            app.wanted,
            pod(app.driver),
            pod(app.executor),
        )
    }
}
