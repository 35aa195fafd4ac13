//! `onager list`: applications, or schedules, one a line, the newest last.

mod applications;
mod schedules;

use std::{fmt::Debug, process::ExitCode};

use anyhow::Result;
use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt, api::ListParams, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;

use crate::{
    cluster::{Cluster, Options, explain},
    print,
};

/// List applications, or schedules.
#[derive(clap::Args)]
pub struct Arguments {
    /// Those of all namespaces.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Those with these labels, such as team=etl.
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Schedules in place of applications.
    #[arg(short, long)]
    schedules: bool,
}

/// Lists them.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let (all, now) = (arguments.all_namespaces, Timestamp::now());
    let (what, text) = if arguments.schedules {
        ("schedules", list(&cluster, arguments).await?.map(|found| schedules::lines(&found, all, now)))
    } else {
        ("applications", list(&cluster, arguments).await?.map(|found| applications::lines(&found, all, now)))
    };
    match text {
        Some(text) => print::out(&text),
        None if all => eprintln!("there are no {what} in any namespace"),
        None => eprintln!("there are no {what} in namespace {}", cluster.namespace),
    }
    Ok(ExitCode::SUCCESS)
}

/// Those that are asked for, the newest last; nothing where there is none.
async fn list<K>(cluster: &Cluster, arguments: &Arguments) -> Result<Option<Vec<K>>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = if arguments.all_namespaces { Api::all(cluster.client.clone()) } else { cluster.api() };
    let chosen = ListParams { label_selector: arguments.selector.clone(), ..ListParams::default() };
    let mut found = api.list(&chosen).await.map_err(explain)?.items;
    found.sort_by_key(|object| object.creation_timestamp().map(|time| time.0));
    Ok(Some(found).filter(|found| !found.is_empty()))
}
