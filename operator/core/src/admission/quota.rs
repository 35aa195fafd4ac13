//! A namespace's ResourceQuota: what is left of it, and which resource a gang would overdraw. Counts `cpu`, `memory`,
//! `requests.*`, `limits.cpu`, `limits.memory`, `pods` and `count/pods`; the rest is left to the API server.

use crate::{
    quantity::{milli, show_cpu, show_memory, whole},
    seen::Trouble,
    workload::{PodSize, Workload},
};

/// One hard limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Such as `requests.cpu`.
    pub resource: String,
    /// The limit, in the resource's small unit: millicores, bytes or pods.
    pub hard: u64,
    /// What is in use, and what admitted gangs will still take.
    pub used: u64,
}

/// A ResourceQuota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// Its limits, those that pods count against.
    pub limits: Vec<Limit>,
}

/// What of a gang a resource of a quota counts.
enum Counts {
    RequestsCpu,
    RequestsMemory,
    LimitsCpu,
    LimitsMemory,
    Pods,
    /// Requests of another resource.
    Other(String),
}

impl Counts {
    fn of(resource: &str) -> Option<Self> {
        Some(match resource {
            "cpu" | "requests.cpu" => Self::RequestsCpu,
            "memory" | "requests.memory" => Self::RequestsMemory,
            "limits.cpu" => Self::LimitsCpu,
            "limits.memory" => Self::LimitsMemory,
            "pods" | "count/pods" => Self::Pods,
            "ephemeral-storage" => Self::Other(resource.to_string()),
            _ => Self::Other(resource.strip_prefix("requests.").filter(|name| is_of_pods(name))?.to_string()),
        })
    }

    fn is_cpu(&self) -> bool {
        matches!(self, Self::RequestsCpu | Self::LimitsCpu)
    }

    fn taken_by(&self, workload: &Workload) -> u64 {
        let executors = self.of_pod(&workload.executor).saturating_mul(workload.minimum.into());
        self.of_pod(&workload.driver).saturating_add(executors)
    }

    fn of_pod(&self, pod: &PodSize) -> u64 {
        match self {
            Self::RequestsCpu => pod.request.cpu,
            Self::RequestsMemory => pod.request.memory,
            Self::LimitsCpu => pod.limit.cpu,
            Self::LimitsMemory => pod.limit.memory,
            Self::Pods => pod.request.pods,
            Self::Other(name) => pod.ask.others.get(name).copied().unwrap_or(0),
        }
    }

    fn show(&self, amount: u64) -> String {
        match self {
            Self::RequestsCpu | Self::LimitsCpu => show_cpu(amount),
            Self::RequestsMemory | Self::LimitsMemory => show_memory(amount),
            Self::Pods | Self::Other(_) => amount.to_string(),
        }
    }
}

/// Extended resources and what nodes have beside CPU and memory; not what claims ask of storage.
fn is_of_pods(name: &str) -> bool {
    name == "ephemeral-storage" || name.contains('/') || name.starts_with("hugepages-")
}

impl Quota {
    /// A quota from `hard` and `used`, as quantities.
    pub fn new<'a>(
        name: &str,
        hard: impl Iterator<Item = (&'a str, &'a str)>,
        used: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let limits = hard.filter_map(|(resource, hard)| {
            let counts = Counts::of(resource)?;
            let read = if counts.is_cpu() { milli } else { whole };
            let used = used(resource).and_then(read).unwrap_or(0);
            Some(Limit { resource: resource.to_string(), hard: read(hard)?, used })
        });
        Self { name: name.to_string(), limits: limits.collect() }
    }

    /// Whether pods without a CPU limit are refused.
    pub fn wants_cpu_limit(&self) -> bool {
        self.limits.iter().any(|limit| limit.resource == "limits.cpu")
    }

    /// Takes off what an admitted workload's pods that are not made yet will use.
    pub fn reserve(&mut self, workload: &Workload, missing_driver: bool, missing_executors: u32) {
        for limit in &mut self.limits {
            let Some(counts) = Counts::of(&limit.resource) else { continue };
            let driver = if missing_driver { counts.of_pod(&workload.driver) } else { 0 };
            let executors = counts.of_pod(&workload.executor).saturating_mul(missing_executors.into());
            limit.used = limit.used.saturating_add(driver).saturating_add(executors);
        }
    }

    /// How many executors, `most` at the most, it has room for beside a driver that is not made yet.
    pub fn room_for(&self, workload: &Workload, missing_driver: bool, most: u32) -> u32 {
        let counted = self.limits.iter().filter_map(|limit| Some((limit, Counts::of(&limit.resource)?)));
        counted.fold(most, |most, (limit, counts)| {
            let driver = if missing_driver { counts.of_pod(&workload.driver) } else { 0 };
            let left = limit.hard.saturating_sub(limit.used).saturating_sub(driver);
            // Of what an executor takes none of, there is enough for all.
            let executors = left.checked_div(counts.of_pod(&workload.executor)).unwrap_or(u64::MAX);
            u32::try_from(executors).map_or(most, |executors| executors.min(most))
        })
    }

    /// The first resource that the gang would overdraw.
    pub fn shortage(&self, workload: &Workload) -> Option<Trouble> {
        self.limits.iter().find_map(|limit| {
            let counts = Counts::of(&limit.resource)?;
            let needed = counts.taken_by(workload);
            let left = limit.hard.saturating_sub(limit.used);
            (needed > left).then(|| Trouble {
                reason: "QuotaExceeded".into(),
                message: format!(
                    "the driver and {} executors need {} {}, but quota {} has {} left of {}: {} too little",
                    workload.minimum,
                    limit.resource,
                    counts.show(needed),
                    self.name,
                    counts.show(left),
                    counts.show(limit.hard),
                    counts.show(needed - left),
                ),
            })
        })
    }
}
