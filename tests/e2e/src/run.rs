//! One application on the cluster, as a user follows it: its status, its pods, its log. Every wait ends early when the
//! application ends otherwise than hoped for.

use std::fmt::Debug;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Event, Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use onager_crds::{ApplicationState, ResultSummary, SparkApplication, SparkApplicationStatus, State};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Team;
use crate::wait::until;

/// An application.
#[derive(Clone)]
pub struct Run {
    /// Where it lives.
    pub team: Team,
    /// Its name.
    pub name: String,
}

impl Run {
    /// The application of that name.
    pub fn of(team: Team, name: &str) -> Self {
        Self { team, name: name.into() }
    }

    /// The object.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn object(&self) -> Result<SparkApplication> {
        Ok(self.team.api::<SparkApplication>().get(&self.name).await?)
    }

    /// Waits until its status is as described; gives up when the state is final and it is not.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn until(
        &self,
        what: &str,
        holds: impl Fn(&SparkApplicationStatus) -> bool,
    ) -> Result<SparkApplicationStatus> {
        let hope = format!("{} {what}", self.name);
        let reached = until(&hope, async || {
            let status = self.object().await?.status.unwrap_or_default();
            if holds(&status) {
                return Ok(Some(Ok(status)));
            }
            if status.application_state.state.is_terminal() {
                return Ok(Some(Err(status.application_state)));
            }
            bail!("{:?}", status.application_state)
        });
        match reached.await? {
            Ok(status) => Ok(status),
            Err(ended) => bail!("{} should be such that it {what}, but: {ended:?}", self.name),
        }
    }

    /// Waits until it is in a state.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn reaches(&self, state: State) -> Result<SparkApplicationStatus> {
        self.until(&format!("is {state:?}"), |status| status.application_state.state == state).await
    }

    /// Waits for its good end, and answers what it did.
    ///
    /// # Errors
    /// When it fails.
    pub async fn completes(&self) -> Result<ResultSummary> {
        let status = self.reaches(State::Completed).await?;
        let succeeded = status.conditions.iter().any(|c| c.type_ == "Succeeded" && c.status == "True");
        ensure!(succeeded, "the condition Succeeded is not set: {:?}", status.conditions);
        status.summary.context("a run that completed has a summary")
    }

    /// Waits for its bad end, for this reason, and answers the message.
    ///
    /// # Errors
    /// When it completes, or fails for another reason.
    pub async fn fails(&self, reason: &str) -> Result<String> {
        let status = self.reaches(State::Failed).await?;
        let ApplicationState { reason: found, error_message, .. } = status.application_state;
        let message = error_message.unwrap_or_default();
        ensure!(found.as_deref() == Some(reason), "expected {reason}, found {found:?}: {message}");
        ensure!(status.conditions.iter().any(|c| c.type_ == "Failed" && c.status == "True" && c.reason == reason));
        Ok(message)
    }

    /// Waits until it is queued for this reason, and answers the message.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn queues(&self, reason: &str) -> Result<String> {
        let queued = |status: &SparkApplicationStatus| {
            let state = &status.application_state;
            state.state == State::Queued && state.reason.as_deref() == Some(reason)
        };
        let status = self.until(&format!("is queued: {reason}"), queued).await?;
        Ok(status.application_state.error_message.unwrap_or_default())
    }

    /// Its pods that are there.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let mine = ListParams::default().labels(&format!("onager.dev/app-name={}", self.name));
        Ok(self.team.api::<Pod>().list(&mine).await?.items)
    }

    /// Its driver's pod.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn driver(&self) -> Result<Pod> {
        Ok(self.team.api::<Pod>().get(&format!("{}-driver", self.name)).await?)
    }

    /// Its executors' pods that run.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn executors(&self) -> Result<Vec<Pod>> {
        let runs = |pod: &Pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running");
        let executor = |pod: &Pod| pod.labels().get("onager.dev/role").is_some_and(|role| role == "executor");
        let alive = |pod: &Pod| pod.metadata.deletion_timestamp.is_none();
        Ok(self.pods().await?.into_iter().filter(|pod| executor(pod) && runs(pod) && alive(pod)).collect())
    }

    /// What its driver printed.
    ///
    /// # Errors
    /// When its pod is gone.
    pub async fn log(&self) -> Result<String> {
        Ok(self.team.api::<Pod>().logs(&format!("{}-driver", self.name), &LogParams::default()).await?)
    }

    /// The reasons of its events, in the order in which they were told.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn events(&self) -> Result<Vec<String>> {
        let about = ListParams::default().fields(&format!("involvedObject.name={}", self.name));
        let mut events = self.team.api::<Event>().list(&about).await?.items;
        events.sort_by_key(|event| event.event_time.clone().map(|time| time.0));
        Ok(events.into_iter().filter_map(|event| event.reason).collect())
    }

    /// Changes its spec: a JSON merge patch.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn edit(&self, spec: Value) -> Result<()> {
        let change = Patch::Merge(json!({"spec": spec}));
        self.team.api::<SparkApplication>().patch(&self.name, &PatchParams::default(), &change).await?;
        Ok(())
    }

    /// Deletes it.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn delete(&self) -> Result<()> {
        self.team.api::<SparkApplication>().delete(&self.name, &DeleteParams::background()).await?;
        Ok(())
    }

    /// Waits until nothing of it runs: there is at most a driver's pod that has ended, for its log.
    ///
    /// # Errors
    /// When something goes on.
    pub async fn comes_to_rest(&self) -> Result<()> {
        self.leaves_behind("nothing that runs", |pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let executor = pod.labels().get("onager.dev/role").is_some_and(|role| role == "executor");
            executor || !matches!(phase, Some("Succeeded" | "Failed"))
        })
        .await
    }

    /// Waits until nothing of it is there.
    ///
    /// # Errors
    /// When something stays.
    pub async fn vanishes(&self) -> Result<()> {
        self.leaves_behind("nothing", |_| true).await
    }

    /// What stands beside its pods: kind and name of Services, Ingresses and PodDisruptionBudgets, in this order.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn sides(&self) -> Result<Vec<String>> {
        let mut all = self.names::<Service>().await?;
        all.extend(self.names::<Ingress>().await?);
        all.extend(self.names::<PodDisruptionBudget>().await?);
        Ok(all)
    }

    async fn names<K>(&self) -> Result<Vec<String>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let mine = ListParams::default().labels(&format!("onager.dev/app-name={}", self.name));
        let there = self.team.api::<K>().list_metadata(&mine).await?;
        Ok(there.iter().map(|object| format!("{} {}", K::kind(&()), object.name_any())).collect())
    }

    async fn leaves_behind(&self, what: &str, counts: impl Fn(&Pod) -> bool) -> Result<()> {
        until(&format!("{} leaves {what} behind", self.name), async || {
            let pods = self.pods().await?;
            let mut left: Vec<String> = pods.iter().filter(|pod| counts(pod)).map(ResourceExt::name_any).collect();
            left.extend(self.sides().await?);
            if left.is_empty() { Ok(Some(())) } else { bail!("there are {left:?}") }
        })
        .await
    }
}
