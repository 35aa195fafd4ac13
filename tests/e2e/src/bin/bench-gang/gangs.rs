//! Gangs as users make them: a SparkApplication each, in a Queue; and nodes that so many of their pods fill for the greater part.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use onager_cluster::FAKE;
use onager_crds::SparkApplication;
use onager_e2e::fleet::Fleet;
use onager_e2e::{app, command, until};
use serde_json::{Value, json};

const AT_ONCE: usize = 32;
const QUEUE: &str = "bench";

/// An application whose driver and executors are so many pods; all of them are its minimum.
///
/// # Errors
/// Never, unless this file is wrong.
pub fn gang(name: &str, pods: usize) -> Result<SparkApplication> {
    let executors = u32::try_from(pods.checked_sub(1).context("a gang has a driver")?)?;
    let pod = json!({
        "coreRequest": "1", "memory": "1g", "envFrom": null,
        "nodeSelector": {FAKE: "true"}, "tolerations": [{"key": FAKE, "operator": "Exists"}],
    });
    let change = json!({"queue": QUEUE, "driver": pod, "executor": pod});
    let manifest: Value = app(name).executors(executors).with(change).manifest("");
    let mut object = manifest["items"][0].clone();
    object["metadata"] = json!({"name": name});
    Ok(serde_json::from_value(object)?)
}

/// Makes the queue, without any limit but the cluster's.
///
/// # Errors
/// When it is refused.
pub async fn queue(fleet: &Fleet, mut kubectl: std::process::Command) -> Result<()> {
    let queue = json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "Queue",
        "metadata": {"name": QUEUE, "namespace": fleet.namespace}, "spec": {},
    });
    kubectl.args(["apply", "--filename", "-"]);
    command::output_with_input(kubectl, &queue.to_string()).await.map(drop)
}

/// Deletes all applications of a namespace, and with them their pods; waits until what stood beside those is gone, too.
///
/// # Errors
/// When something stays.
pub async fn clear(fleet: &Fleet) -> Result<()> {
    let apps: Api<SparkApplication> = fleet.api();
    until("the applications are gone", async || {
        let left = apps.list_metadata(&ListParams::default()).await?.items;
        let deletes = left.iter().map(|app| async {
            let name = app.metadata.name.as_deref().unwrap_or_default();
            apps.delete(name, &DeleteParams::background()).await
        });
        stream::iter(deletes).buffer_unordered(AT_ONCE).for_each(async |_| {}).await;
        Ok(left.is_empty().then_some(()))
    })
    .await?;
    crate::bare::sweep(fleet).await?;
    until("the Services are gone", async || {
        let left = fleet.api::<Service>().list_metadata(&ListParams::default()).await?.items.len();
        Ok((left == 0).then_some(()))
    })
    .await
}

/// Gives the fake nodes the size of real ones, and answers their names.
///
/// # Errors
/// When one cannot be written.
pub async fn size_nodes(client: &Client) -> Result<Vec<String>> {
    let nodes: Api<Node> = Api::all(client.clone());
    let fake = nodes.list_metadata(&ListParams::default().labels(FAKE)).await?;
    let names: Vec<String> = fake.iter().map(ResourceExt::name_any).collect();
    let size = json!({"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "1Ti"});
    let change = Patch::Merge(json!({"status": {"capacity": size, "allocatable": size}}));
    let params = PatchParams::default();
    let writes = names.iter().map(|name| nodes.patch_status(name, &params, &change));
    stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
    Ok(names)
}
