//! Which cluster and which namespace, and errors of the API in words of the person who typed the command.

use anyhow::{Context, Result, anyhow};
use kube::{
    Api, Client,
    config::{Config, KubeConfigOptions, Kubeconfig},
    core::NamespaceResourceScope,
};
use onager_crds::SparkApplication;

/// Where.
#[derive(clap::Args)]
pub struct Options {
    /// Namespace [default: that of the kubeconfig's context].
    #[arg(short, long, global = true)]
    pub namespace: Option<String>,
    /// Context of the kubeconfig.
    #[arg(long, global = true)]
    pub context: Option<String>,
    /// Kubeconfig file [default: $KUBECONFIG, or ~/.kube/config].
    #[arg(long, global = true)]
    pub kubeconfig: Option<std::path::PathBuf>,
}

/// A cluster that can be asked, and the namespace that is meant.
pub struct Cluster {
    /// Where to ask.
    pub client: Client,
    /// The namespace of the arguments, or of the context.
    pub namespace: String,
}

impl Options {
    /// The cluster.
    ///
    /// # Errors
    /// When there is no usable kubeconfig. Whether the cluster answers shows later.
    pub async fn open(&self) -> Result<Cluster> {
        let choice = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).with_context(|| format!("cannot use {}", path.display()))?;
                Config::from_custom_kubeconfig(file, &choice).await?
            }
            None if self.context.is_some() => Config::from_kubeconfig(&choice).await?,
            None => Config::infer().await.context("no cluster: there is no kubeconfig, and this is not a pod")?,
        };
        // A create that is sent twice would find itself there already.
        config.default_retry = false;
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Cluster { client: Client::try_from(config)?, namespace })
    }
}

impl Cluster {
    /// Objects of the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The application of that name.
    ///
    /// # Errors
    /// When there is none, or the API server says no.
    pub async fn application(&self, name: &str) -> Result<SparkApplication> {
        self.api().get(name).await.map_err(|error| self.explain(error, name))
    }

    /// An error about an application of that name, in words.
    pub fn explain(&self, error: kube::Error, name: &str) -> anyhow::Error {
        match &error {
            kube::Error::Api(status) if status.code == 404 && !name.is_empty() && status.details_name() == name => {
                anyhow!("there is no SparkApplication {name:?} in namespace {}", self.namespace)
            }
            _ => explain(error),
        }
    }
}

trait DetailsName {
    fn details_name(&self) -> &str;
}

impl DetailsName for kube::core::Status {
    fn details_name(&self) -> &str {
        self.details.as_ref().map(|details| details.name.as_str()).unwrap_or_default()
    }
}

/// An error of the API, in words.
pub fn explain(error: kube::Error) -> anyhow::Error {
    match error {
        // The API server's own 404 names no object when it does not know the kind.
        kube::Error::Api(status) if status.code == 404 && status.details_name().is_empty() => {
            anyhow!("the cluster does not know SparkApplications of onager.dev: is Onager installed there?")
        }
        kube::Error::Api(status) => anyhow!("{}", readable(&status.message)),
        kube::Error::Service(_) | kube::Error::HyperError(_) => {
            anyhow::Error::from(error).context("the cluster does not answer")
        }
        other => other.into(),
    }
}

/// Without what the API server wraps around each message of ours.
fn readable(message: &str) -> String {
    let ours = message.split_once(" denied the request: ").map_or(message, |(_, ours)| ours);
    ours.trim().to_string()
}
