//! A client without any decisions: it makes the pods that the operator made for a sample, many times over, bound to nodes or
//! for the scheduler to bind. Nothing is read back but whether the API server took them.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use http::header::CONTENT_TYPE;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt};
use onager_crds::SparkApplication;
use onager_e2e::fleet::Fleet;
use onager_e2e::{replay, until};
use serde_json::Value;

use crate::gangs;

/// Requests at once: as many creates as the operator has under way.
const AT_ONCE: usize = 64;
const SAMPLE: &str = "sample";

/// The pods of a gang of two as the operator made them, as text.
pub struct Mold {
    driver: String,
    executor: String,
}

impl Mold {
    /// Has the operator make a gang in a namespace that it serves, and takes its pods for `bare`, where nobody serves: there
    /// an application owns them that nobody looks at.
    ///
    /// # Errors
    /// When it is not made.
    pub async fn of(served: &Fleet, bare: &Fleet) -> Result<Self> {
        let sample = gangs::gang(SAMPLE, 2)?;
        let made = served.api::<SparkApplication>().create(&PostParams::default(), &sample).await?;
        let owner = bare.api::<SparkApplication>().create(&PostParams::default(), &sample).await?;
        let ids = (made.uid().context("a UID")?, owner.uid().context("a UID")?);
        let pod = async |name: &str| {
            let pods: Api<Pod> = served.api();
            let pod = until("the sample's pod is made", async || Ok(pods.get_opt(name).await?)).await?;
            let text = replay::strip(serde_json::to_value(pod)?).to_string();
            anyhow::Ok(text.replace(&ids.0, &ids.1).replace(&served.namespace, &bare.namespace))
        };
        let mold =
            Self { driver: pod(&format!("{SAMPLE}-driver")).await?, executor: pod(&format!("{SAMPLE}-exec-1")).await? };
        eprintln!("an executor's pod is {} bytes of JSON", mold.executor.len());
        Ok(mold)
    }

    /// The pod of a number, from 0; the first is a driver.
    fn pod(&self, number: usize, node: Option<&str>) -> Result<Vec<u8>> {
        let own = format!("{SAMPLE}-exec-{number}");
        let text = match number {
            0 => self.driver.clone(),
            _ => self.executor.replace(&format!("{SAMPLE}-exec-1"), &own),
        };
        let mut pod: Value = serde_json::from_str(&text)?;
        if let Some(node) = node {
            pod["spec"]["nodeName"] = node.into();
        }
        Ok(serde_json::to_vec(&pod)?)
    }

    /// Makes so many pods, bound to these nodes in turn, or to none.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn play(self: &Arc<Self>, fleet: &Fleet, count: usize, nodes: &[String]) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/pods", fleet.namespace);
        let creates = (0..count).map(|number| {
            let (client, path, mold) = (fleet.client.clone(), path.clone(), self.clone());
            let node = nodes.get(number % nodes.len().max(1)).cloned();
            async move {
                let body = mold.pod(number, node.as_deref())?;
                let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(body)?;
                tokio::spawn(async move { client.request_text(request).await }).await??;
                anyhow::Ok(())
            }
        });
        stream::iter(creates).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
    }
}

/// Removes all pods of a namespace at once.
///
/// # Errors
/// When they stay.
pub async fn sweep(fleet: &Fleet) -> Result<()> {
    let pods: Api<Pod> = fleet.api();
    until("the pods are gone", async || {
        let left = pods.list_metadata(&ListParams::default()).await?.items;
        if left.is_empty() {
            return Ok(Some(()));
        }
        let now = DeleteParams::default().grace_period(0);
        let deletes = left.iter().map(|pod| pods.delete(pod.metadata.name.as_deref().unwrap_or_default(), &now));
        // Whoever else deletes them may be first.
        stream::iter(deletes).buffer_unordered(AT_ONCE).for_each(async |_| {}).await;
        Ok(None)
    })
    .await
}
