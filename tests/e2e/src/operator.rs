//! An operator outside the cluster, as a child process that speaks to the API server through a [`Proxy`]: one that a test
//! can kill at will. It serves one namespace and cannot reach pods, so drivers learn of lost executors by heartbeats alone.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::Team;
use crate::ground::{self, ENGINE_IMAGE};
use crate::proxy::Proxy;

/// An operator; it is killed when this is dropped.
pub struct Operator {
    child: Child,
    folder: PathBuf,
}

impl Operator {
    /// Starts one for the namespace of `team`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(team: &Team, proxy: &Proxy) -> Result<Self> {
        Self::start_with(team, proxy, &[])
    }

    /// Starts one that soon gives up on what does not start, for a test that waits for just that. What should start has the time
    /// that the installed operator gives it.
    ///
    /// # Errors
    /// As above.
    pub async fn start_impatient(team: &Team) -> Result<Self> {
        let proxy = Proxy::start(&team.cluster, None).await?;
        Self::start_with(team, &proxy, &["--start-limit-seconds=30"])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_with(team: &Team, proxy: &Proxy, more: &[&str]) -> Result<Self> {
        let port = proxy.address().rsplit(':').next().unwrap_or_default();
        let folder = std::env::temp_dir().join(format!("onager-e2e-{}-{port}", team.name));
        fs::create_dir_all(&folder)?;
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, kubeconfig_for(proxy.address()))?;
        let log = File::options().create(true).append(true).open(folder.join("log"))?;
        let mut command = Command::new(ground::program("onager-operator")?);
        command
            .env_clear()
            .env("KUBECONFIG", &kubeconfig)
            .env("POD_NAMESPACE", &team.name)
            .env("RUST_LOG", "info")
            .args(["--namespaces", &team.name, "--leader-elect=false", "--engine-image", ENGINE_IMAGE])
            // The API server asks the webhook of the installed operator.
            .args(["--metrics-address=127.0.0.1:0", "--probe-address=127.0.0.1:0", "--webhook=false"])
            .args(more)
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().context("cannot start the operator")?;
        proxy.aim_at(child.id().context("the operator has a process id")?);
        Ok(Self { child, folder })
    }

    /// Waits until it is gone, however it goes.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn wait(&mut self) -> Result<()> {
        self.child.wait().await?;
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// What it wrote to its log, with what those before it on the same proxy wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the operator outside\n{}", self.log());
        }
    }
}

/// A kubeconfig for a server that asks nobody who they are.
pub fn kubeconfig_for(server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
    })
    .to_string()
}
