//! The `Queue`: how teams share a cluster. Written by whoever runs the platform, read by teams. Rules here are those the API
//! server checks on its own; what depends on other queues (a parent that is missing, a cycle, promises that cannot be kept)
//! is said in the conditions.

#![allow(clippy::duplicated_attributes, reason = "several columns have the same type")]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{raw::quantity_map, status::Condition};

/// Amounts of resources by name, such as `cpu: "8"` or `nvidia.com/gpu: "2"`.
pub type ResourceList = BTreeMap<String, Quantity>;

/// Who goes first when the first in line has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum QueueOrder {
    /// Room is held for the first; only what fits beside that passes it.
    StrictFIFO,
    /// Whoever fits starts.
    #[default]
    BestEffortFIFO,
}

/// From whom in other queues its applications take back what it deserves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum QueueReclaim {
    /// From nobody: they wait until it is free.
    Never,
    /// From applications of lower priority.
    LowerPriority,
    /// From any.
    #[default]
    Any,
}

/// Who in the queue gives way to an application that has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum QueuePreemption {
    /// Nobody.
    Never,
    /// Applications of lower priority, and executors above the minimum of those whose priority is not higher.
    #[default]
    LowerPriority,
}

/// Where room on nodes comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueueProvisioning {
    /// From the nodes there are: an application starts when all of its gang has room.
    #[default]
    Fixed,
    /// From nodes that an autoscaler adds when pods wait: room on nodes is not looked at first.
    Autoscaled,
}

/// Limits of each user in a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserLimits {
    /// What the applications of one user may have at the most.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "quantity_map")]
    #[schemars(schema_with = "amounts")]
    pub capability: ResourceList,
    /// How many applications of one user may be admitted at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_applications: Option<i32>,
}

/// An amount: what Kubernetes takes for a quantity, but nothing below zero.
const AMOUNT: &str = "^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][-+]?[0-9]+))?$";
/// A list of amounts names no more resources: what checking one amount may cost the API server, times this, has a limit.
const MOST_RESOURCES: usize = 12;
/// The longest amount, in characters.
const LONGEST_AMOUNT: usize = 32;
const NAME: &str = "self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')";
const NAME_MESSAGE: &str = "must be the name of a Queue, or its namespace and name, such as platform/teams";
// Texts and numbers; where one is a text and the other a number, the webhook compares them.
const WITHIN: &str = "!has(self.guarantee) || !has(self.capability) || self.guarantee.all(r, !(r in self.capability) || \
                      (type(self.guarantee[r]) == int && type(self.capability[r]) == int \
                      ? int(self.guarantee[r]) <= int(self.capability[r]) \
                      : type(self.guarantee[r]) != string || type(self.capability[r]) != string \
                      || !quantity(self.guarantee[r]).isGreaterThan(quantity(self.capability[r]))))";
const NAMESPACES: &str = "self.all(name, name == '*' || name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))";
const NAMESPACES_MESSAGE: &str = "must be names of namespaces, or * for all";

/// The schema of amounts in a spec: numbers are taken too, as they are in a pod.
fn amounts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MOST_RESOURCES,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "maxLength": LONGEST_AMOUNT,
            "minimum": 0,
            "maximum": 1_000_000_000_000_000_000_i64,
            "pattern": AMOUNT,
        },
    })
}

/// How a queue shares.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "onager.dev",
    version = "v1alpha1",
    kind = "Queue",
    plural = "queues",
    category = "all",
    namespaced,
    status = "QueueStatus",
    derive = "PartialEq",
    doc = "A queue of applications, and its part of the cluster.",
    printcolumn(name = "Parent", type_ = "string", json_path = ".spec.parent"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".spec.weight"),
    printcolumn(
        name = "Share",
        type_ = "string",
        json_path = ".status.share",
        description = "Of what it deserves, how much it uses"
    ),
    printcolumn(name = "Queued", type_ = "integer", json_path = ".status.queued"),
    printcolumn(name = "Admitted", type_ = "integer", json_path = ".status.admitted"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = "1"
    )
)]
#[x_kube(
    validation = Rule::new(WITHIN).message("spec.guarantee may not be more than spec.capability"),
)]
pub struct QueueSpec {
    /// The queue above: a name, or a namespace and a name. Without it, the queue is a child of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(NAME).message(NAME_MESSAGE))]
    #[schemars(length(min = 1, max = 317))]
    pub parent: Option<String>,
    /// Its part beside that of its siblings. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: Option<i64>,
    /// What is held for it: it deserves this much whenever it wants it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "quantity_map")]
    #[schemars(schema_with = "amounts")]
    pub guarantee: ResourceList,
    /// What it may use at the most. What is not named is not limited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "quantity_map")]
    #[schemars(schema_with = "amounts")]
    pub capability: ResourceList,
    /// Whether others may use its guarantee while it does not. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lendable: Option<bool>,
    /// Who goes first when the first in line has no room.
    #[serde(default)]
    pub order: QueueOrder,
    /// From whom in other queues its applications take back what it deserves.
    #[serde(default)]
    pub reclaim: QueueReclaim,
    /// Who in it gives way to an application that has no room.
    #[serde(default)]
    pub preemption: QueuePreemption,
    /// How many applications may be admitted at once, those of queues below included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_applications: Option<i32>,
    /// Whether nothing more is admitted. What runs goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// Namespaces beside its own whose applications and queues may name it; `*` is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new(NAMESPACES).message(NAMESPACES_MESSAGE))]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63)))]
    pub allowed_namespaces: Vec<String>,
    /// Where room on nodes comes from.
    #[serde(default)]
    pub provisioning: QueueProvisioning,
    /// Limits of each user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_limits: Option<UserLimits>,
}

/// One that waits in a queue, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The application: its namespace and name.
    pub application: String,
    /// Its place in line, from 1.
    pub position: u32,
    /// In one word why it waits.
    pub reason: String,
    /// In a sentence what blocks it, how much is short, and what would free it.
    pub message: String,
}

/// The most that `status.waiting` names.
pub const MOST_WAITING: usize = 10;

/// How a queue stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What its applications use, those of queues below included. Pods count until they are gone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub used: ResourceList,
    /// What it deserves now, of what the cluster has and others want.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deserved: ResourceList,
    /// What it uses above what it deserves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub borrowed: ResourceList,
    /// The largest part that it uses of what it deserves, such as `0.75`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// How many applications wait.
    #[serde(default)]
    pub queued: i32,
    /// How many are admitted.
    #[serde(default)]
    pub admitted: i32,
    /// The first in line, ten at the most, and why each waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub waiting: Vec<Waiting>,
    /// `Ready`: whether applications can be admitted, and if not, why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
