//! A namespace's LimitRanges: the requests and limits that the API server gives containers that have none, so that what is
//! counted is what the pods will have. Ceilings are left to the API server, which refuses what is above them.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, LimitRange, LimitRangeItem, PodSpec},
    apimachinery::pkg::api::resource::Quantity,
};

type Amounts = BTreeMap<String, Quantity>;

/// Gives the containers of a pod what ranges say of those that say nothing.
pub fn fill(pod: &mut PodSpec, ranges: &[LimitRange]) {
    let items = ranges.iter().filter_map(|range| range.spec.as_ref()).flat_map(|spec| &spec.limits);
    for item in items.filter(|item| item.type_ == "Container") {
        let (requests, limits) = defaults(item);
        let inits = pod.init_containers.iter_mut().flatten();
        for container in pod.containers.iter_mut().chain(inits) {
            fill_one(container, &requests, &limits);
        }
    }
}

/// Requests and limits, as Kubernetes completes a range: without a default limit the maximum is one, without a default request
/// that limit, or else the minimum.
fn defaults(item: &LimitRangeItem) -> (Amounts, Amounts) {
    let given = |amounts: &Option<Amounts>| amounts.clone().unwrap_or_default();
    let with = |mut amounts: Amounts, others: &Amounts| {
        for (name, amount) in others {
            amounts.entry(name.clone()).or_insert_with(|| amount.clone());
        }
        amounts
    };
    let limits = with(given(&item.default), &given(&item.max));
    let requests = with(with(given(&item.default_request), &limits), &given(&item.min));
    (requests, limits)
}

fn fill_one(container: &mut Container, requests: &Amounts, limits: &Amounts) {
    let resources = container.resources.get_or_insert_default();
    let own_limits = resources.limits.get_or_insert_default();
    // A limit of its own is its request, where it says none.
    let own_requests = resources.requests.get_or_insert_default();
    for (name, amount) in own_limits.iter().chain(requests) {
        own_requests.entry(name.clone()).or_insert_with(|| amount.clone());
    }
    for (name, amount) in limits {
        own_limits.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::{limits, requests};

    #[test]
    fn containers_that_say_nothing_get_what_the_namespace_says() {
        let mut pod: PodSpec = serde_json::from_value(serde_json::json!({"containers": [
            {"name": "main", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}},
            {"name": "beside"},
        ]}))
        .expect("pod");
        let range: LimitRange = serde_json::from_value(serde_json::json!({"spec": {"limits": [
            {"type": "Container", "default": {"cpu": "2", "memory": "512Mi"}, "defaultRequest": {"cpu": "250m"}},
            {"type": "Pod", "max": {"cpu": "64"}},
        ]}}))
        .expect("range");
        fill(&mut pod, &[range]);
        let (size, _) = requests(&pod);
        assert_eq!((size.cpu, size.memory >> 20), (1250, 1536));
        let (size, _) = limits(&pod);
        assert_eq!((size.cpu, size.memory >> 20), (4000, 1536));
    }
}
