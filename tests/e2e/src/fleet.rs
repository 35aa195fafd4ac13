//! Many applications at once, on fake nodes where pods run at once and drivers end by themselves. Watches when their
//! drivers are made and when they complete.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use onager_cluster::FAKE;
use onager_contract::Summary;
use onager_crds::{SparkApplication, State};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::team::ACCOUNT;
use crate::{app, command};

/// How long a fake driver runs.
const RUNS: &str = "1s";
/// Creates at once.
const AT_ONCE: usize = 32;
/// A fleet that does not get on for so long never will.
const STANDSTILL: Duration = Duration::from_secs(120);

/// A namespace without a quota.
#[derive(Clone)]
pub struct Fleet {
    /// Its name.
    pub namespace: String,
    /// A client that may do everything.
    pub client: Client,
}

/// How far a fleet has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Drivers that were made.
    pub drivers: usize,
    /// Applications that completed.
    pub completed: usize,
}

/// Seconds since the first create.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until the last driver was made.
    pub drivers: f64,
    /// Until the last application had completed.
    pub completed: f64,
}

impl Fleet {
    /// Makes a namespace, one that the installed operator serves or one that nobody does.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn new(client: Client, kubectl: std::process::Command, name: &str, served: bool) -> Result<Self> {
        let labels = if served { json!({"onager.dev/team": "bench"}) } else { json!({}) };
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
            {
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": name},
                "automountServiceAccountToken": false,
            },
        ]});
        let mut apply = kubectl;
        apply.args(["apply", "--filename", "-"]);
        command::output_with_input(apply, &objects.to_string()).await?;
        Ok(Self { namespace: name.into(), client })
    }

    /// Objects of the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes applications of these names.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn create(&self, names: impl Iterator<Item = String>) -> Result<()> {
        self.create_these(names.map(|name| application(&name)).collect::<Result<Vec<_>>>()?).await
    }

    /// Makes these applications.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn create_these(&self, applications: Vec<SparkApplication>) -> Result<()> {
        let permits = std::sync::Arc::new(Semaphore::new(AT_ONCE));
        let mut creates = JoinSet::new();
        for application in applications {
            let (api, permits) = (self.api::<SparkApplication>(), permits.clone());
            creates.spawn(async move {
                let _permit = permits.acquire().await?;
                api.create(&PostParams::default(), &application).await?;
                anyhow::Ok(())
            });
        }
        while let Some(made) = creates.join_next().await {
            made??;
        }
        Ok(())
    }

    /// Has applications made, by whatever `makes` them, and follows them until `wanted` have completed.
    ///
    /// # Errors
    /// When one fails, or nothing happens any more.
    pub async fn time(&self, wanted: usize, makes: impl Future<Output = Result<()>>) -> Result<Times> {
        let mut counts = self.follow().await?;
        let before = *counts.borrow();
        let began = Instant::now();
        let mut drivers = None;
        let follow = async {
            loop {
                let count = *counts.borrow_and_update();
                if count.drivers >= before.drivers + wanted && drivers.is_none() {
                    drivers = Some(began.elapsed());
                }
                if count.completed >= before.completed + wanted {
                    break;
                }
                let news = tokio::time::timeout(STANDSTILL, counts.changed()).await;
                news.with_context(|| format!("standstill at {count:?} of {wanted}"))?.context("a watch ended")?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(makes, follow)?;
        let completed = began.elapsed();
        let seconds = |time: Duration| time.as_secs_f64();
        Ok(Times { drivers: seconds(drivers.unwrap_or(completed)), completed: seconds(completed) })
    }

    /// Counts drivers and completed applications from now on; answers once both watches have begun.
    async fn follow(&self) -> Result<watch::Receiver<Count>> {
        let (sender, receiver) = watch::channel(Count::default());
        let config = || watcher::Config::default();
        let drivers = watcher(self.api::<Pod>(), config().labels("onager.dev/role=driver")).default_backoff();
        let applications = watcher(self.api::<SparkApplication>(), config()).default_backoff();
        let (mut made, mut completed) = (HashSet::new(), HashSet::new());
        let (first, mut listed) = watch::channel(0);
        tokio::spawn(async move {
            let (mut drivers, mut applications) = (std::pin::pin!(drivers), std::pin::pin!(applications));
            loop {
                tokio::select! {
                    Some(event) = drivers.next() => match event {
                        Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => {
                            made.insert(pod.name_any());
                        }
                        Ok(watcher::Event::InitDone) => first.send_modify(|lists| *lists += 1),
                        _ => {}
                    },
                    Some(event) = applications.next() => match event {
                        Ok(watcher::Event::Apply(app) | watcher::Event::InitApply(app)) => {
                            let state = app.status.as_ref().map(|status| status.application_state.clone()).unwrap_or_default();
                            if state.state == State::Failed {
                                eprintln!("{} failed: {state:?}", app.name_any());
                            }
                            if state.state == State::Completed {
                                completed.insert(app.name_any());
                            }
                        }
                        Ok(watcher::Event::InitDone) => first.send_modify(|lists| *lists += 1),
                        _ => {}
                    },
                    else => break,
                }
                let count = Count { drivers: made.len(), completed: completed.len() };
                let gone = sender.is_closed();
                sender.send_if_modified(|old| std::mem::replace(old, count) != count);
                if gone {
                    break;
                }
            }
        });
        listed.wait_for(|lists| *lists >= 2).await.context("the watches began")?;
        Ok(receiver)
    }

    /// Deletes all applications, and waits until they are gone.
    ///
    /// # Errors
    /// When they stay.
    pub async fn clear(&self) -> Result<()> {
        let api: Api<SparkApplication> = self.api();
        api.delete_collection(&DeleteParams::background(), &Default::default()).await?;
        crate::until("the applications are gone", async || {
            let left = api.list_metadata(&Default::default()).await?.items.len();
            if left > 0 { bail!("{left} are there") } else { Ok(Some(())) }
        })
        .await
    }
}

/// An application with one executor that runs on fake nodes.
///
/// # Errors
/// Never, unless this file is wrong.
pub fn application(name: &str) -> Result<SparkApplication> {
    let summary = Summary { result: Some("Pi is roughly 3.14".into()), statements: 1, tasks: 1, ..Summary::default() };
    let there = json!({
        "nodeSelector": {FAKE: "true"}, "tolerations": [{"key": FAKE, "operator": "Exists"}], "envFrom": null,
    });
    let mut driver = there.clone();
    driver["annotations"] = json!({
        "fake.onager.dev/ends-after": RUNS, "fake.onager.dev/message": summary.to_termination_message(),
    });
    let manifest: Value = app(name).executors(1).with(json!({"driver": driver, "executor": there})).manifest("");
    let mut object = manifest["items"][0].clone();
    object["metadata"] = json!({"name": name});
    Ok(serde_json::from_value(object)?)
}
