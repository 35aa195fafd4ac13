//! Ways to break an application from outside: its processes are killed on the machine itself, without Kubernetes knowing.

use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use onager_contract::{Application, ExecutorSpec, Progress, control, endpoint, token};
use serde_json::Value;

use crate::ground::OPERATOR_NAMESPACE;
use crate::wait::until;
use crate::{Run, command};

impl Run {
    /// Waits until its executors work on tasks, and answers its running executors.
    ///
    /// # Errors
    /// When it ends before.
    pub async fn computes(&self, executors: usize) -> Result<Vec<Pod>> {
        self.reaches(onager_crds::State::Running).await?;
        until(&format!("{} computes on {executors} executors", self.name), async || {
            let state = self.object().await?.status.unwrap_or_default().application_state;
            if state.state.is_terminal() {
                return Ok(Some(Err(anyhow!("{} ended before it was disturbed: {state:?}", self.name))));
            }
            let progress = self.progress().await?;
            let pods = self.executors().await?;
            if progress.running_tasks > 0 && progress.executors as usize == executors && pods.len() == executors {
                return Ok(Some(Ok(pods)));
            }
            bail!("{progress:?}")
        })
        .await?
    }

    /// Asks the driver, as the operator would.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn progress(&self) -> Result<Progress> {
        // An operator outside has its key in the namespace that it serves.
        let kept_in = async |namespace| {
            Api::<Secret>::namespaced(self.team.client.clone(), namespace).get_opt("onager-control-key").await
        };
        let secret = match kept_in(&self.team.name).await? {
            Some(own) => Some(own),
            None => kept_in(OPERATOR_NAMESPACE).await?,
        };
        let key = secret.and_then(|secret| secret.data?.remove("key"));
        let ByteString(key) = key.context("the operator has a key")?;
        let token = token::of(&key, &self.object().await?.uid().unwrap_or_default());
        let driver = self.driver().await?;
        let mut ports =
            driver.spec.iter().flat_map(|spec| spec.containers.iter().flat_map(|one| one.ports.iter().flatten()));
        let port = ports.find(|port| port.name.as_deref() == Some("onager-control"));
        let port = port.context("the driver's pod says where its control channel is")?.container_port;
        let ip =
            driver.status.as_ref().and_then(|status| status.pod_ip.clone()).context("the driver has an address")?;
        let mut ask = self.team.cluster.inside("curl");
        ask.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "5", "--header"]);
        ask.arg(format!("Authorization: Bearer {token}"));
        ask.arg(format!("http://{ip}:{port}{}", control::PROGRESS));
        Ok(serde_json::from_str(&command::output(ask).await?)?)
    }

    /// SIGKILL to the driver's process.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_driver(&self) -> Result<()> {
        let uid = self.object().await?.uid().unwrap_or_default();
        kill(process(endpoint::ENV_DRIVER, |told| told["application"]["uid"] == uid.as_str())?).await
    }

    /// SIGKILL to the process of this executor.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_executor(&self, pod: &Pod) -> Result<()> {
        let uid = self.object().await?.uid().unwrap_or_default();
        let index = pod.labels().get("onager.dev/executor-index").context("an executor has an index")?;
        let index: u32 = index.parse()?;
        let same = |told: ExecutorSpec| {
            let Application { uid: of, .. } = told.application;
            of == uid && told.index == index
        };
        kill(process(endpoint::ENV_EXECUTOR, |told| serde_json::from_value(told.clone()).is_ok_and(same))?).await
    }

    /// Deletes a pod at once, as `kubectl delete --force` does.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn delete_pod(&self, pod: &Pod) -> Result<()> {
        self.team.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }
}

/// The process whose environment has this variable with such a value. Pods' processes are the machine's own.
pub(crate) fn process(variable: &str, is_it: impl Fn(&Value) -> bool) -> Result<u32> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Processes come and go while this looks.
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        let values = environment.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok());
        let mut values = values.filter_map(|pair| pair.strip_prefix(variable)?.strip_prefix('='));
        if values.any(|value| serde_json::from_str(value).is_ok_and(|told: Value| is_it(&told))) {
            return Ok(pid);
        }
    }
    bail!("no process with such a {variable} runs")
}

async fn kill(pid: u32) -> Result<()> {
    let mut kill = std::process::Command::new("kill");
    kill.args(["-KILL", &pid.to_string()]);
    command::output(kill).await.map(drop)
}
