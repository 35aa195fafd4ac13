//! `onager kill`: ends applications by deleting them, and stays until their pods are gone.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Preconditions},
};
use onager_crds::SparkApplication;
use tokio::time::sleep;

use crate::{
    FAILED,
    cluster::{Cluster, Options, explain},
    print,
};

/// How often is looked for what is left.
const PAUSE: Duration = Duration::from_millis(500);

/// Delete applications, with their pods.
///
/// To keep the object and its history, set spec.suspend instead.
#[derive(clap::Args)]
pub struct Arguments {
    /// Names of the applications.
    #[arg(required = true)]
    names: Vec<String>,
    /// Do not wait until their pods are gone.
    #[arg(long)]
    no_wait: bool,
}

/// Deletes them. One that is not there does not keep the others alive.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let mut killed = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.names {
        match kill(&cluster, name).await {
            Ok(uid) => killed.push((name, uid)),
            Err(error) => {
                eprintln!("error: {}", print::words(&error));
                code = ExitCode::from(FAILED);
            }
        }
    }
    for (name, uid) in killed {
        while !arguments.no_wait && is_left(&cluster, name, &uid).await? {
            sleep(PAUSE).await;
        }
        eprintln!("{name} deleted");
    }
    Ok(code)
}

async fn kill(cluster: &Cluster, name: &str) -> Result<String> {
    let uid = cluster.application(name).await?.uid().unwrap_or_default();
    // Not another one that has the name by now.
    let this = Preconditions { uid: Some(uid.clone()), resource_version: None };
    let params = DeleteParams { preconditions: Some(this), ..DeleteParams::background() };
    let deleted = cluster.api::<SparkApplication>().delete(name, &params).await;
    deleted.map_err(|error| cluster.explain(error, name))?;
    Ok(uid)
}

async fn is_left(cluster: &Cluster, name: &str, uid: &str) -> Result<bool> {
    let app = cluster.api::<SparkApplication>().get_opt(name).await.map_err(explain)?;
    if app.is_some_and(|app| app.uid().as_deref() == Some(uid)) {
        return Ok(true);
    }
    let mine = ListParams::default().labels(&format!("onager.dev/app-name={name}"));
    let pods = cluster.api::<Pod>().list_metadata(&mine).await.map_err(explain)?;
    Ok(pods.iter().any(|pod| pod.owner_references().iter().any(|owner| owner.uid == uid)))
}
