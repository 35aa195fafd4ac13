//! `onager queues`: the tree of queues, with what each has, deserves and lends, and how many wait.

pub mod read;
#[cfg(test)]
mod tests;
pub mod tree;

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use onager_crds::ResourceList;

use crate::{cluster::Options, print};
use read::Found;
use tree::Row;

/// Show the tree of queues: what each uses, deserves and borrows, and how many applications wait.
///
/// Those of all namespaces that you may read; with --namespace, those of one and the ones above them.
#[derive(clap::Args)]
pub struct Arguments {
    /// Those of all namespaces, whatever --namespace says.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// What is written.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// A form of answers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Shows it.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let one = options.namespace.is_some() && !arguments.all_namespaces;
    let found = if one { Found::in_namespace(&cluster).await? } else { Found::all(&cluster).await? };
    let rows = tree::rows(&found.queues);
    found.notes.iter().for_each(|note| eprintln!("note: {note}"));
    match arguments.output {
        Output::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(&rows)?)),
        Output::Text if rows.is_empty() => eprintln!("there are no queues"),
        Output::Text => print::out(&lines(&rows)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Amounts as people write them: `cpu 4, memory 8Gi`.
pub fn amounts(list: &ResourceList) -> String {
    list.iter().map(|(resource, amount)| format!("{resource} {}", amount.0)).collect::<Vec<_>>().join(", ")
}

fn lines(rows: &[Row]) -> String {
    let head = ["QUEUE", "WEIGHT", "GUARANTEE", "CAPABILITY", "USED", "DESERVED", "BORROWED"];
    let head = head.into_iter().chain(["QUEUED", "ADMITTED", "READY", "REASON"]);
    let mut table = vec![head.map(String::from).collect::<Vec<_>>()];
    let dash = |text: String| if text.is_empty() { "-".to_string() } else { text };
    for row in rows {
        let name = format!("{}{}", "  ".repeat(row.depth), row.queue);
        let Some(known) = &row.known else {
            table.push(vec![name]);
            continue;
        };
        let lists = [&known.guarantee, &known.capability, &known.used, &known.deserved, &known.borrowed];
        let mut cells = vec![name, known.weight.to_string()];
        cells.extend(lists.map(|list| dash(amounts(list))));
        cells.extend([known.queued.to_string(), known.admitted.to_string()]);
        cells.push(known.ready.map_or("-", |ready| if ready { "yes" } else { "no" }).to_string());
        cells.push(known.reason.clone().unwrap_or_default());
        table.push(cells);
    }
    print::table(&table)
}
