//! Why an application waits, from its status and that of its queues. What blocks it was decided by the operator: this finds the
//! figures that belong to it. Looks at nothing but its arguments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;
use onager_crds::{Queue, ResourceList, SparkApplication, State};
use serde::Serialize;

use crate::{
    follow,
    queues::{
        read::{full_name, parent_of},
        tree::Known,
    },
    status,
};

/// The cluster, as sentences call it.
pub const CLUSTER: &str = "the cluster";

/// Why an application waits, or that it does not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Its namespace and name.
    pub application: String,
    /// Its state.
    pub state: String,
    /// In one word why it waits or failed.
    pub reason: Option<String>,
    /// In a sentence.
    pub message: Option<String>,
    /// Whether it waits for room.
    pub waits: bool,
    /// Since when it waits.
    pub since: Option<Timestamp>,
    /// The queue it is in.
    pub queue: Option<String>,
    /// Its place in line, from 1; far behind it is rounded up.
    pub position: Option<u32>,
    /// Who is before it, as far as its queue tells.
    pub before: Vec<Before>,
    /// The level that blocks: a queue, a quota or the cluster.
    pub level: Option<String>,
    /// The resource that blocks.
    pub resource: Option<String>,
    /// How much of it is short.
    pub short: Option<String>,
    /// Its queue and those above it, from below, and the cluster.
    pub levels: Vec<Level>,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// One that is before it in line.
#[derive(Debug, Serialize)]
pub struct Before {
    /// Its namespace and name.
    pub application: String,
    /// Its place.
    pub position: u32,
    /// Why it waits.
    pub reason: String,
}

/// A queue, or the cluster.
#[derive(Debug, Serialize)]
pub struct Level {
    /// Its namespace and name, or `the cluster`.
    pub name: String,
    /// Its figures; of the cluster, what its nodes have is its capability.
    #[serde(flatten)]
    pub known: Known,
}

/// The queue that an application names, or is in.
pub fn queue_of(app: &SparkApplication) -> Option<String> {
    let place = app.status.as_ref().and_then(|status| status.queue.as_ref());
    if let Some(place) = place.filter(|place| !place.name.is_empty()) {
        return Some(place.name.clone());
    }
    let batch = app.spec.batch_scheduler_options.as_ref().and_then(|options| options.queue.as_ref());
    let written = app.spec.queue.as_ref().or(batch).filter(|queue| !queue.is_empty())?;
    Some(full_name(written, &app.namespace().unwrap_or_default()))
}

impl Answer {
    /// From an application, the queues by name, and what the cluster's nodes have, where it is known.
    pub fn of(
        app: &SparkApplication,
        queues: &BTreeMap<String, Queue>,
        nodes: Option<ResourceList>,
        notes: Vec<String>,
    ) -> Self {
        let (state, reason) = status::state(app);
        let message = app.status.as_ref().and_then(|status| status.application_state.error_message.clone());
        let waits = follow::state(app) == State::Queued && app.metadata.deletion_timestamp.is_none();
        let queue = queue_of(app);
        let mut answer = Self {
            application: format!("{}/{}", app.namespace().unwrap_or_default(), app.name_any()),
            since: waits.then(|| since(app)).flatten(),
            levels: if waits { levels(queue.as_deref(), queues, nodes) } else { Vec::new() },
            state,
            reason,
            message,
            waits,
            position: None,
            before: Vec::new(),
            level: None,
            resource: None,
            short: None,
            queue,
            notes,
        };
        if waits {
            answer.find_place(app, queues);
            answer.find_block();
        }
        answer
    }

    fn find_place(&mut self, app: &SparkApplication, queues: &BTreeMap<String, Queue>) {
        let place = app.status.as_ref().and_then(|status| status.queue.as_ref()).map(|place| place.position);
        let queue = self.queue.as_ref().and_then(|name| queues.get(name));
        let line =
            queue.and_then(|queue| queue.status.as_ref()).map(|status| status.waiting.as_slice()).unwrap_or_default();
        // The queue's own list is newer than what is rounded in the application's status.
        let own = line.iter().find(|waiting| waiting.application == self.application).map(|waiting| waiting.position);
        self.position = own.or(place).filter(|position| *position > 0);
        let position = self.position.unwrap_or(0);
        let before = line.iter().filter(|other| other.position < position && other.application != self.application);
        self.before = before
            .map(|other| Before {
                application: other.application.clone(),
                position: other.position,
                reason: other.reason.clone(),
            })
            .collect();
    }

    fn find_block(&mut self) {
        let Some(message) = self.message.as_deref() else { return };
        // Which of the pods' resources the closest node lacks stands at the end of the sentence about nodes.
        let part = message.split_once("; the closest of ").map_or(message, |(_, part)| part);
        let part = part.strip_prefix("its pods need ").unwrap_or(part);
        let mut words = part.split([' ', ',', ';', ':']);
        self.resource = words.find_map(|word| self.known_resource(word));
        let short = message.split_once(" too little").and_then(|(before, _)| before.rsplit([' ', ',']).next());
        self.short = short.map(String::from);
        let after = |word: &str| message.split_once(word).and_then(|(_, rest)| rest.split([' ', ',', ':', ';']).next());
        self.level = match self.reason.as_deref() {
            Some("QuotaExceeded") => after("quota ").map(|quota| format!("quota {quota}")),
            Some("ClusterFull" | "InsufficientResources") => Some(CLUSTER.into()),
            _ => {
                let named = after("queue ").filter(|name| name.contains('/')).map(String::from);
                named.or_else(|| message.contains(CLUSTER).then(|| CLUSTER.into()))
            }
        };
    }

    /// A word that is the name of a resource, in a quota's words or in plain ones.
    fn known_resource(&self, word: &str) -> Option<String> {
        let plain = word.strip_prefix("requests.").or_else(|| word.strip_prefix("limits.")).unwrap_or(word);
        let listed = |list: &ResourceList| list.contains_key(plain);
        let usual = matches!(plain, "cpu" | "memory" | "pods" | "ephemeral-storage");
        let of_queues = self.levels.iter().any(|level| {
            let known = &level.known;
            [&known.used, &known.deserved, &known.capability, &known.guarantee].into_iter().any(listed)
        });
        // An extended resource has a domain; a queue's name has one slash too, and is not in any list.
        (usual || of_queues).then(|| plain.to_string())
    }
}

/// Since when an application is not admitted.
fn since(app: &SparkApplication) -> Option<Timestamp> {
    let conditions = app.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let not_admitted = |kind: &str, status: &str| kind == "Admitted" && status == "False";
    let found = conditions.iter().find(|condition| not_admitted(&condition.type_, &condition.status));
    found.map(|condition| condition.last_transition_time.0).or_else(|| app.creation_timestamp().map(|time| time.0))
}

fn levels(queue: Option<&str>, queues: &BTreeMap<String, Queue>, nodes: Option<ResourceList>) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let mut next = queue.map(String::from);
    while let Some(name) = next.filter(|name| levels.iter().all(|level| level.name != *name)) {
        let Some(queue) = queues.get(&name) else { break };
        next = parent_of(queue);
        levels.push(Level { name, known: Known::of(queue) });
    }
    if let Some(capability) = nodes {
        let known = Known { capability, ..Known::of(&Queue::new(CLUSTER, onager_crds::QueueSpec::default())) };
        levels.push(Level { name: CLUSTER.into(), known });
    }
    levels
}
