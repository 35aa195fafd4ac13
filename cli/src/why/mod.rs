//! `onager why`: why an application waits, for whom, and what would free its room. Asks with the rights of whoever types it;
//! what those do not reach is left out, and said.

mod answer;
#[cfg(test)]
mod tests;
mod text;

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use onager_core::{intake, queue::Kinds};
use onager_crds::{ResourceList, State};

use crate::{
    cluster::{Cluster, Options, explain},
    follow, print,
    queues::{Output, read::Found},
};
use answer::{Answer, queue_of};

/// Say why an application waits: its place in line, what blocks it, how much is short, and what would free it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the application.
    name: String,
    /// What is written.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Says it.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let app = cluster.application(&arguments.name).await?;
    let mut found = Found::default();
    let mut nodes = None;
    if follow::state(&app) == State::Queued {
        if let Some(queue) = queue_of(&app) {
            found.upwards(&cluster, &queue).await?;
        }
        nodes = room(&cluster, &mut found.notes).await?;
    }
    let answer = Answer::of(&app, &found.queues, nodes, found.notes);
    match arguments.output {
        Output::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(&answer)?)),
        Output::Text => print::out(&text::text(&app, &answer, Timestamp::now())),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the cluster's usable nodes have.
async fn room(cluster: &Cluster, notes: &mut Vec<String>) -> Result<Option<ResourceList>> {
    match Api::<Node>::all(cluster.client.clone()).list(&ListParams::default()).await {
        Ok(nodes) => Ok(Some(sum(&nodes.items))),
        Err(kube::Error::Api(status)) if status.code == 403 => {
            notes.push("nodes may not be read: what the cluster has is left out".into());
            Ok(None)
        }
        Err(error) => Err(explain(error)),
    }
}

fn sum(nodes: &[Node]) -> ResourceList {
    let mut kinds = Kinds::default();
    let mut total = onager_core::queue::Amounts::default();
    let sites = nodes.iter().map(|node| intake::site(intake::node(node).0, &mut kinds)).collect::<Vec<_>>();
    for site in sites.iter().filter(|site| site.node.usable) {
        total.add(&site.allocatable, 1);
    }
    let shown = |(kind, amount): (usize, u64)| {
        use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
        (kinds.name(kind).to_string(), Quantity(kinds.show(kind, amount)))
    };
    total.some().map(shown).collect()
}
