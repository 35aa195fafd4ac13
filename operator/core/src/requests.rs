//! What a pod takes of a node and of a quota, by Kubernetes' own formula: containers together, or the largest moment of its
//! start, whichever is more; then what the pod says as a whole, and the overhead of its runtime. Arithmetic alone.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, PodSpec, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use crate::{quantity, size::Size};

/// Amounts of resources other than CPU, memory and pods, by name: `nvidia.com/gpu`, `ephemeral-storage`, hugepages.
pub type Others = BTreeMap<String, u64>;

/// Whether a container starts before the others and runs beside them until they end.
pub fn is_sidecar(init: &Container) -> bool {
    init.restart_policy.as_deref() == Some("Always")
}

/// What a pod requests.
pub fn requests(spec: &PodSpec) -> (Size, Others) {
    taken(spec, request_of)
}

/// What a pod may use at the most; a container without a limit counts as none.
pub fn limits(spec: &PodSpec) -> (Size, Others) {
    taken(spec, |resources| resources.limits.clone().unwrap_or_default())
}

/// A limit without a request is a request too.
fn request_of(resources: &ResourceRequirements) -> BTreeMap<String, Quantity> {
    let mut amounts = resources.limits.clone().unwrap_or_default();
    amounts.extend(resources.requests.clone().unwrap_or_default());
    amounts
}

fn taken(spec: &PodSpec, of: fn(&ResourceRequirements) -> BTreeMap<String, Quantity>) -> (Size, Others) {
    let amounts = |resources: Option<&ResourceRequirements>| Amounts::read(resources.map(of).unwrap_or_default());
    let mut running = Amounts::default();
    for container in &spec.containers {
        running.add(&amounts(container.resources.as_ref()));
    }
    let (mut beside, mut starting) = (Amounts::default(), Amounts::default());
    for init in spec.init_containers.iter().flatten() {
        let asks = amounts(init.resources.as_ref());
        if is_sidecar(init) {
            running.add(&asks);
            beside.add(&asks);
            starting.at_least(&beside);
        } else {
            let mut moment = beside.clone();
            moment.add(&asks);
            starting.at_least(&moment);
        }
    }
    running.at_least(&starting);
    running.replace(&amounts(spec.resources.as_ref()));
    running.add(&Amounts::read(spec.overhead.clone().unwrap_or_default()));
    let Amounts { cpu, memory, others } = running;
    (Size { cpu: cpu.unwrap_or(0), memory: memory.unwrap_or(0), pods: 1 }, others)
}

#[derive(Clone, Default)]
struct Amounts {
    cpu: Option<u64>,
    memory: Option<u64>,
    others: Others,
}

impl Amounts {
    fn read(amounts: BTreeMap<String, Quantity>) -> Self {
        let mut read = Self::default();
        for (name, amount) in amounts {
            match name.as_str() {
                "cpu" => read.cpu = quantity::milli(&amount.0),
                "memory" => read.memory = quantity::whole(&amount.0),
                _ => {
                    if let Some(amount) = quantity::whole(&amount.0).filter(|amount| *amount > 0) {
                        read.others.insert(name, amount);
                    }
                }
            }
        }
        read
    }

    fn add(&mut self, other: &Self) {
        self.combine(other, u64::saturating_add);
    }

    fn at_least(&mut self, other: &Self) {
        self.combine(other, u64::max);
    }

    /// What the pod says as a whole holds in place of what its containers say.
    fn replace(&mut self, whole: &Self) {
        self.combine(whole, |_, whole| whole);
    }

    fn combine(&mut self, other: &Self, with: fn(u64, u64) -> u64) {
        let both = |mine: Option<u64>, theirs: Option<u64>| match (mine, theirs) {
            (mine, Some(theirs)) => Some(with(mine.unwrap_or(0), theirs)),
            (mine, None) => mine,
        };
        self.cpu = both(self.cpu, other.cpu);
        self.memory = both(self.memory, other.memory);
        for (name, amount) in &other.others {
            let mine = self.others.entry(name.clone()).or_default();
            *mine = with(*mine, *amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(spec: serde_json::Value) -> (Size, Others) {
        requests(&serde_json::from_value(spec).expect("pod"))
    }

    fn container(name: &str, cpu: &str) -> serde_json::Value {
        serde_json::json!({"name": name, "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}})
    }

    #[test]
    fn containers_add_up_and_the_largest_moment_of_the_start_counts() {
        let (size, _) = pod(serde_json::json!({"containers": [container("a", "1"), container("b", "500m")]}));
        assert_eq!((size.cpu, size.memory >> 30, size.pods), (1500, 2, 1));
        let (size, _) =
            pod(serde_json::json!({"containers": [container("a", "1")], "initContainers": [container("b", "3")]}));
        assert_eq!((size.cpu, size.memory >> 30), (3000, 1));
    }

    #[test]
    fn a_sidecar_adds_to_what_runs_beside_it_and_to_what_starts_after_it() {
        let mut sidecar = container("s", "250m");
        sidecar["restartPolicy"] = "Always".into();
        let main = container("a", "1");
        let init = container("i", "1");
        let after = serde_json::json!({"containers": [main], "initContainers": [sidecar, init]});
        assert_eq!(pod(after).0.cpu, 1250);
        let init = container("i", "2");
        let before = serde_json::json!({"containers": [main], "initContainers": [init, sidecar]});
        assert_eq!(pod(before).0.cpu, 2000, "an init container that is over before the sidecar starts");
    }

    #[test]
    fn limits_are_requests_where_none_are_given_and_overhead_comes_on_top() {
        let (size, others) = pod(serde_json::json!({
            "containers": [{"name": "a", "resources": {"limits": {"cpu": "2", "nvidia.com/gpu": "1"}, "requests": {"cpu": "1"}}}],
            "overhead": {"cpu": "100m", "memory": "64Mi"},
        }));
        assert_eq!((size.cpu, size.memory >> 20), (1100, 64));
        assert_eq!(others["nvidia.com/gpu"], 1);
    }

    #[test]
    fn what_the_pod_says_as_a_whole_holds() {
        let (size, _) = pod(serde_json::json!({
            "containers": [container("a", "2")], "resources": {"requests": {"cpu": "3"}},
        }));
        assert_eq!((size.cpu, size.memory >> 30), (3000, 1));
    }
}
