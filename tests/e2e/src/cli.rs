//! The command `onager`, run as a user runs it.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::{Team, ground};

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// The same, unless the exit code is another.
    ///
    /// # Errors
    /// With all that was said.
    pub fn exits(self, code: i32) -> Result<Self> {
        ensure!(self.code == code, "exit code {} in place of {code}\n{}\n{}", self.code, self.out, self.err);
        Ok(self)
    }
}

/// Runs `onager` in the namespace of a team; `input` is what - stands for.
///
/// # Errors
/// When it cannot be run.
pub async fn onager(team: &Team, arguments: &[&str], input: Option<&Value>) -> Result<Said> {
    run(team, &team.cluster.kubeconfig(), arguments, input).await
}

/// Runs it as somebody else.
///
/// # Errors
/// When it cannot be run.
pub async fn onager_as(team: &Team, user: &str, arguments: &[&str]) -> Result<Said> {
    let mut kubeconfig: Value = serde_yaml::from_str(&fs::read_to_string(team.cluster.kubeconfig())?)?;
    kubeconfig["users"][0]["user"]["as"] = user.into();
    let path = std::env::temp_dir().join(format!("onager-{}-{user}", team.name));
    fs::write(&path, kubeconfig.to_string())?;
    let said = run(team, &path, arguments, None).await;
    fs::remove_file(&path)?;
    said
}

async fn run(team: &Team, kubeconfig: &Path, arguments: &[&str], input: Option<&Value>) -> Result<Said> {
    let mut command = Command::new(ground::program("onager")?);
    command.arg("--kubeconfig").arg(kubeconfig).args(["--namespace", &team.name]).args(arguments);
    // The API server is on this machine, whatever the environment says about proxies.
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("cannot run onager")?;
    if let Some(mut pipe) = child.stdin.take()
        && let Some(input) = input
    {
        pipe.write_all(input.to_string().as_bytes()).await?;
    }
    let done = child.wait_with_output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: done.status.code().unwrap_or(-1), out: text(&done.stdout), err: text(&done.stderr) })
}
