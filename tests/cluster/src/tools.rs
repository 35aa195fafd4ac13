//! Finds the Go programs of a cluster, and has them built where the cache does not hold them. Building is the business of
//! tools/build.sh, which knows the versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/build.sh");

/// The folders with the programs.
#[derive(Clone, Debug)]
pub struct Tools {
    etcd: PathBuf,
    kubernetes: PathBuf,
    addons: Option<(PathBuf, PathBuf)>,
}

impl Tools {
    /// Finds what a cluster needs, or builds it.
    pub fn find(addons: bool) -> Result<Self> {
        let mut modules = vec!["etcd", "kubernetes"];
        if addons {
            modules.extend(["coredns", "minio"]);
        }
        let folders = build(&modules)?;
        match folders.as_slice() {
            [etcd, kubernetes] => Ok(Self { etcd: etcd.clone(), kubernetes: kubernetes.clone(), addons: None }),
            [etcd, kubernetes, coredns, minio] => Ok(Self {
                etcd: etcd.clone(),
                kubernetes: kubernetes.clone(),
                addons: Some((coredns.clone(), minio.clone())),
            }),
            other => bail!("{BUILD} named {} folders for {} modules", other.len(), modules.len()),
        }
    }

    /// etcd.
    pub fn etcd(&self) -> PathBuf {
        // The module's main package is the server's root folder, so the program is called `server` there.
        ["etcd", "server"].map(|name| self.etcd.join(name)).into_iter().find(|p| p.exists()).unwrap_or_default()
    }

    /// A program of Kubernetes.
    pub fn kubernetes(&self, program: &str) -> PathBuf {
        self.kubernetes.join(program)
    }

    /// The folder with kubectl.
    pub fn programs(&self) -> &Path {
        &self.kubernetes
    }

    /// CoreDNS, where it was asked for.
    pub fn coredns(&self) -> Option<PathBuf> {
        self.addons.as_ref().map(|(folder, _)| folder.join("coredns"))
    }

    /// MinIO, where it was asked for.
    pub fn minio(&self) -> Option<PathBuf> {
        self.addons.as_ref().map(|(_, folder)| folder.join("minio"))
    }
}

/// The Helm program, built where the cache does not hold it.
pub fn helm() -> Result<PathBuf> {
    program("helm")
}

/// The program kwok, built where the cache does not hold it.
pub fn kwok() -> Result<PathBuf> {
    program("kwok")
}

/// The Prometheus server, built where the cache does not hold it.
pub fn prometheus() -> Result<PathBuf> {
    program("prometheus")
}

/// The program that a module is named after.
fn program(module: &str) -> Result<PathBuf> {
    let folders = build(&[module])?;
    folders.first().map(|folder| folder.join(module)).ok_or_else(|| anyhow!("{BUILD} named no folder for {module}"))
}

fn build(modules: &[&str]) -> Result<Vec<PathBuf>> {
    let done = Command::new("bash")
        .arg(BUILD)
        .args(modules)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {BUILD}"))?;
    if !done.status.success() {
        bail!("{BUILD} {} failed (it needs Go): {}", modules.join(" "), done.status);
    }
    Ok(String::from_utf8_lossy(&done.stdout).lines().map(PathBuf::from).collect())
}
