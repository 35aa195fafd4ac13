//! One schedule on the cluster, as a user follows it: its status, and the runs it makes.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use onager_crds::{ScheduledSparkApplication, ScheduledSparkApplicationStatus, SparkApplication};
use serde_json::{Value, json};

use crate::wait::until;
use crate::{App, Run, Team};

/// A schedule.
#[derive(Clone)]
pub struct Scheduled {
    /// Where it lives.
    pub team: Team,
    /// Its name.
    pub name: String,
}

impl Scheduled {
    /// The manifest of a schedule for an application, which gives it its name; `change` is merged into the spec.
    pub fn manifest(team: &Team, app: &App, schedule: &str, change: Value) -> Value {
        let mut manifest = json!({
            "apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication",
            "metadata": {"name": app.name(), "namespace": team.name},
            "spec": {"schedule": schedule, "template": app.spec()},
        });
        if let (Some(spec), Value::Object(change)) = (manifest["spec"].as_object_mut(), change) {
            spec.extend(change);
        }
        let mut list = app.manifest(&team.name);
        if let Some(items) = list["items"].as_array_mut() {
            // The application itself is not made: what it mounts is.
            items.retain(|item| item["kind"] != "SparkApplication");
            items.push(manifest);
        }
        list
    }

    /// Applies a schedule as a user would.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn start(team: &Team, app: App, schedule: &str, change: Value) -> Result<Self> {
        team.apply(&Self::manifest(team, &app, schedule, change)).await?;
        Ok(Self { team: team.clone(), name: app.name().into() })
    }

    /// Changes the spec.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn change(&self, spec: Value) -> Result<()> {
        let change = Patch::Merge(json!({"spec": spec}));
        self.team.api::<ScheduledSparkApplication>().patch(&self.name, &PatchParams::default(), &change).await?;
        Ok(())
    }

    /// Waits until its status is as described; what a run's status shows may not be so yet.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn until(
        &self,
        what: &str,
        holds: impl Fn(&ScheduledSparkApplicationStatus) -> bool,
    ) -> Result<ScheduledSparkApplicationStatus> {
        until(&format!("schedule {} {what}", self.name), async || {
            let object = self.team.api::<ScheduledSparkApplication>().get(&self.name).await?;
            let generation = object.metadata.generation;
            let status = object.status.unwrap_or_default();
            if status.observed_generation == generation && holds(&status) {
                return Ok(Some(status));
            }
            bail!("{status:?}")
        })
        .await
    }

    /// Waits until it has made another run than `last`, and answers that one.
    ///
    /// # Errors
    /// When it makes none.
    pub async fn next_run(&self, last: Option<&Run>) -> Result<Run> {
        let last = last.map(|run| run.name.as_str());
        let another = |status: &ScheduledSparkApplicationStatus| {
            status.last_run_name.is_some() && status.last_run_name.as_deref() != last
        };
        let status = self.until("makes another run", another).await?;
        Ok(self.team.run(&status.last_run_name.context("a run")?))
    }

    /// Its runs that are there.
    ///
    /// # Errors
    /// When the API server does not answer, or a run lacks what tells where it comes from.
    pub async fn runs(&self) -> Result<Vec<SparkApplication>> {
        let mine = ListParams::default().labels(&format!("onager.dev/scheduled-by={}", self.name));
        let runs = self.team.api::<SparkApplication>().list(&mine).await?.items;
        for run in &runs {
            let owned =
                run.owner_references().iter().any(|owner| owner.name == self.name && owner.controller == Some(true));
            ensure!(owned && run.annotations().contains_key("onager.dev/scheduled-at"), "{:?}", run.metadata);
        }
        Ok(runs)
    }

    /// Names of all runs there ever were, by their drivers.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn ever(&self) -> Result<BTreeSet<String>> {
        let pods = self.team.history.all().await?;
        let begin = format!("{}-", self.name);
        Ok(pods.into_iter().filter(|pod| pod.app.starts_with(&begin)).map(|pod| pod.app).collect())
    }

    /// Each run there ever was had one driver, ever.
    ///
    /// # Errors
    /// When one had more.
    pub async fn check(&self) -> Result<()> {
        for run in self.ever().await? {
            self.team.history.check(&run).await?;
        }
        Ok(())
    }
}
