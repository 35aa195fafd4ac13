//! Where the tests run: the cluster that `tests/e2e/run.sh` brought up, and the programs built beside this one. Nothing here
//! starts or stops anything.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use onager_cluster::Cluster;

/// Names the cluster.
pub const CLUSTER: &str = "ONAGER_E2E_CLUSTER";

/// Where the operator is installed, as its chart's release.
pub const OPERATOR_NAMESPACE: &str = "onager-system";

/// The engine's image on the cluster.
pub const ENGINE_IMAGE: &str = "onager/engine:dev";

/// The cluster.
///
/// # Errors
/// When the tests were not started by the script that makes it.
pub fn cluster() -> Result<Cluster> {
    let name = env::var(CLUSTER).map_err(|_| anyhow!("these tests need a cluster: run `make test`"))?;
    Cluster::open(&name)
}

/// A client that may do everything.
///
/// # Errors
/// When the kubeconfig cannot be used.
pub async fn client(cluster: &Cluster) -> Result<Client> {
    Ok(Client::try_from(config(cluster).await?)?)
}

/// The same, which never repeats a request by itself.
///
/// # Errors
/// When the kubeconfig cannot be used.
pub async fn client_without_retry(cluster: &Cluster) -> Result<Client> {
    let mut config = config(cluster).await?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn config(cluster: &Cluster) -> Result<Config> {
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).context("the cluster's kubeconfig")?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // The API server is on this machine, whatever the environment says about proxies.
    config.proxy_url = None;
    Ok(config)
}

/// A program of this workspace, built by the same cargo command as the tests.
///
/// # Errors
/// When it is not there.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("where this program is")?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| anyhow!("{name} is not built: run `cargo build --workspace --all-targets`"))
}

/// The checkout.
pub fn repository() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}
